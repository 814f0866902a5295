// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "noc/router.h"

#include <algorithm>

#include "common/sc_time.h"
#include "common/tlm_source.h"
#include "common/tlm_traffic.h"

namespace memwall::noc {

Router::Router(const sc_core::sc_module_name& name, const Config& config)
    : sc_core::sc_module(name),
      init_tsock("init_tsock", config.initiators.size()),
      targ_isock("targ_isock", config.targets.size()),
      core_(config) {
  for (std::size_t i = 0; i < init_tsock.size(); ++i) {
    const int tag = static_cast<int>(i);
    init_tsock[i].register_b_transport(this, &Router::b_transport, tag);
    init_tsock[i].register_transport_dbg(this, &Router::transport_dbg, tag);
    init_tsock[i].register_get_direct_mem_ptr(this, &Router::get_direct_mem_ptr, tag);
  }
  for (std::size_t j = 0; j < targ_isock.size(); ++j) {
    targ_isock[j].register_invalidate_direct_mem_ptr(this, &Router::invalidate_direct_mem_ptr,
                                                     static_cast<int>(j));
  }
  for (const TargetConfig& target : config.targets) ranges_.push_back(target.ranges);
}

void Router::b_transport(int initiator, tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
  const std::uint64_t address = payload.get_address();
  const std::uint64_t bytes = payload.get_data_length();
  const RouterCore::Route route = core_.route(address);
  if (route.target == RouterCore::kNoTarget || bytes > route.left) {
    core_.count_decode_error(static_cast<std::uint32_t>(initiator));
    delay += to_sc(2 * core_.hop());
    payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
    return;
  }
  const TimePs now = to_ps(sc_core::sc_time_stamp());
  const TimePs hop = core_.hop(static_cast<std::uint32_t>(initiator), route.target);
  const RouterCore::Slot slot = core_.transfer(static_cast<std::uint32_t>(initiator), route.target, bytes,
                                               access_of(payload).is_write, now + to_ps(delay), now);
  delay = to_sc(slot.start - now);
  payload.set_address(route.offset);
  {
    const SourceStamp stamp(payload, static_cast<std::uint32_t>(initiator));
    targ_isock[route.target]->b_transport(payload, delay);
  }
  payload.set_address(address);
  // The port streams while the target works; whichever is later ends the transfer. A target may have let time
  // pass, so both are compared on the kernel's clock.
  const sc_core::sc_time stamp = sc_core::sc_time_stamp();
  delay = std::max(stamp + delay, to_sc(slot.end)) + to_sc(hop) - stamp;
}

unsigned Router::transport_dbg(int, tlm::tlm_generic_payload& payload) {
  const std::uint64_t address = payload.get_address();
  const unsigned length = payload.get_data_length();
  const RouterCore::Route route = core_.route(address);
  if (route.target == RouterCore::kNoTarget) return 0;
  payload.set_address(route.offset);
  if (length > route.left) payload.set_data_length(static_cast<unsigned>(route.left));
  const unsigned served = targ_isock[route.target]->transport_dbg(payload);
  payload.set_address(address);
  payload.set_data_length(length);
  return served;
}

bool Router::get_direct_mem_ptr(int initiator, tlm::tlm_generic_payload& payload, tlm::tlm_dmi& dmi) {
  const std::uint64_t address = payload.get_address();
  const RouterCore::Route route = core_.route(address);
  if (route.target == RouterCore::kNoTarget) return false;
  payload.set_address(route.offset);
  const bool granted = targ_isock[route.target]->get_direct_mem_ptr(payload, dmi);
  payload.set_address(address);
  // Cut the region to the range and move it to where the chip sees it.
  const std::uint64_t first = route.range.target_offset;
  const std::uint64_t last = first + (route.range.size_bytes - 1);
  const std::uint64_t begin = std::max<std::uint64_t>(dmi.get_start_address(), first);
  const std::uint64_t end = std::min<std::uint64_t>(dmi.get_end_address(), last);
  if (granted) dmi.set_dmi_ptr(dmi.get_dmi_ptr() + (begin - dmi.get_start_address()));
  dmi.set_start_address(begin - first + route.range.base);
  dmi.set_end_address(end - first + route.range.base);
  const sc_core::sc_time hops = to_sc(2 * core_.hop(static_cast<std::uint32_t>(initiator), route.target));
  dmi.set_read_latency(dmi.get_read_latency() + hops);
  dmi.set_write_latency(dmi.get_write_latency() + hops);
  return granted;
}

void Router::invalidate_direct_mem_ptr(int target, sc_dt::uint64 first, sc_dt::uint64 last) {
  for (const Range& range : ranges_[static_cast<std::size_t>(target)]) {
    const std::uint64_t begin = std::max<std::uint64_t>(first, range.target_offset);
    const std::uint64_t end = std::min<std::uint64_t>(last, range.target_offset + (range.size_bytes - 1));
    if (begin > end) continue;
    for (auto& socket : init_tsock) {
      socket->invalidate_direct_mem_ptr(begin - range.target_offset + range.base,
                                        end - range.target_offset + range.base);
    }
  }
}

}  // namespace memwall::noc
