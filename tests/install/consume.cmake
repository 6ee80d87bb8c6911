# Installs the library of BUILD into a scratch prefix, then configures, builds and runs the program in SOURCE with it.
execute_process(COMMAND mktemp -d OUTPUT_VARIABLE scratch OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)

function(step)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    file(REMOVE_RECURSE ${scratch})
    message(FATAL_ERROR "failed: ${ARGV}\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

step(${CMAKE_COMMAND} --install ${BUILD} --prefix ${scratch}/prefix --component library)

# Nothing in the package leads back to where it was built.
file(GLOB_RECURSE package ${scratch}/prefix/*.cmake)
if(NOT package)
  message(FATAL_ERROR "no package was installed")
endif()
get_filename_component(repository ${SOURCE}/../../.. ABSOLUTE)
foreach(file ${package})
  file(READ ${file} text)
  foreach(path ${BUILD} ${repository})
    string(FIND "${text}" "${path}/" found)
    if(NOT found EQUAL -1)
      message(SEND_ERROR "${file} names ${path}")
    endif()
  endforeach()
endforeach()

set(flags)
if(SANITIZE)
  set(flags -DCMAKE_CXX_FLAGS=-fsanitize=${SANITIZE})
endif()
# Installed and moved: the package has to work from wherever it lies.
file(RENAME ${scratch}/prefix ${scratch}/moved)
step(${CMAKE_COMMAND} -S ${SOURCE} -B ${scratch}/build -G ${GENERATOR} -DCMAKE_CXX_COMPILER=${CXX}
     -DCMAKE_PREFIX_PATH=${scratch}/moved ${flags})
step(${CMAKE_COMMAND} --build ${scratch}/build)
step(${scratch}/build/consumer)
file(REMOVE_RECURSE ${scratch})
if(NOT output MATCHES "{\"sum\":25}")
  message(FATAL_ERROR "the program said: ${output}")
endif()
