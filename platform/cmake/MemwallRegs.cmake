# SPDX-FileCopyrightText: The Memwall authors
# SPDX-License-Identifier: Apache-2.0
# Code that is generated from regs.toml files, descriptor layouts and the chip map. Below
# ${PROJECT_BINARY_DIR}/generated: regs/ desc/ map/ for C++, c/ for firmware, sv/ for RTL, ld/ for the linker, docs/.
set(MEMWALL_GENERATED_DIR ${PROJECT_BINARY_DIR}/generated)
set(MEMWALL_REGS_TOOL ${PROJECT_SOURCE_DIR}/platform/tools/memwall_regs.py)
file(GLOB MEMWALL_REGS_TOOL_SOURCES CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/platform/tools/memwall_gen/*.py)

# memwall_generated: link it (or depend on it) to use any generated file.
add_library(memwall_generated INTERFACE)
target_include_directories(memwall_generated INTERFACE ${MEMWALL_GENERATED_DIR})
add_custom_target(memwall_generate_files)
add_dependencies(memwall_generated memwall_generate_files)

function(memwall_generate kind name)
  cmake_parse_arguments(ARG "" "" "SOURCES;OUTPUTS" ${ARGN})
  set(stamp ${PROJECT_BINARY_DIR}/generated-stamps/${kind}-${name})
  list(TRANSFORM ARG_OUTPUTS PREPEND ${MEMWALL_GENERATED_DIR}/)
  add_custom_command(
    OUTPUT ${stamp}
    BYPRODUCTS ${ARG_OUTPUTS}
    COMMAND ${Python3_EXECUTABLE} -B ${MEMWALL_REGS_TOOL} ${kind} ${ARG_SOURCES} --out ${MEMWALL_GENERATED_DIR} --stamp ${stamp}
    DEPENDS ${ARG_SOURCES} ${MEMWALL_REGS_TOOL} ${MEMWALL_REGS_TOOL_SOURCES}
    COMMENT "Generating ${kind} ${name}"
    VERBATIM)
  add_custom_target(memwall_generate_${kind}_${name} DEPENDS ${stamp})
  add_dependencies(memwall_generate_files memwall_generate_${kind}_${name})
endfunction()

# memwall_generate_regs(<block> <toml>): register bank, C header, SV package and table of one block.
function(memwall_generate_regs block toml)
  memwall_generate(regs ${block} SOURCES ${toml}
    OUTPUTS regs/${block}_regs.h c/regs/${block}.h sv/${block}_reg_pkg.sv docs/${block}_regs.md)
endfunction()

# memwall_generate_struct(<name> <toml>): one descriptor layout.
function(memwall_generate_struct name toml)
  memwall_generate(struct ${name} SOURCES ${toml} OUTPUTS desc/${name}.h c/desc/${name}.h sv/${name}_pkg.sv docs/${name}.md)
endfunction()

# The name that a source file gives its block or struct: the first `name = "..."` in it.
function(memwall_source_name toml result)
  file(STRINGS ${toml} lines REGEX "^name *= *\"[a-z0-9_]+\"" LIMIT_COUNT 1)
  if(NOT lines MATCHES "\"([a-z0-9_]+)\"")
    message(FATAL_ERROR "${toml}: no line 'name = \"...\"'")
  endif()
  set(${result} ${CMAKE_MATCH_1} PARENT_SCOPE)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${toml})
endfunction()

# Every source in the tree, found by its place: adding a block is adding its file.
function(memwall_generate_all)
  file(GLOB blocks CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/ip/*/regs.toml ${PROJECT_SOURCE_DIR}/ip/*/*.regs.toml)
  foreach(toml IN LISTS blocks)
    memwall_source_name(${toml} name)
    memwall_generate_regs(${name} ${toml})
  endforeach()
  file(GLOB structs CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/ip/numerics/*.toml)
  foreach(toml IN LISTS structs)
    memwall_source_name(${toml} name)
    memwall_generate_struct(${name} ${toml})
  endforeach()
  memwall_generate(map chip SOURCES ${PROJECT_SOURCE_DIR}/platform/system/chip_map.toml
    OUTPUTS map/chip_map.h c/map/memory_map.h ld/memory_map.ld docs/chip_map.md)
  set(MEMWALL_REGS_SOURCES ${blocks} PARENT_SCOPE)
endfunction()

memwall_generate_all()
