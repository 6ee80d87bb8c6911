# A program whose tests fail, run by those of task_test_test.cpp.
add_executable(testing_failing ${CMAKE_CURRENT_LIST_DIR}/failing.cpp)
target_link_libraries(testing_failing PRIVATE weir_flags weir_testing GTest::gtest GTest::gtest_main)
target_compile_definitions(testing_test PRIVATE WEIR_FAILING_PROGRAM="$<TARGET_FILE:testing_failing>")
add_dependencies(testing_test testing_failing)
