# HMAC over the state that travels through clients.
find_package(OpenSSL REQUIRED)
target_link_libraries(weir_mcp PRIVATE OpenSSL::Crypto)
