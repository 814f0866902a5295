// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Which initiator a payload comes from, for arbitration in a memory controller. An ignorable extension in
/// the sense of TLM-2.0 (IEEE 1666-2011, 14.2): who does not know it loses nothing but fairness.
#pragma once

#include <cstdint>
#include <tlm>

namespace memwall {

struct SourceExtension : tlm::tlm_extension<SourceExtension> {
  std::uint32_t source = 0;
  tlm::tlm_extension_base* clone() const override { return new SourceExtension(*this); }
  void copy_from(const tlm::tlm_extension_base& other) override {
    *this = static_cast<const SourceExtension&>(other);
  }
};

}  // namespace memwall
