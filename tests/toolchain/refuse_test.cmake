# cmake -DSOURCE=DIR -P refuse_test.cmake: cmake/compiler.cmake refuses GNU compilers older than 13 in one sentence,
# and nothing else. Where g++ is such a compiler, a real configuration is refused too.
if(JUDGE)
  # Inside: reads cmake/compiler.cmake as if this compiler had been found. What defines targets cannot run in a script.
  foreach(command add_library target_compile_features target_compile_options target_link_options)
    cmake_language(EVAL CODE "function(${command})\nendfunction()")
  endforeach()
  include(${SOURCE}/cmake/compiler.cmake)
  message(STATUS "accepted")
  return()
endif()

set(sentence "miscompiles C[+][+]20 coroutines")

function(judge expected id version)
  execute_process(COMMAND ${CMAKE_COMMAND} -DJUDGE=1 -DSOURCE=${SOURCE} -DCMAKE_CXX_COMPILER_ID=${id}
                          -DCMAKE_CXX_COMPILER_VERSION=${version} ${ARGN} -P ${CMAKE_CURRENT_LIST_FILE}
                  RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  string(REGEX REPLACE "[ \n]+" " " output "${output}")
  if(expected STREQUAL "refused")
    if(status EQUAL 0 OR NOT output MATCHES "g[+][+] ${version} ${sentence}" OR NOT output MATCHES "Use clang-19")
      message(SEND_ERROR "${id} ${version} should be refused with the sentence, but: ${output}")
    endif()
  elseif(NOT status EQUAL 0 OR NOT output MATCHES "accepted")
    message(SEND_ERROR "${id} ${version} ${ARGN} should be accepted, but: ${output}")
  endif()
endfunction()

judge(refused GNU 11.3.0)
judge(refused GNU 12.2.0)
judge(refused GNU 12.99)
judge(accepted GNU 13.0.0)
judge(accepted GNU 12.2.0 -DALLOW_GCC12=ON)
judge(accepted Clang 14.0.0)
judge(accepted Clang 19.1.7)

find_program(GXX g++)
if(NOT GXX)
  message(STATUS "no g++ here: only the rule itself was tried")
  return()
endif()
execute_process(COMMAND ${GXX} -dumpfullversion -dumpversion OUTPUT_VARIABLE version
                OUTPUT_STRIP_TRAILING_WHITESPACE)
if(NOT version VERSION_LESS 13)
  message(STATUS "g++ is ${version}: only the rule itself was tried")
  return()
endif()
execute_process(COMMAND mktemp -d OUTPUT_VARIABLE scratch OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${CMAKE_COMMAND} -S ${SOURCE} -B ${scratch} -DCMAKE_CXX_COMPILER=${GXX} -DWEIR_TESTS=OFF
                RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
file(REMOVE_RECURSE ${scratch})
string(REGEX REPLACE "[ \n]+" " " output "${output}")
if(status EQUAL 0 OR NOT output MATCHES "g[+][+] ${version} ${sentence}")
  message(SEND_ERROR "a build with g++ ${version} should be refused with the sentence, but: ${output}")
endif()
