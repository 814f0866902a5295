// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// What AXI carries in the USER fields of an HBF access, as a TLM extension of a payload on
/// HbfModule::data_tsock (specification 5.2, tables 10 to 13). Ignorable: an access without it has the same
/// times and data. The module fills the answer of every access that carries it, with b_transport before it
/// returns, with four phases before BEGIN_RESP; transport_dbg does not touch it.
///
/// An access has as many commands as it touches pages (or chunks, if the cube has no bursts); the answer is
/// that of the failed page with the lowest window offset, or else of such a page that was not plain OK. The
/// event queue has them all. What never reached the cube (TLM_ADDRESS_ERROR and the like, a plain ignore
/// command) has status 0, data_valid false and no offset.
///
/// Not here, because they concern more commands than those of one access: batch hint, ids, packets to the
/// scratchpad. Admin packets go through the registers, all others are hbf::Cube's.
#pragma once

#include <cstdint>
#include <optional>
#include <tlm>

#include "hbf/axi.h"

namespace memwall::hbf {

struct AxiExtension : tlm::tlm_extension<AxiExtension> {
  // Request.
  /// ARUSER[8:6] of this read's pages, 0 to 7; more is a ModelError. None: CONTROL.RETRY_STAGE. Of no effect
  /// on writes and on pages that were read ahead.
  std::optional<unsigned> retry_stage;

  // Answer.
  unsigned status = 0;      ///< RUSER[5:2] or BUSER[5:2]: ReadStatus or WriteStatus
  unsigned info = 0;        ///< xUSER[8:6]
  bool data_valid = false;  ///< a read whose bytes are all valid, with status 0x0 or 0x5
  /// Window offset, in bytes, of what `status` is about: the first byte of that page that the access touches.
  /// kNoOffset with status 0.
  std::uint64_t offset = kNoOffset;
  static constexpr std::uint64_t kNoOffset = ~std::uint64_t{0};

  tlm::tlm_extension_base* clone() const override { return new AxiExtension(*this); }
  void copy_from(const tlm::tlm_extension_base& other) override {
    *this = static_cast<const AxiExtension&>(other);
  }
};

}  // namespace memwall::hbf
