add_executable(mcp_sample_server ${PROJECT_SOURCE_DIR}/tests/mcp/sample_server.cpp)
target_include_directories(mcp_sample_server PRIVATE ${PROJECT_SOURCE_DIR}/tests)
target_link_libraries(mcp_sample_server PRIVATE weir_flags weir_mcp)
target_compile_definitions(mcp_test PRIVATE MCP_SAMPLE_SERVER="$<TARGET_FILE:mcp_sample_server>"
                                            MCP_GOLDEN="${PROJECT_SOURCE_DIR}/tests/mcp/golden/")
add_dependencies(mcp_test mcp_sample_server)

add_executable(mcp_conformance_server ${PROJECT_SOURCE_DIR}/tests/mcp/conformance_server.cpp)
target_include_directories(mcp_conformance_server PRIVATE ${PROJECT_SOURCE_DIR}/tests)
target_link_libraries(mcp_conformance_server PRIVATE weir_flags weir_mcp)
