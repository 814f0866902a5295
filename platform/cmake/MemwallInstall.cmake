# SPDX-FileCopyrightText: The Memwall authors
# SPDX-License-Identifier: Apache-2.0
# Installable package: find_package(memwall) then link memwall::<block>.
include(CMakePackageConfigHelpers)
get_property(targets GLOBAL PROPERTY MEMWALL_INSTALL_TARGETS)
get_property(header_dirs GLOBAL PROPERTY MEMWALL_INSTALL_HEADER_DIRS)
install(TARGETS ${targets} EXPORT memwall-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
list(REMOVE_DUPLICATES header_dirs)
foreach(dir IN LISTS header_dirs)
  get_filename_component(folder ${dir} NAME)
  install(DIRECTORY ${dir}/ DESTINATION include/memwall/${folder} FILES_MATCHING PATTERN "*.h")
endforeach()
install(DIRECTORY ${PROJECT_BINARY_DIR}/generated/ DESTINATION include/memwall FILES_MATCHING PATTERN "*.h")
install(DIRECTORY ${PROJECT_SOURCE_DIR}/scenarios/memories/ DESTINATION ${CMAKE_INSTALL_DATADIR}/memwall/memories
        FILES_MATCHING PATTERN "*.toml")
install(EXPORT memwall-targets NAMESPACE memwall:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/memwall)
set(memwall_memories_dir ${CMAKE_INSTALL_DATADIR}/memwall/memories)
configure_package_config_file(
  ${PROJECT_SOURCE_DIR}/platform/cmake/memwall-config.cmake.in ${PROJECT_BINARY_DIR}/memwall-config.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/memwall PATH_VARS memwall_memories_dir)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/memwall-config-version.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/memwall-config.cmake ${PROJECT_BINARY_DIR}/memwall-config-version.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/memwall)
