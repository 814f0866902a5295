# SPDX-FileCopyrightText: The Memwall authors
# SPDX-License-Identifier: Apache-2.0
# memwall_verilate(<target> TOP <module> SOURCES ... [ARGS ...])
# Translates a SystemVerilog top at build time and compiles it into <target> as two files, include "V<module>.h".
# Verilator's own verilate() runs at configure time, before the generated packages exist; hence this one.


function(memwall_verilate target)
  cmake_parse_arguments(ARG "" "TOP" "SOURCES;ARGS" ${ARGN})
  set(prefix V${ARG_TOP})
  set(dir ${CMAKE_CURRENT_BINARY_DIR}/${target}_verilated)
  set(fast ${dir}/${prefix}_fast.cpp)
  set(slow ${dir}/${prefix}_slow.cpp)
  add_custom_command(
    OUTPUT ${fast} ${slow}
    COMMAND ${CMAKE_COMMAND} -E rm -rf ${dir}/out
    COMMAND ${CMAKE_COMMAND} -E make_directory ${dir}/out
    COMMAND ${VERILATOR_BIN} --cc --Mdir ${dir}/out --prefix ${prefix} --top-module ${ARG_TOP} -Wall -O3
            --x-assign fast --x-initial fast --no-timing ${ARG_ARGS} ${ARG_SOURCES}
    COMMAND ${CMAKE_COMMAND} -DDIR=${dir}/out -DPREFIX=${prefix} -DFAST=${fast} -DSLOW=${slow} -P ${PROJECT_SOURCE_DIR}/rtl/cmake/Amalgamate.cmake
    DEPENDS ${ARG_SOURCES} ${PROJECT_SOURCE_DIR}/rtl/cmake/Amalgamate.cmake memwall_generate_files
    COMMENT "Verilating ${ARG_TOP}"
    VERBATIM)
  set(runtime ${VERILATOR_ROOT}/include/verilated.cpp ${VERILATOR_ROOT}/include/verilated_threads.cpp)
  # Assertions that fail call the vl_stop of whoever links the model, instead of aborting.
  set(defines VM_COVERAGE=0 VM_SC=0)
  if("--assert" IN_LIST ARG_ARGS)
    list(APPEND defines VL_USER_STOP)
  endif()
  if("--trace-fst" IN_LIST ARG_ARGS)
    list(APPEND runtime ${VERILATOR_ROOT}/include/verilated_fst_c.cpp)
    list(APPEND defines VM_TRACE=1 VM_TRACE_FST=1)
    target_link_libraries(${target} PUBLIC z)
  else()
    list(APPEND defines VM_TRACE=0)
  endif()
  target_sources(${target} PRIVATE ${fast} ${slow} ${runtime})
  # Generated and third-party code: our warnings and sanitizers do not apply, speed does.
  set_source_files_properties(${fast} ${runtime} PROPERTIES COMPILE_OPTIONS "-w;-O3;-fno-sanitize=all")
  set_source_files_properties(${slow} PROPERTIES COMPILE_OPTIONS "-w;-O0;-fno-sanitize=all")
  target_compile_definitions(${target} PRIVATE ${defines})
  target_include_directories(${target} SYSTEM PRIVATE ${dir}/out ${VERILATOR_ROOT}/include
                                                      ${VERILATOR_ROOT}/include/vltstd)
endfunction()
