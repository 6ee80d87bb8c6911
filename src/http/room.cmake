find_package(OpenSSL REQUIRED)
target_link_libraries(weir_http PRIVATE OpenSSL::Crypto)
