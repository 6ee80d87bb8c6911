# `cmake --install` gives a prefix with the program weir and, component `library`, the package for
# find_package(weir): headers, static libraries, targets weir::weir (all of it) and weir::<room>.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/weir)
set(installed weir_all weir_codecs)
set_target_properties(weir_all PROPERTIES EXPORT_NAME weir)
set_target_properties(weir_codecs PROPERTIES EXPORT_NAME codecs)
get_property(targets DIRECTORY ${PROJECT_SOURCE_DIR} PROPERTY BUILDSYSTEM_TARGETS)
foreach(target ${targets})
  if(target MATCHES "^weir_(.+)$" AND TARGET weir::${CMAKE_MATCH_1} AND NOT target IN_LIST installed)
    set_target_properties(${target} PROPERTIES EXPORT_NAME ${CMAKE_MATCH_1})
    list(APPEND installed ${target})
  endif()
endforeach()

install(TARGETS ${installed} EXPORT weir ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library)
install(EXPORT weir NAMESPACE weir:: FILE weirTargets.cmake DESTINATION ${package} COMPONENT library)
install(DIRECTORY include/weir DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT library FILES_MATCHING PATTERN *.hpp)

configure_package_config_file(cmake/weirConfig.cmake.in ${PROJECT_BINARY_DIR}/weirConfig.cmake
                              INSTALL_DESTINATION ${package})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/weirConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/weirConfig.cmake ${PROJECT_BINARY_DIR}/weirConfigVersion.cmake
        DESTINATION ${package} COMPONENT library)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT library)
