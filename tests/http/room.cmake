find_package(ZLIB REQUIRED)
find_package(OpenSSL REQUIRED)
target_sources(http_test PRIVATE ${PROJECT_SOURCE_DIR}/tests/http/fault_server.cpp)
target_link_libraries(http_test PRIVATE ZLIB::ZLIB OpenSSL::SSL OpenSSL::Crypto)
# client_time_test.cpp stands in for the resolver; libcurl must find it there however it is loaded.
target_link_options(http_test PRIVATE -Wl,--export-dynamic-symbol=getaddrinfo)
