// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Writes are held back until the queue reaches the high watermark or no read waits, and then served down to
// the low watermark, or, while no read waits, to the last.
#include "hbm/policy.h"

namespace memwall::hbm {
namespace {

class Watermark final : public DrainPolicy {
 public:
  Watermark(std::uint32_t high, std::uint32_t low) : high_(high), low_(low) {}
  bool drains(bool draining, std::uint32_t, std::uint32_t writes) const override {
    return draining ? writes > low_ : writes >= high_;
  }

 private:
  std::uint32_t high_, low_;
};

}  // namespace

void register_drain_watermark(Policies& policies) {
  policies.write_drain["watermark"] = [](const ControllerConfig& config) {
    return std::make_unique<Watermark>(config.drain_high, config.drain_low);
  };
}

}  // namespace memwall::hbm
