// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hbf/cube.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "common/error.h"
#include "hbf/cube_state.h"

namespace memwall::hbf {
namespace {

// An idle cube tells its channels of a temperature only when it has moved by this.
constexpr double kTellCelsius = 0.25;

template <typename Event>
void sort_by_time(std::vector<Event>& events, std::size_t from) {
  std::stable_sort(
      events.begin() + static_cast<std::ptrdiff_t>(from), events.end(),
      [](const Event& a, const Event& b) { return a.at != b.at ? a.at < b.at : a.channel < b.channel; });
}

}  // namespace

Cube::State::State(const Config& c) : config(c), step_end(c.thermal.step) {
  for (unsigned i = 0; i < c.channels; ++i) {
    channels.push_back(std::make_unique<Channel>(c, i));
    thermals.emplace_back(c.thermal);
    thresholds.push_back(~0u);
    due.push_back(kStale);
  }
  apply_thresholds(0);
}

// Only channels with something due are advanced; who looks at another one takes it along first.
Channel& Cube::State::catch_up(std::size_t i, TimePs now) {
  if (channels[i]->now() < now) {
    std::vector<Response> none;
    std::vector<Notice> none_either;
    channels[i]->advance(now, none, none_either);
    due[i] = kStale;
  }
  return *channels[i];
}

Channel& Cube::State::touch(std::size_t i, TimePs now) {
  due[i] = kStale;
  return catch_up(i, now);
}

TimePs Cube::State::due_of(std::size_t i) {
  if (due[i] == kStale) {
    due[i] = std::min(channels[i]->next_event(), channels[i]->management().next_event());
  }
  return due[i];
}

TimePs Cube::State::next_due() {
  TimePs next = kNever;
  for (std::size_t i = 0; i < channels.size(); ++i) next = std::min(next, due_of(i));
  return next;
}

bool Cube::State::light() const {
  return std::any_of(thermals.begin(), thermals.end(), [](const Thermal& t) { return t.light(); });
}

bool Cube::State::severe() const {
  return std::any_of(thermals.begin(), thermals.end(), [](const Thermal& t) { return t.severe(); });
}

bool Cube::State::in_flight() const {
  return std::any_of(channels.begin(), channels.end(),
                     [](const auto& channel) { return channel->in_flight() > 0; });
}

double Cube::State::channels_pj() const {
  double energy = 0;
  for (const auto& channel : channels) energy += channel->counters().energy_pj;
  return energy;
}

void Cube::State::advance_channels(TimePs to, std::vector<Response>& out, std::vector<Notice>& out_notices) {
  for (std::size_t i = 0; i < channels.size(); ++i) {
    if (due_of(i) > to) continue;
    channels[i]->advance(to, out, out_notices);
    due[i] = kStale;
  }
}

// Every channel has its own TTTEMP; they share the temperature.
void Cube::State::apply_thresholds(TimePs now) {
  bool changed = false;
  for (std::size_t i = 0; i < channels.size(); ++i) {
    const std::uint32_t word = channels[i]->management().thresholds();
    if (word == thresholds[i]) continue;
    thresholds[i] = word;
    const auto celsius = [word](unsigned shift) { return 60 + 0.5 * (word >> shift & 127u); };
    thermals[i].set_thresholds((word >> 15 & 1u) != 0, celsius(8), celsius(0), (word >> 23 & 1u) != 0,
                               celsius(16));
    changed = true;
  }
  if (changed) apply_throttle(now);
}

void Cube::State::apply_throttle(TimePs now) {
  told_celsius = celsius();
  for (std::size_t i = 0; i < channels.size(); ++i) {
    touch(i, now).set_throttle(thermals[i].light(), thermals[i].severe(), thermals[i].celsius());
  }
  const bool hot =
      std::any_of(thermals.begin(), thermals.end(), [](const Thermal& t) { return t.shut_down(); });
  if (!hot || shut_down || !powered) return;
  // Hotter than CATTRIP: the links fail (9.2). Only a power cycle helps.
  shut_down = true;
  for (std::size_t i = 0; i < channels.size(); ++i) {
    touch(i, now).reset(now, ResetType::kPhy);
    channels[i]->management().set_fatal(now, Management::UcieEvent::kThermalShutdown);
  }
}

// The temperature does not depend on how often somebody asks: steps have a fixed length.
bool Cube::State::end_step(TimePs now, bool quiet) {
  const double channels_energy = quiet ? step_energy : channels_pj();
  const TimePs on = on_time(now) - step_on;
  // 1 W for 1 ps is 1 pJ.
  const double energy = channels_energy - step_energy + config.energy.idle_w * static_cast<double>(on);
  const double was_celsius = celsius();
  bool changed = false;
  for (Thermal& thermal : thermals) {
    const bool was_light = thermal.light();
    const bool was_severe = thermal.severe();
    thermal.end_step(energy);
    changed = changed || was_light != thermal.light() || was_severe != thermal.severe();
  }
  step_energy = channels_energy;
  step_on = on_time(now);
  step_end = now + config.thermal.step;
  settled = quiet && celsius() == was_celsius && on == (powered ? config.thermal.step : 0);
  if (quiet && !changed && std::abs(celsius() - told_celsius) < kTellCelsius) return false;
  apply_throttle(now);
  return true;
}

void Cube::State::hbf_reset(TimePs now) {
  for (std::size_t i = 0; i < channels.size(); ++i) touch(i, now).hbf_reset(now);
  boot(now);
}

// After HBF_RESET, RESETBD_n and power-on. A write to NVM that is cut short leaves the old image: the switch
// is atomic.
void Cube::State::boot(TimePs now) {
  ready_at = now + config.timing.tBOOT;
  if (committed && now >= committed_at) mission_version = committed_version;
  committed = false;
  update_status = FirmwareStatus::kIdle;
  busy_until = 0;
  image.clear();
  self_test = false;
  test_results.clear();
  for (const auto& channel : channels) channel->management().set_firmware_version(mission_version);
  apply_thresholds(now);
}

Cube::Cube(const Config& config) : config_(config), state_(std::make_unique<State>(config)) {}
Cube::~Cube() = default;

void Cube::check_channel(unsigned channel) const {
  if (channel < config_.channels) return;
  throw ModelError(
      "contract", config_.name,
      "channel " + std::to_string(channel) + " of a cube with " + std::to_string(config_.channels));
}

void Cube::check_submit(unsigned channel, TimePs at) const {
  check_channel(channel);
  if (at < now_) throw ModelError("contract", config_.name, "a command offered before now");
  if (!ready()) throw ModelError("contract", config_.name, "a command offered while READY is low");
}

void Cube::submit(unsigned channel, TimePs at, const Command& command) {
  check_submit(channel, at);
  state_->touch(channel, now_).submit(at, command);
}

void Cube::submit(unsigned channel, TimePs at, const Stream& stream) {
  check_submit(channel, at);
  state_->touch(channel, now_).submit(at, stream);
}

TimePs Cube::next_event() const {
  State& s = *state_;
  TimePs next = s.responses.empty() && s.notices.empty() ? s.next_due() : now_;
  if (s.powered && s.ready_at > now_) next = std::min(next, s.ready_at);
  if (s.busy_until > now_) next = std::min(next, s.busy_until);
  if (config_.thermal.enabled && (s.light() || s.severe() || s.in_flight()))
    next = std::min(next, s.step_end);
  return std::max(next, now_);
}

void Cube::advance(TimePs to, std::vector<Response>& responses, std::vector<Notice>& notices) {
  State& s = *state_;
  if (to < now_) throw ModelError("contract", config_.name, "time goes back");
  const std::size_t first_response = responses.size();
  const std::size_t first_notice = notices.size();
  responses.insert(responses.end(), s.responses.begin(), s.responses.end());
  notices.insert(notices.end(), s.notices.begin(), s.notices.end());
  s.responses.clear();
  s.notices.clear();
  if (!config_.thermal.enabled) {
    s.advance_channels(to, responses, notices);
    now_ = to;
    s.apply_thresholds(now_);
  } else {
    run_steps(to, responses, notices);
  }
  sort_by_time(responses, first_response);
  sort_by_time(notices, first_notice);
}

// Channels run at most to the end of a thermal step. While they have nothing to do only the temperature
// moves, and when it does not either, whole steps are jumped over.
void Cube::run_steps(TimePs to, std::vector<Response>& responses, std::vector<Notice>& notices) {
  State& s = *state_;
  const auto look = [&s] { return s.in_flight() ? 0 : s.next_due(); };
  TimePs quiet_until = look();
  for (;;) {
    const TimePs until = std::min(to, s.step_end);
    const bool quiet = until < to && until < quiet_until;
    if (!quiet) {
      s.advance_channels(until, responses, notices);
      s.apply_thresholds(until);
    }
    now_ = until;
    if (!quiet && until == s.step_end) {
      // A stream that is jumped over has nothing due, and draws energy all the same.
      for (std::size_t i = 0; i < s.channels.size(); ++i) s.touch(i, until);
    }
    const bool told = until == s.step_end && s.end_step(until, quiet);
    if (until == to) return;
    if (!quiet || told) quiet_until = look();
    const TimePs limit = std::min(to, quiet_until);
    if (s.settled && limit > now_) {
      const TimePs steps = (limit - now_ - 1) / config_.thermal.step;
      now_ += steps * config_.thermal.step;
      s.step_end = now_ + config_.thermal.step;
      s.step_on = s.on_time(now_);
    }
  }
}

void Cube::run_to(TimePs at) {
  if (at < now_) throw ModelError("contract", config_.name, "a pin changed before now");
  std::vector<Response> responses;
  std::vector<Notice> notices;
  advance(at, responses, notices);
  state_->responses = std::move(responses);
  state_->notices = std::move(notices);
}

bool Cube::sideband_read(unsigned channel, Space space, std::uint32_t offset, std::uint32_t& value) {
  State& s = *state_;
  if (!s.sideband(now_, space) || channel >= s.channels.size()) return false;
  return s.catch_up(channel, now_).management().read_register(now_, space, offset, value);
}

bool Cube::sideband_write(unsigned channel, Space space, std::uint32_t offset, std::uint32_t value) {
  State& s = *state_;
  if (!s.sideband(now_, space) || channel >= s.channels.size()) return false;
  if (!s.touch(channel, now_).management().write_register(now_, space, offset, value)) return false;
  s.apply_thresholds(now_);
  return true;
}

bool Cube::ready() const { return state_->up(now_) && !state_->shut_down; }
// Low throughout boot (7.4), however hot it is.
bool Cube::cattrip() const { return state_->powered && now_ >= state_->ready_at && state_->severe(); }
bool Cube::powered() const { return state_->powered; }
bool Cube::shut_down() const { return state_->shut_down; }

void Cube::reset_base_die(TimePs at) {
  run_to(at);
  State& s = *state_;
  if (!s.powered) return;
  for (std::size_t i = 0; i < s.channels.size(); ++i) {
    Channel& channel = s.touch(i, at);
    const Management::Sticky sticky = channel.management().sticky();
    channel.lose_power();
    channel.power_on(at, false);
    channel.management().restore(sticky);
  }
  s.needs_reset = s.da_high;
  s.boot(at);
}

void Cube::power_off(TimePs at) {
  run_to(at);
  State& s = *state_;
  if (!s.powered) return;
  s.powered_time += at - s.powered_since;
  s.powered = false;
  s.da_high = s.needs_reset = false;
  for (std::size_t i = 0; i < s.channels.size(); ++i) s.touch(i, at).lose_power();
}

void Cube::power_on(TimePs at) {
  run_to(at);
  State& s = *state_;
  if (s.powered) return;
  s.powered = true;
  s.powered_since = at;
  s.shut_down = false;
  for (std::size_t i = 0; i < s.channels.size(); ++i) {
    // A new model at the old temperature: shut-down ends with the power.
    const double celsius = s.thermals[i].celsius();
    s.thermals[i] = Thermal(config_.thermal);
    s.thresholds[i] = ~0u;
    s.thermals[i].set_temperature(celsius);
    s.touch(i, at).power_on(at, config_.readings.power_on_erase);
  }
  s.boot(at);
}

bool Cube::set_da(bool high) {
  State& s = *state_;
  if (!s.powered) return false;
  if (high == s.da_high) return true;
  const bool locked = std::any_of(s.channels.begin(), s.channels.end(),
                                  [](const auto& channel) { return channel->management().sticky().lockout; });
  if (high && locked) return false;
  s.da_high = high;
  if (!high) return true;
  s.needs_reset = true;
  for (std::size_t i = 0; i < s.channels.size(); ++i) {
    s.touch(i, now_).reset(now_, ResetType::kChannel);
    s.channels[i]->management().reset(now_, ResetType::kChannel);
  }
  return true;
}

void Cube::enable_all() {
  state_->ready_at = std::min(state_->ready_at, now_);
  for (std::size_t i = 0; i < state_->channels.size(); ++i) {
    state_->touch(i, now_).management().enable_now(now_);
  }
}

void Cube::set_fast_forward(bool on) {
  for (std::size_t i = 0; i < state_->channels.size(); ++i) state_->touch(i, now_).set_fast_forward(on);
}

void Cube::set_temperature(double celsius) {
  for (Thermal& thermal : state_->thermals) thermal.set_temperature(celsius);
  state_->apply_throttle(now_);
}

void Cube::inject(const Fault& fault) { channel(fault.channel).media().inject(fault); }

Channel& Cube::channel(unsigned index) {
  check_channel(index);
  return state_->touch(index, now_);
}
const Channel& Cube::channel(unsigned index) const {
  check_channel(index);
  return state_->catch_up(index, now_);
}
double Cube::celsius() const { return state_->celsius(); }
double Cube::energy_pj() const {
  for (std::size_t i = 0; i < state_->channels.size(); ++i) state_->catch_up(i, now_);
  // 1 W for 1 ps is 1 pJ.
  return state_->channels_pj() + config_.energy.idle_w * static_cast<double>(state_->on_time(now_));
}
std::uint32_t Cube::firmware_version() const { return state_->mission_version; }

}  // namespace memwall::hbf
