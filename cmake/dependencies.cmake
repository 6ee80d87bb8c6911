find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

# Debian's default Boost is 1.74; libboost1.81-dev excludes it. A package that drags the default in removes 1.81 silently.
set(Boost_USE_STATIC_LIBS ON)
find_package(Boost 1.81 COMPONENTS json)
if(NOT Boost_FOUND)
  message(FATAL_ERROR "Boost 1.81 or newer is needed: apt-get install libboost1.81-dev libboost-json1.81-dev "
                      "(they replace the default libboost-dev).")
endif()
find_package(CURL REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(fmt REQUIRED)

pkg_check_modules(SECCOMP REQUIRED libseccomp)

set(CODECS_MODULES libjpeg libpng libwebp libdeflate libisal lcms2 libhwy freetype2)
pkg_check_modules(CODECS REQUIRED IMPORTED_TARGET ${CODECS_MODULES})
add_library(weir_codecs INTERFACE)
add_library(weir::codecs ALIAS weir_codecs)
target_link_libraries(weir_codecs INTERFACE PkgConfig::CODECS)
