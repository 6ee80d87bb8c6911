# Scripted servers.
target_sources(kitsu_test PRIVATE ${PROJECT_SOURCE_DIR}/tests/http/fault_server.cpp)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
target_link_libraries(kitsu_test PRIVATE weir_kitsu_stub OpenSSL::SSL OpenSSL::Crypto ZLIB::ZLIB)
include(${CMAKE_CURRENT_LIST_DIR}/zou.cmake)
