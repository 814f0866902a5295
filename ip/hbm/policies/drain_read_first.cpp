// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Reads always go first; writes only while no read waits or their queue is full.
#include "hbm/policy.h"

namespace memwall::hbm {
namespace {

class ReadFirst final : public DrainPolicy {
 public:
  explicit ReadFirst(std::uint32_t capacity) : capacity_(capacity) {}
  bool drains(bool, std::uint32_t, std::uint32_t writes) const override { return writes >= capacity_; }

 private:
  std::uint32_t capacity_;
};

}  // namespace

void register_drain_read_first(Policies& policies) {
  policies.write_drain["read_first"] = [](const ControllerConfig& config) {
    return std::make_unique<ReadFirst>(config.write_queue);
  };
}

}  // namespace memwall::hbm
