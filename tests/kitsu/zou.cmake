# Tests against a real zou: ctest starts one before them and ends it after them (tests/kitsu/zou).
#
#   weir_zou_tests(target)   finds the tests of a GoogleTest program; each needs the server, and has WEIR_ZOU, the path
#                            of the file that says where it is and what it holds. They run one after another (RESOURCE_LOCK):
#                            what one of them creates would be in the lists that another one counts.
find_package(Python3 REQUIRED COMPONENTS Interpreter)

set(weir_zou ${Python3_EXECUTABLE} -B ${PROJECT_SOURCE_DIR}/tests/kitsu/zou)
set(weir_zou_folder ${PROJECT_BINARY_DIR}/zou)

# The first start installs the server and fills it. It ends with whoever ran the tests, should they be killed.
add_test(NAME kitsu.zou_up COMMAND ${weir_zou} up --dir ${weir_zou_folder} --owner parent)
set_tests_properties(kitsu.zou_up PROPERTIES FIXTURES_SETUP zou TIMEOUT 1200)
add_test(NAME kitsu.zou_down COMMAND ${weir_zou} down --dir ${weir_zou_folder})
set_tests_properties(kitsu.zou_down PROPERTIES FIXTURES_CLEANUP zou TIMEOUT 120)

add_test(NAME kitsu.zou_is_real COMMAND ${Python3_EXECUTABLE} -B ${PROJECT_SOURCE_DIR}/tests/kitsu/zou_test.py)
set_tests_properties(kitsu.zou_is_real PROPERTIES FIXTURES_REQUIRED zou RESOURCE_LOCK zou TIMEOUT 300
                     ENVIRONMENT WEIR_ZOU=${weir_zou_folder}/zou.json)

function(weir_zou_tests target)
  gtest_discover_tests(${target} TEST_PREFIX kitsu.live. DISCOVERY_TIMEOUT 120 WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
                       PROPERTIES TIMEOUT 300 FIXTURES_REQUIRED zou RESOURCE_LOCK zou
                       ENVIRONMENT WEIR_ZOU=${weir_zou_folder}/zou.json)
endfunction()

file(GLOB live_tests CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/kitsu/live/*_test.cpp)
if(live_tests)
  add_executable(kitsu_live_test ${live_tests})
  target_include_directories(kitsu_live_test PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_link_libraries(kitsu_live_test PRIVATE weir_flags weir_kitsu weir_fault_proxy GTest::gtest GTest::gtest_main)
  weir_zou_tests(kitsu_live_test)
endif()
