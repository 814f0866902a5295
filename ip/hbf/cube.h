// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// One HBF cube as its host sees it: up to 16 isolated channels, the pins, sideband register access, the IEEE
/// 1500 port, power and reset, temperature. Plain C++, event-driven. Starts powered, booted (READY high) and
/// with every channel's BUCC.EN = 0; enable_all() is for those who do not want to bring it up. Not modelled:
/// DA port signals, JTAG, lane repair, training (a channel's link is up when READY is), the voltage sequence
/// itself (power_on() stands for steps 1 to 11 of 7.4).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "hbf/channel.h"
#include "hbf/thermal.h"

namespace memwall::hbf {

class Cube {
 public:
  explicit Cube(const Config& config);
  ~Cube();

  const Config& config() const { return config_; }
  TimePs now() const { return now_; }

  // Mainband. `at` not before now(); while the power is off or READY is low nothing is taken (ModelError).
  void submit(unsigned channel, TimePs at, const Command& command);
  void submit(unsigned channel, TimePs at, const Stream& stream);
  /// kNever if nothing is due. Also the end of a boot, and of a thermal step while something is in flight or
  /// throttled.
  TimePs next_event() const;
  /// Everything up to and including `to`; responses and notices of all channels in order of time, then
  /// channel.
  void advance(TimePs to, std::vector<Response>& responses, std::vector<Notice>& notices);

  // Sideband, at now(). False: undefined or unaligned offset, or no power. The UCIe address forms of 5.1 of
  // the project's digest: CFG addr[11:0], MEM addr[19:0].
  bool sideband_read(unsigned channel, Space space, std::uint32_t offset, std::uint32_t& value);
  bool sideband_write(unsigned channel, Space space, std::uint32_t offset, std::uint32_t value);

  // Pins.
  bool ready() const;
  bool cattrip() const;
  /// RESETBD_n: base and core dies reset, then boot. Queues, buffers, scratchpad are lost; NAND stays, as do
  /// LOCKOUT and CES. `at` of these three: not before now(); what is due until then happens, and its
  /// responses come with the next advance().
  void reset_base_die(TimePs at);
  void power_off(TimePs at);
  void power_on(TimePs at);
  bool powered() const;
  /// Too hot: READY stays low until a power cycle.
  bool shut_down() const;
  /// DA[12]. High hands the test pins to the DA port: every link goes down (what is in flight gets no
  /// response), READY is low and the IEEE 1500 port is dead until it is low again and RESETBD_n has been
  /// pulsed. False, and nothing happens, while LOCKOUT of any channel is set.
  bool set_da(bool high);

  /// IEEE 1500 (specification 8), at now(): WIR = { [13] mode, [12:8] channel select, [7:0] opcode }; `in` is
  /// shifted in, the answer is one word per selected channel, or one for the whole device. An unknown opcode
  /// is BYPASS: empty. README.md lists the opcodes with what goes in and out.
  std::vector<std::uint64_t> ieee1500(std::uint16_t wir, const std::vector<std::uint64_t>& in = {});
  /// Version of the firmware image that runs.
  std::uint32_t firmware_version() const;

  /// EN = 1 on every channel and RDY at once, without time.
  void enable_all();
  void set_fast_forward(bool on);
  void set_temperature(double celsius);
  void inject(const Fault& fault);

  /// Good until the next call of the cube: afterwards the channel may lag behind, or the cube may not know
  /// what was done to it.
  Channel& channel(unsigned index);
  const Channel& channel(unsigned index) const;
  double celsius() const;
  /// Media, links and idle power up to now().
  double energy_pj() const;

 private:
  struct State;        // cube_state.h
  struct Ieee1500Row;  // ieee1500.cpp
  static const std::vector<Ieee1500Row>& ieee1500_rows();
  void check_channel(unsigned channel) const;
  void check_submit(unsigned channel, TimePs at) const;
  void run_to(TimePs at);
  void run_steps(TimePs to, std::vector<Response>& responses, std::vector<Notice>& notices);

  Config config_;
  TimePs now_ = 0;
  std::unique_ptr<State> state_;
};

}  // namespace memwall::hbf
