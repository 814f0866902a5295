// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "soc/peripherals.h"

namespace memwall::soc {

void Uart::report(StatSink& sink) const {
  sink.count("bytes_sent", core_.bytes_sent(), "bytes", "Bytes transmitted.");
  sink.count("bytes_received", core_.bytes_received(), "bytes", "Bytes received.");
}

void Plic::end_of_elaboration() {
  sc_core::sc_spawn_options options;
  options.spawn_method();
  bool any = false;
  for (IrqIn& input : irq_in) {
    if (input.size() == 0) continue;
    options.set_sensitivity(&input->value_changed_event());
    any = true;
  }
  if (!any) return;
  sc_core::sc_spawn(
      [this] {
        for (std::uint32_t source = 1; source < PlicCore::kSources; ++source) {
          if (irq_in[source].size() != 0) core_.set_level(source, irq_in[source]->read());
        }
        refresh();
      },
      "sample", &options);
}

void SysCtrl::accessed() {
  if (!core_.exited() || exit_seen_) return;
  exit_seen_ = true;
  exit_event_.notify(local_offset());
}

}  // namespace memwall::soc
