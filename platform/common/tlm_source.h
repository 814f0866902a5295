// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Which initiator of the router before a target sent a transaction, so that a memory controller can
/// arbitrate between initiators. Ignorable: a target serves a payload without it in the same way.
#pragma once

#include <cstdint>
#include <tlm>

namespace memwall {

/// `source` is the index of the router's initiator socket. On a payload for the time of one call.
struct SourceExtension : tlm::tlm_extension<SourceExtension> {
  std::uint32_t source = 0;
  tlm::tlm_extension_base* clone() const override { return new SourceExtension(*this); }
  void copy_from(const tlm::tlm_extension_base& other) override {
    *this = static_cast<const SourceExtension&>(other);
  }
};

/// The initiator's index; 0 if no router has stamped the payload.
inline std::uint32_t source_of(const tlm::tlm_generic_payload& payload) {
  const auto* extension = payload.get_extension<SourceExtension>();
  return extension == nullptr ? 0 : extension->source;
}

/// Stamps a payload for its own lifetime and leaves the payload as it was.
class SourceStamp {
 public:
  SourceStamp(tlm::tlm_generic_payload& payload, std::uint32_t source) : payload_(payload) {
    own_.source = source;
    before_ = payload.set_extension(&own_);
  }
  ~SourceStamp() {
    // Also puts null back where there was none.
    payload_.set_extension(before_);
  }
  SourceStamp(const SourceStamp&) = delete;
  SourceStamp& operator=(const SourceStamp&) = delete;

 private:
  tlm::tlm_generic_payload& payload_;
  SourceExtension own_;
  SourceExtension* before_ = nullptr;
};

}  // namespace memwall
