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
  std::vector<std::unique_ptr<Channel>> channels;  // may lag behind while nothing is due
  static constexpr TimePs kStale = 0;
  std::vector<TimePs> due;  // next_event() of each, or kStale

  // Temperature: one, with thresholds per channel.
  std::vector<Thermal> thermals;          // per channel
  std::vector<std::uint32_t> thresholds;  // TTTEMP as thermals know it
  TimePs step_end = 0;                    // of the running thermal step
  double step_energy = 0;                 // channels_pj() at its begin
  TimePs step_on = 0;                     // on_time() at its begin
  bool settled = false;                   // the last step changed nothing, and the next will not either
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
  /// The channel, taken along to `now`; with touch() to change something.
  Channel& catch_up(std::size_t i, TimePs now);
  Channel& touch(std::size_t i, TimePs now);
  TimePs due_of(std::size_t i);
  TimePs next_due();
  bool light() const;
  bool severe() const;
  bool in_flight() const;
  double celsius() const { return thermals.front().celsius(); }
  double channels_pj() const;
  TimePs on_time(TimePs now) const { return powered_time + (powered ? now - powered_since : 0); }
  void advance_channels(TimePs to, std::vector<Response>& out, std::vector<Notice>& out_notices);
  void apply_thresholds(TimePs now);
  void apply_throttle(TimePs now);
  /// `quiet`: the channels have nothing to do and have not been taken along. True: they know more now.
  bool end_step(TimePs now, bool quiet);
  void hbf_reset(TimePs now);
  void boot(TimePs now);
  FirmwareStatus firmware_status(TimePs now) const {
    return now < busy_until ? FirmwareStatus::kBusy : update_status;
  }
};

}  // namespace memwall::hbf
