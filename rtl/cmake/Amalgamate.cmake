# SPDX-FileCopyrightText: The Memwall authors
# SPDX-License-Identifier: Apache-2.0
# Writes ${ALL}, which includes every C++ file that Verilator left in ${DIR}.
file(GLOB sources ${DIR}/${PREFIX}*.cpp)
list(SORT sources)
set(text "")
foreach(source IN LISTS sources)
  string(APPEND text "#include \"${source}\"\n")
endforeach()
file(WRITE ${ALL} "${text}")
