# Installation and find_package(veer): libraries, headers in the same tree under include/veer, the program, the pages
# about file formats. Every library of VEER_LIBRARIES becomes veer::<name without veer_>; veer::veer is all of them.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

get_property(veer_exported GLOBAL PROPERTY VEER_LIBRARIES)
list(APPEND veer_exported veer_settings veer_env veer_simulators veer_agents veer)
foreach(library IN LISTS veer_exported)
  string(REGEX REPLACE "^veer_" "" short_name ${library})
  set_target_properties(${library} PROPERTIES EXPORT_NAME ${short_name})
endforeach()
install(TARGETS ${veer_exported} EXPORT veerTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}/veer)
install(EXPORT veerTargets NAMESPACE veer:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/veer)

foreach(folder env rewards simulators agents scenarios)
  install(DIRECTORY ${folder} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/veer FILES_MATCHING PATTERN "*.h"
          PATTERN "hdf5_calls.h" EXCLUDE PATTERN "*_net.h" EXCLUDE PATTERN "*_impl.h" EXCLUDE
          PATTERN "toml_text.h" EXCLUDE)
  file(GLOB_RECURSE pages CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*_FORMAT.md)
  install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_DOCDIR})
endforeach()
install(FILES LICENSE README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
if(TARGET veer_program)
  install(TARGETS veer_program veer_plugin_host RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/veerConfig.cmake.in ${PROJECT_BINARY_DIR}/veerConfig.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/veer)
# While the major version is 0, a new minor version may change the interface.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/veerConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/veerConfig.cmake ${PROJECT_BINARY_DIR}/veerConfigVersion.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/veer)
