# weir_room(NAME [USES room...] [LIBS lib...]): the static library weir_NAME from src/NAME/*.cpp, and, where tests are
# built, the program NAME_test from tests/NAME/*_test.cpp. LIBS stay private: no third-party type in a public header
# except the JSON value.
function(weir_room name)
  cmake_parse_arguments(room "" "" "USES;LIBS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.cpp
                                    ${PROJECT_SOURCE_DIR}/src/${name}/*/*.cpp)
  if(NOT sources)
    add_library(weir_${name} INTERFACE)
    target_include_directories(weir_${name} INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
                                                      $<INSTALL_INTERFACE:include>)
    foreach(other ${room_USES})
      target_link_libraries(weir_${name} INTERFACE weir_${other})
    endforeach()
  else()
    add_library(weir_${name} STATIC ${sources})
    target_include_directories(weir_${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
                                                   $<INSTALL_INTERFACE:include>
                                            PRIVATE ${PROJECT_SOURCE_DIR}/src)
    target_compile_features(weir_${name} PUBLIC cxx_std_20)
    target_link_libraries(weir_${name} PRIVATE $<BUILD_INTERFACE:weir_flags> PUBLIC Threads::Threads)
    foreach(other ${room_USES})
      target_link_libraries(weir_${name} PUBLIC weir_${other})
    endforeach()
    if(name STREQUAL json)
      target_link_libraries(weir_${name} PUBLIC ${room_LIBS})
    else()
      target_link_libraries(weir_${name} PRIVATE ${room_LIBS})
    endif()
  endif()
  add_library(weir::${name} ALIAS weir_${name})
  if(EXISTS ${PROJECT_SOURCE_DIR}/src/${name}/room.cmake)
    include(${PROJECT_SOURCE_DIR}/src/${name}/room.cmake)
  endif()
endfunction()

# weir_room_tests(NAME [LIBS lib...]): one GoogleTest program per room, found by ctest test by test.
function(weir_room_tests name)
  cmake_parse_arguments(room "" "" "LIBS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/${name}/*_test.cpp)
  if(NOT sources)
    return()
  endif()
  add_executable(${name}_test ${sources})
  target_include_directories(${name}_test PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/tests)
  target_link_libraries(${name}_test PRIVATE weir_flags weir_${name} GTest::gtest GTest::gtest_main ${room_LIBS})
  gtest_discover_tests(${name}_test TEST_PREFIX ${name}. DISCOVERY_TIMEOUT 120
                       WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} PROPERTIES TIMEOUT 300)
  if(EXISTS ${PROJECT_SOURCE_DIR}/tests/${name}/room.cmake)
    include(${PROJECT_SOURCE_DIR}/tests/${name}/room.cmake)
  endif()
endfunction()
