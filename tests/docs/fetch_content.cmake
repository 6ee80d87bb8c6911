# Configures, builds and runs the project in SOURCE, which takes the repository at REPOSITORY in.
function(step)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "failed: ${ARGV}\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

set(flags)
if(SANITIZE)
  set(flags -DCMAKE_CXX_FLAGS=-fsanitize=${SANITIZE} -DWEIR_SANITIZE=${SANITIZE})
endif()
string(TOUPPER "${TYPE}" upper)
step(${CMAKE_COMMAND} -S ${SOURCE} -B ${BINARY} -G ${GENERATOR} -DCMAKE_CXX_COMPILER=${CXX}
     -DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER} -DCMAKE_BUILD_TYPE=${TYPE} -DCMAKE_CXX_FLAGS_${upper}=${FLAGS}
     -DFETCHCONTENT_SOURCE_DIR_WEIR=${REPOSITORY} ${flags})
step(${CMAKE_COMMAND} --build ${BINARY} --target hello)
step(${BINARY}/hello)
if(NOT output STREQUAL "42\n")
  message(FATAL_ERROR "the program said: ${output}")
endif()
