// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "gdb/target_description.h"

#include <fmt/format.h>

#include "gdb/server.h"

namespace memwall::gdb {
namespace {

constexpr const char* kXNames[] = {"zero", "ra", "sp", "gp", "tp",  "t0",  "t1", "t2", "fp", "s1", "a0",
                                   "a1",   "a2", "a3", "a4", "a5",  "a6",  "a7", "s2", "s3", "s4", "s5",
                                   "s6",   "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6"};
constexpr const char* kFNames[] = {"ft0", "ft1", "ft2",  "ft3",  "ft4", "ft5", "ft6",  "ft7",
                                   "fs0", "fs1", "fa0",  "fa1",  "fa2", "fa3", "fa4",  "fa5",
                                   "fa6", "fa7", "fs2",  "fs3",  "fs4", "fs5", "fs6",  "fs7",
                                   "fs8", "fs9", "fs10", "fs11", "ft8", "ft9", "ft10", "ft11"};

struct Csr {
  unsigned number;
  const char* name;
};
constexpr Csr kCsrs[] = {{0x001, "fflags"},   {0x002, "frm"},      {0x003, "fcsr"},    {0x300, "mstatus"},
                         {0x301, "misa"},     {0x304, "mie"},      {0x305, "mtvec"},   {0x306, "mcounteren"},
                         {0x340, "mscratch"}, {0x341, "mepc"},     {0x342, "mcause"},  {0x343, "mtval"},
                         {0x344, "mip"},      {0x3a0, "pmpcfg0"},  {0x3a2, "pmpcfg2"}, {0x3b0, "pmpaddr0"},
                         {0xb00, "mcycle"},   {0xb02, "minstret"}, {0xf14, "mhartid"}};

std::string make() {
  std::string xml =
      "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target version=\"1.0\">"
      "<architecture>riscv:rv64</architecture><feature name=\"org.gnu.gdb.riscv.cpu\">";
  for (unsigned i = 0; i < 32; ++i) {
    xml += fmt::format("<reg name=\"{}\" bitsize=\"64\" regnum=\"{}\"/>", kXNames[i], i);
  }
  xml +=
      fmt::format("<reg name=\"pc\" bitsize=\"64\" type=\"code_ptr\" regnum=\"{}\"/></feature>", kPcRegister);
  xml += "<feature name=\"org.gnu.gdb.riscv.fpu\">";
  for (unsigned i = 0; i < 32; ++i) {
    xml += fmt::format("<reg name=\"{}\" bitsize=\"64\" type=\"ieee_double\" regnum=\"{}\"/>", kFNames[i],
                       kFirstFRegister + i);
  }
  for (const Csr& csr : kCsrs) {
    if (csr.number == 0x300) xml += "</feature><feature name=\"org.gnu.gdb.riscv.csr\">";
    xml += fmt::format("<reg name=\"{}\" bitsize=\"64\" regnum=\"{}\"/>", csr.name,
                       kFirstCsrRegister + csr.number);
  }
  return xml + "</feature></target>";
}

}  // namespace

const std::string& target_description() {
  static const std::string xml = make();
  return xml;
}

}  // namespace memwall::gdb
