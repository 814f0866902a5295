# SPDX-FileCopyrightText: The Memwall authors
# SPDX-License-Identifier: Apache-2.0
# Writes ${FAST} and ${SLOW}, which together include every C++ file that Verilator left in ${DIR}: what runs every
# cycle, and what runs once or only with waveforms.
file(GLOB sources ${DIR}/${PREFIX}*.cpp)
list(SORT sources)
set(fast "")
set(slow "")
foreach(source IN LISTS sources)
  if(source MATCHES "__(Slow|Syms|Trace__[0-9]+)\\.cpp$")
    string(APPEND slow "#include \"${source}\"\n")
  else()
    string(APPEND fast "#include \"${source}\"\n")
  endif()
endforeach()
file(WRITE ${FAST} "${fast}")
file(WRITE ${SLOW} "${slow}")
