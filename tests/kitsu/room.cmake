# Scripted servers.
target_sources(kitsu_test PRIVATE ${PROJECT_SOURCE_DIR}/tests/http/fault_server.cpp)
include(${CMAKE_CURRENT_LIST_DIR}/zou.cmake)
