// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// What cube.cpp (channels, temperature, power) and ieee1500.cpp share. Not for users of the cube.
#pragma once

#include <memory>
#include <vector>

#include "hbf/cube.h"
#include "hbf/firmware_image.h"

namespace memwall::hbf {

struct Cube::State {
  explicit State(const Config& c);

  const Config config;
  std::vector<std::unique_ptr<Channel>> channels;

  // Temperature: one, with thresholds per channel.
  std::vector<Thermal> thermals;          // per channel
  std::vector<std::uint32_t> thresholds;  // TTTEMP as thermals know it
  TimePs step_end = 0;                    // of the running thermal step
  double step_energy = 0;                 // energy_pj() at its begin
  double told_celsius = 0;                // what the channels know

  // Power and boot.
  bool powered = true;
  bool shut_down = false;
  bool da_high = false;
  bool needs_reset = false;  // after DA mode, until RESETBD_n
  TimePs ready_at = 0;
  TimePs powered_since = 0;
  TimePs powered_time = 0;  // before powered_since

  // Firmware update and self-test.
  std::uint32_t mission_version = 1;
  FirmwareStatus update_status = FirmwareStatus::kIdle;  // once busy_until is over
  FirmwareTarget update_target = FirmwareTarget::kMission;
  TimePs busy_until = 0;
  std::vector<std::uint8_t> image;
  bool committed = false;  // an image is in NVM, or on its way until committed_at
  std::uint32_t committed_version = 0;
  TimePs committed_at = 0;
  bool self_test = false;                  // self-test firmware is loaded
  std::vector<std::uint8_t> test_results;  // per channel: 0 not run, 1 passed, 2 failed

  // Answers of what happened inside reset_base_die(), power_off(), power_on().
  std::vector<Response> responses;
  std::vector<Notice> notices;

  bool up(TimePs now) const { return powered && now >= ready_at && !needs_reset && !da_high; }
  /// Configuration space is always on; MMIO needs a base die that has booted.
  bool sideband(TimePs now, Space space) const {
    return powered && !da_high && (space == Space::kConfig || up(now));
  }
  bool light() const;
  bool severe() const;
  bool idle() const;  // nothing in flight, nothing due
  double celsius() const { return thermals.front().celsius(); }
  double energy_pj(TimePs now) const;
  void apply_thresholds(TimePs now);
  void apply_throttle(TimePs now);
  void end_step(TimePs now);
  void hbf_reset(TimePs now);
  void boot(TimePs now);
  FirmwareStatus firmware_status(TimePs now) const {
    return now < busy_until ? FirmwareStatus::kBusy : update_status;
  }
};

}  // namespace memwall::hbf
