# sandbox_work_test.cpp decodes pictures inside the sandbox, which the decoders know nothing of.
target_link_libraries(offload_test PRIVATE weir_media)

# function_name_test.cpp sends functions of libraries that are opened while it runs, one of them without a build-id.
foreach(plugin offload_plugin offload_plugin_bare)
  add_library(${plugin} MODULE ${PROJECT_SOURCE_DIR}/tests/offload/naming/plugin.cpp)
  target_link_libraries(${plugin} PRIVATE weir_flags)
  add_dependencies(offload_test ${plugin})
endforeach()
target_link_options(offload_plugin PRIVATE -Wl,--build-id=sha1)
target_link_options(offload_plugin_bare PRIVATE -Wl,--build-id=none)
target_compile_definitions(offload_test PRIVATE OFFLOAD_PLUGINS="${CMAKE_CURRENT_BINARY_DIR}")

# Names of functions in a program that is no PIE, has no build-id and no symbols.
add_executable(offload_bare_program ${PROJECT_SOURCE_DIR}/tests/offload/naming/program.cpp)
target_link_libraries(offload_bare_program PRIVATE weir_flags weir_offload)
target_link_options(offload_bare_program PRIVATE -no-pie -Wl,--build-id=none -s)
add_test(NAME offload.names_without_pie_and_build_id COMMAND offload_bare_program)
set_tests_properties(offload.names_without_pie_and_build_id PROPERTIES TIMEOUT 60)

# What cannot be sent to a worker process is refused by the compiler, in plain words.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
add_test(NAME offload.refused COMMAND ${Python3_EXECUTABLE} -B ${PROJECT_SOURCE_DIR}/tests/offload/refused/refused.py
                                      ${CMAKE_CXX_COMPILER} ${PROJECT_SOURCE_DIR}/include)
set_tests_properties(offload.refused PROPERTIES TIMEOUT 120)

# A program with worker processes, for zygote_test.cpp to kill, replace and run without what it needs.
add_executable(offload_process_program ${PROJECT_SOURCE_DIR}/tests/offload/process/program.cpp)
target_include_directories(offload_process_program PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/tests)
target_link_libraries(offload_process_program PRIVATE weir_flags weir_offload)
add_dependencies(offload_test offload_process_program)
target_compile_definitions(offload_test
                           PRIVATE OFFLOAD_PROCESS_PROGRAM="$<TARGET_FILE:offload_process_program>")
