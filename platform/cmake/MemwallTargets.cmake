# SPDX-FileCopyrightText: The Memwall authors
# SPDX-License-Identifier: Apache-2.0
include(GNUInstallDirs)
include(GoogleTest)

set(MEMWALL_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Werror)

# Flags for our own code only; third-party headers come in as SYSTEM.
# -ffp-contract=off: the numerics contract forbids fused multiply-add.
function(memwall_target_options target)
  target_compile_options(${target} PRIVATE ${MEMWALL_WARNINGS} -ffp-contract=off)
  if(MEMWALL_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${MEMWALL_SANITIZE} -fno-omit-frame-pointer
                                             -fno-sanitize-recover=all)
    target_link_options(${target} PUBLIC -fsanitize=${MEMWALL_SANITIZE})
  endif()
endfunction()

# memwall_add_block(<name> SOURCES ... [DEPS ...] [SYSTEMC] [NO_INSTALL])
# One library per block: target memwall_<name>, alias memwall::<name>, headers included as "<dir>/x.h" from
# the repository's ip/ or platform/ folder, e.g. #include "hbm/engine.h", #include "common/error.h".
function(memwall_add_block name)
  cmake_parse_arguments(ARG "SYSTEMC;NO_INSTALL" "" "SOURCES;DEPS" ${ARGN})
  set(target memwall_${name})
  add_library(${target} STATIC ${ARG_SOURCES})
  add_library(memwall::${name} ALIAS ${target})
  memwall_target_options(${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON)
  target_include_directories(
    ${target} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/ip> $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/platform>
                     $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/generated> $<INSTALL_INTERFACE:include/memwall>)
  target_link_libraries(${target} PUBLIC ${ARG_DEPS})
  add_dependencies(${target} memwall_generate_files)
  if(ARG_SYSTEMC)
    target_link_libraries(${target} PUBLIC memwall_systemc)
  endif()
  if(NOT ARG_NO_INSTALL)
    set_property(GLOBAL APPEND PROPERTY MEMWALL_INSTALL_TARGETS ${target})
    set_property(GLOBAL APPEND PROPERTY MEMWALL_INSTALL_HEADER_DIRS ${CMAKE_CURRENT_SOURCE_DIR})
  endif()
endfunction()

# SystemC as a SYSTEM include, so that its headers do not meet our warnings.
if(NOT TARGET memwall_systemc)
  add_library(memwall_systemc INTERFACE)
  target_include_directories(memwall_systemc SYSTEM INTERFACE ${systemc_INCLUDE_DIRS})
  target_link_libraries(memwall_systemc INTERFACE systemc Threads::Threads)
  target_compile_definitions(memwall_systemc INTERFACE SC_DISABLE_API_VERSION_CHECK=1)
  set_target_properties(memwall_systemc PROPERTIES EXPORT_NAME systemc)
  set_property(GLOBAL APPEND PROPERTY MEMWALL_INSTALL_TARGETS memwall_systemc)
endif()

# memwall_add_test(<name> LAYER <layer> SOURCES ... [DEPS ...] [SYSTEMC] [TIMEOUT s])
# A GoogleTest executable. Each TEST becomes its own ctest entry and therefore its own process, which SystemC
# needs (its kernel is global). LAYER is one of unit registers timing calibration cosim golden system fuzz
# conformance install repo bench and becomes the ctest label.
function(memwall_add_test name)
  cmake_parse_arguments(ARG "SYSTEMC" "LAYER;TIMEOUT" "SOURCES;DEPS" ${ARGN})
  if(NOT ARG_LAYER)
    message(FATAL_ERROR "memwall_add_test(${name}): LAYER is missing")
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  memwall_target_options(${name})
  target_compile_options(${name} PRIVATE -Wno-conversion)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests ${PROJECT_SOURCE_DIR}/ip
                                             ${PROJECT_SOURCE_DIR}/platform)
  target_compile_definitions(${name} PRIVATE MEMWALL_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
                                             MEMWALL_BINARY_DIR="${PROJECT_BINARY_DIR}")
  target_include_directories(${name} PRIVATE ${PROJECT_BINARY_DIR}/generated)
  add_dependencies(${name} memwall_generate_files)
  # Under sanitizers the linker keeps libsystemc, which wants sc_main, even where nothing of it is used.
  if(ARG_SYSTEMC OR MEMWALL_SANITIZE)
    # One object for all tests: sc_main that runs GoogleTest.
    if(NOT TARGET memwall_sc_gtest_main)
      add_library(memwall_sc_gtest_main OBJECT ${PROJECT_SOURCE_DIR}/tests/support/sc_gtest_main.cpp)
      memwall_target_options(memwall_sc_gtest_main)
      target_link_libraries(memwall_sc_gtest_main PRIVATE memwall_systemc GTest::gtest)
    endif()
    target_link_libraries(${name} PRIVATE memwall_sc_gtest_main ${ARG_DEPS} memwall_systemc GTest::gtest)
  else()
    target_link_libraries(${name} PRIVATE ${ARG_DEPS} GTest::gtest GTest::gtest_main)
  endif()
  if(ARG_LAYER STREQUAL "fuzz")
    if(NOT TARGET memwall_fuzz_tests)
      add_custom_target(memwall_fuzz_tests)
    endif()
    add_dependencies(memwall_fuzz_tests ${name})
  endif()
  set(environment "")
  if(MEMWALL_SANITIZE)
    math(EXPR ARG_TIMEOUT "4 * ${ARG_TIMEOUT}")
    if(ARG_SYSTEMC)
      # The leak checker cannot follow the stacks of SystemC's threads and may crash at exit.
      set(environment ENVIRONMENT ASAN_OPTIONS=detect_leaks=0)
    endif()
  endif()
  gtest_discover_tests(${name} TEST_PREFIX "${ARG_LAYER}/${name}/" DISCOVERY_MODE PRE_TEST
                       PROPERTIES LABELS ${ARG_LAYER} TIMEOUT ${ARG_TIMEOUT} ${environment})
endfunction()
