set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

option(ALLOW_GCC12 "Build with a GNU compiler older than 13, which miscompiles coroutines" OFF)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13 AND NOT ALLOW_GCC12)
  message(FATAL_ERROR "g++ ${CMAKE_CXX_COMPILER_VERSION} miscompiles C++20 coroutines (see tests/toolchain). "
                      "Use clang-19: cmake --preset release, or -DCMAKE_CXX_COMPILER=clang++-19.")
endif()

set(WEIR_SANITIZE "" CACHE STRING "Sanitizers, for example address,undefined or thread")
add_library(weir_flags INTERFACE)
target_compile_features(weir_flags INTERFACE cxx_std_20)
target_compile_options(weir_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
                                            -Wno-missing-field-initializers)
if(WEIR_SANITIZE)
  target_compile_options(weir_flags INTERFACE -fsanitize=${WEIR_SANITIZE} -fno-omit-frame-pointer -g)
  target_link_options(weir_flags INTERFACE -fsanitize=${WEIR_SANITIZE})
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_link_options(weir_flags INTERFACE -fuse-ld=lld)
  target_compile_options(weir_flags INTERFACE -Wno-gnu-zero-variadic-macro-arguments)
endif()
# as-needed: libcurl is loaded when something is fetched (src/http/curl.hpp), not at every start.
target_link_options(weir_flags INTERFACE -Wl,--as-needed -Wl,-z,relro,-z,now -Wl,--gc-sections)
target_compile_options(weir_flags INTERFACE -ffunction-sections -fdata-sections -fstack-protector-strong)
