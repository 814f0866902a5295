// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "soc/peripheral.h"

#include "common/register_tlm.h"
#include "common/sc_time.h"

namespace memwall::soc {

Peripheral::Peripheral(const sc_core::sc_module_name& name, double register_access_ns)
    : sc_core::sc_module(name), ctrl_tsock("ctrl_tsock"), access_time_(register_access_ns, sc_core::SC_NS) {
  ctrl_tsock.register_b_transport(this, &Peripheral::b_transport);
  ctrl_tsock.register_transport_dbg(this, &Peripheral::transport_dbg);
  sc_core::sc_spawn_options options;
  options.spawn_method();
  options.set_sensitivity(&refresh_event_);
  options.set_sensitivity(&change_event_);
  sc_core::sc_spawn([this] { update(); }, "update", &options);
}

void Peripheral::b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
  delay += access_time_;
  local_offset_ = delay;
  device_->begin_access(to_ps(sc_core::sc_time_stamp() + delay));
  serve_registers(*bank_, payload);
  accessed();
  refresh();
}

unsigned Peripheral::transport_dbg(tlm::tlm_generic_payload& payload) {
  return debug_registers(*bank_, payload);
}

void Peripheral::update() {
  const TimePs now = to_ps(sc_core::sc_time_stamp());
  device_->advance(now);
  drive();
  const TimePs next = device_->next_change();
  change_event_.cancel();
  if (next == TimedDevice::kNever) return;
  change_event_.notify(to_sc(next > now ? next - now : 0));
}

}  // namespace memwall::soc
