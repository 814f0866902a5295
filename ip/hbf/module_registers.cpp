// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hbf/module_registers.h"

#include <cmath>

namespace memwall::hbf {
namespace {

std::uint32_t low(std::uint64_t value) { return static_cast<std::uint32_t>(value); }
std::uint32_t high(std::uint64_t value) { return static_cast<std::uint32_t>(value >> 32); }
std::uint64_t join(std::uint32_t hi, std::uint32_t lo) { return std::uint64_t{hi} << 32 | lo; }

/// Link and base die of an idle 4 KiB read: all but the media time.
TimePs path_latency(const Config& config) {
  const LinkConfig& link = config.link;
  const unsigned beats = config.burst_reads ? kChunksPerPage : 1;
  const TimePs flits =
      (beats * link.r_granules + LinkConfig::kGranulesPerFlit - 1) / LinkConfig::kGranulesPerFlit;
  return (1 + flits) * link.flit_time() + 2 * link.latency + config.timing.tBASE + config.timing.tECC;
}

}  // namespace

ControllerRegisters::ControllerRegisters(Controller& controller) : controller_(controller) {
  const Config& config = controller.config();
  set_config0_channels(config.channels);
  set_config0_ports(config.ports_per_channel);
  set_config0_remap_entries(AddressMap::kEntries);
  set_config1_prefetch_pages(static_cast<std::uint32_t>(config.controller.prefetch_bytes / kPageBytes));
  set_config1_program_entries(ProgramQueue::kEntries);
  set_capacity_mib(low(config.capacity_bytes >> 20));
  set_link_mbytes_per_s(static_cast<std::uint32_t>(std::lround(config.link.read_gbytes_per_s() * 1000)));
  set_latency_ns(static_cast<std::uint32_t>((path_latency(config) + kPsPerNs - 1) / kPsPerNs));
  refresh();
}

void ControllerRegisters::refresh() {
  set_pins_ready(controller_.ready() ? 1 : 0);
  set_pins_cattrip(controller_.cattrip() ? 1 : 0);

  const Controller::AdminState& admin = controller_.admin_state();
  set_admin_status_busy(admin.busy ? 1 : 0);
  set_admin_status_done(admin.done ? 1 : 0);
  set_admin_status_code(admin.code);
  set_admin_status_info(admin.info);

  const EventQueue& events = controller_.events();
  set_event_status(0);
  if (!events.empty()) {
    const PageEvent& event = events.front();
    set_event_status_valid(1);
    set_event_status_write(event.is_write ? 1 : 0);
    set_event_status_data_valid(event.data_valid ? 1 : 0);
    set_event_status_prefetch(event.prefetch ? 1 : 0);
    set_event_status_code(event.code);
    set_event_status_info(event.info);
    set_event_address_lo(low(event.address));
    set_event_address_hi(high(event.address));
  }
  set_event_status_lost(events.lost() ? 1 : 0);

  const ReadAhead& ahead = controller_.read_ahead();
  set_stream_status_held(ahead.held());
  set_stream_status_entry(ahead.entry());
  set_stream_control_error(controller_.stream_error() ? 1 : 0);

  const ProgramQueue& programs = controller_.programs();
  set_program_status_free(programs.free());
  set_program_status_done(static_cast<std::uint32_t>(programs.done().size()));
  set_program_done(0);
  if (!programs.done().empty()) {
    const ProgramQueue::Done& done = programs.done().front();
    set_program_done_valid(1);
    set_program_done_failed(done.failed ? 1 : 0);
    set_program_done_bus_error(done.bus_error ? 1 : 0);
    set_program_done_tag(done.tag);
  }
  refresh_counters();
}

void ControllerRegisters::refresh_counters() {
  Media::Counters media;
  const Cube& cube = controller_.cube();
  for (unsigned c = 0; c < cube.config().channels; ++c) {
    const Media::Counters& one = cube.channel(c).media().counters();
    media.senses += one.senses;
    media.programs += one.programs;
    media.erases += one.erases;
    media.retried += one.retried;
  }
  set_count_pages(low(controller_.counters().pages_read));
  set_count_senses(low(media.senses));
  set_count_prefetch_hits(low(controller_.read_ahead().counters().hits));
  set_count_prefetch_misses(low(controller_.counters().misses));
  set_count_programs(low(media.programs));
  set_count_erases(low(media.erases));
  set_count_retries(low(media.retried));
  set_count_events(low(controller_.events().recorded()));
}

void ControllerRegisters::on_write_power(std::uint32_t) {
  const auto action = static_cast<PowerAction>(power_action());
  set_power(0);
  if (action == PowerAction::kResetbd) controller_.reset_base_die();
  if (action == PowerAction::kPowerCycle) controller_.power_cycle();
}

void ControllerRegisters::on_write_control(std::uint32_t) {
  controller_.set_retry_stage(control_retry_stage());
}

void ControllerRegisters::on_write_admin_go(std::uint32_t) {
  const auto action = static_cast<AdminGoAction>(admin_go_action());
  set_admin_go(0);
  if (action != AdminGoAction::kRead && action != AdminGoAction::kWrite) return;
  Controller::AdminCommand command;
  command.is_write = action == AdminGoAction::kWrite;
  command.channel = admin_user_channel();
  command.port = admin_user_port();
  command.mmio = admin_user_mmio() != 0;
  command.len = admin_user_len();
  command.address = join(admin_address_hi(), admin_address_lo());
  controller_.admin(command);
}

void ControllerRegisters::on_read_admin_data() {
  set_admin_data(controller_.admin_word(admin_index()));
  set_admin_index_value(admin_index() + 1);
}

void ControllerRegisters::on_write_admin_data(std::uint32_t) {
  controller_.set_admin_word(admin_index(), admin_data());
  set_admin_index_value(admin_index() + 1);
}

void ControllerRegisters::on_read_sb_data() {
  std::uint32_t value = 0;
  const Space space = sb_address_mmio() != 0 ? Space::kMmio : Space::kConfig;
  const bool there = controller_.sideband_read(sb_address_channel(), space, sb_address_offset(), value);
  set_sb_data(there ? value : ~0u);
  set_sb_status_error(there ? 0 : 1);
}

void ControllerRegisters::on_write_sb_data(std::uint32_t) {
  const Space space = sb_address_mmio() != 0 ? Space::kMmio : Space::kConfig;
  const bool there = controller_.sideband_write(sb_address_channel(), space, sb_address_offset(), sb_data());
  set_sb_status_error(there ? 0 : 1);
}

void ControllerRegisters::on_write_event_pop(std::uint32_t) {
  if (event_pop() != 0) controller_.pop_event();
  set_event_pop(0);
}

void ControllerRegisters::on_write_stream_control(std::uint32_t) {
  const bool enable = stream_control_enable() != 0, wrap = stream_control_wrap() != 0;
  const bool again = stream_control_restart() != 0;
  set_stream_control_restart(0);
  if (enable && !streaming_) {
    controller_.start_stream({join(stream_table_hi(), stream_table_lo()), stream_count()}, stream_depth(),
                             wrap);
  } else if (enable) {
    controller_.set_stream(stream_depth(), wrap);
    if (again) controller_.restart_stream();
  } else if (streaming_) {
    controller_.stop_stream();
  }
  streaming_ = enable;
}

void ControllerRegisters::on_write_program_go(std::uint32_t) {
  Controller::Program entry;
  entry.source = join(program_source_hi(), program_source_lo());
  entry.target = join(program_target_hi(), program_target_lo());
  entry.stride = program_stride();
  entry.pages = program_go_pages();
  entry.tag = static_cast<std::uint16_t>(program_go_tag());
  set_program_go(0);
  controller_.program(entry);
}

void ControllerRegisters::on_write_program_pop(std::uint32_t) {
  if (program_pop() != 0) controller_.pop_program();
  set_program_pop(0);
}

void ControllerRegisters::on_write_remap_go(std::uint32_t) {
  const auto action = static_cast<RemapGoAction>(remap_go_action());
  set_remap_go(0);
  if (action == RemapGoAction::kSet) controller_.remap(remap_index(), remap_from(), remap_to());
  if (action == RemapGoAction::kClear) controller_.clear_remap(remap_index());
}

void ControllerRegisters::on_write_inject(std::uint32_t) {
  if (inject_fire() == 0) return;
  set_inject_fire(0);
  controller_.inject(join(inject_address_hi(), inject_address_lo()), static_cast<FaultKind>(inject_kind()),
                     inject_stages(), inject_info());
}

}  // namespace memwall::hbf
