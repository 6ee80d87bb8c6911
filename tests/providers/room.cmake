target_sources(providers_test PRIVATE ${PROJECT_SOURCE_DIR}/tests/providers/openai_fixture.cpp
                                      ${PROJECT_SOURCE_DIR}/tests/http/fault_server.cpp)
target_link_libraries(providers_test PRIVATE weir_fake_openai_client)
