// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// An initiator that keeps every rule of the base protocol and uses every freedom it leaves: blocking calls
/// with annotated delays, four phases with several transactions in flight, all ways to end a response,
/// payloads from a pool that is looked after, extensions of its own, debug accesses and DMI requests in
/// between. With a checker in front of the target.
#pragma once

#ifndef SC_INCLUDE_DYNAMIC_PROCESSES
#error "define SC_INCLUDE_DYNAMIC_PROCESSES before any header of SystemC"
#endif
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/rng.h"
#include "common/tlm_source.h"
#include "common/tlm_traffic.h"
#include "support/tlm_checker.h"

namespace memwall::testing_support {

/// What one socket is asked for.
struct ProtocolProfile {
  std::uint64_t first = 0;              ///< addresses from here ...
  std::uint64_t bytes = 4096;           ///< ... to here, now and then beyond
  std::vector<unsigned> lengths = {4};  ///< one of them
  std::uint64_t alignment = 4;
  bool writes = true;
  bool traffic = false;         ///< also traffic without data
  bool native_phases = false;   ///< false: nb_transport is converted by the target's socket, which knows no
                                ///< END_REQ and takes no annotation of END_RESP
  bool annotated_begin = true;  ///< BEGIN_REQ with a delay
  bool debug_writes = false;
  unsigned accesses = 300;
};

class ProtocolDriver : public sc_core::sc_module, public tlm::tlm_mm_interface {
 public:
  using Payload = tlm::tlm_generic_payload;
  tlm_utils::simple_initiator_socket<ProtocolDriver> isock{"isock"};
  TlmChecker checker;
  /// When each access was done, relative to the begin, by number.
  std::vector<sc_core::sc_time> done;
  std::map<tlm::tlm_response_status, unsigned> statuses;

  /// With `disturb`, debug accesses and DMI requests go between the others; they must change nothing else.
  ProtocolDriver(const sc_core::sc_module_name& name, const ProtocolProfile& profile, std::uint64_t seed,
                 bool disturb)
      : sc_core::sc_module(name),
        checker((std::string(this->basename()) + "_checker").c_str()),
        profile_(profile),
        disturb_(disturb),
        rng_(seed, "protocol"),
        rng_answer_(seed, "answers"),
        rng_disturb_(seed, "disturb") {
    isock.bind(checker.tsock);
    isock.register_nb_transport_bw(this, &ProtocolDriver::nb_transport_bw);
    done.resize(profile.accesses);
    sc_core::sc_spawn([this] { run(); });
    sc_core::sc_spawn([this] { end_responses(); });
  }
  ~ProtocolDriver() override {
    for (const auto& item : pool_) {
      item->payload.clear_extension(&item->source);
      item->payload.clear_extension(&item->traffic);
    }
  }

  /// After the simulation: everything was answered, nothing was broken, nothing leaked.
  void expect_clean() {
    checker.finish();
    EXPECT_EQ(finished_, profile_.accesses) << name() << ": accesses without an answer";
    EXPECT_EQ(checker.text(), "");
    EXPECT_EQ(free_.size(), pool_.size()) << name() << ": payloads that somebody still holds";
    EXPECT_GT(checker.seen.blocking, profile_.accesses / 10);
    EXPECT_GT(checker.seen.requests, profile_.accesses / 10);
    if (profile_.native_phases) {
      EXPECT_EQ(checker.seen.end_requests, checker.seen.requests);
    }
    if (disturb_) {
      EXPECT_GT(checker.seen.debug, 0u);
      EXPECT_GT(checker.seen.dmi, 0u);
    }
    EXPECT_GT(statuses[tlm::TLM_OK_RESPONSE], profile_.accesses / 20)
        << name() << ": hardly an access succeeded";
  }

  void free(Payload* payload) override {
    Item& item = item_of(*payload);
    EXPECT_EQ(payload->get_ref_count(), 0);
    free_.push_back(&item);
  }

 private:
  struct Item {
    Payload payload;
    SourceExtension source;
    TrafficExtension traffic;
    std::vector<unsigned char> data;
    unsigned number = 0;
    bool requested = false;  // BEGIN_REQ sent, END_REQ or BEGIN_RESP not here
  };

  Item& item_of(Payload& payload) {
    for (const auto& item : pool_)
      if (&item->payload == &payload) return *item;
    ADD_FAILURE() << "a payload that is not ours";
    return *pool_.front();
  }
  Item& take(unsigned number) {
    if (free_.empty()) {
      pool_.push_back(std::make_unique<Item>());
      pool_.back()->payload.set_mm(this);
      free_.push_back(pool_.back().get());
    }
    Item& item = *free_.back();
    free_.pop_back();
    item.number = number;
    Payload& p = item.payload;
    p.acquire();
    const unsigned length = profile_.lengths[rng_.below(profile_.lengths.size())];
    std::uint64_t address =
        profile_.first + rng_.below(profile_.bytes) / profile_.alignment * profile_.alignment;
    if (rng_.below(20) == 0)
      address = profile_.first + profile_.bytes - profile_.alignment;  // may cross the end
    const bool write = profile_.writes && rng_.below(2) == 0;
    const bool traffic = profile_.traffic && rng_.below(4) == 0;
    item.data.assign(length, static_cast<unsigned char>(number));
    p.set_command(traffic ? tlm::TLM_IGNORE_COMMAND : write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
    p.set_address(address);
    p.set_data_ptr(traffic ? nullptr : item.data.data());
    p.set_data_length(length);
    p.set_streaming_width(length);
    p.set_dmi_allowed(false);
    p.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
    item.source.source = number % 3;
    p.set_extension(&item.source);
    p.clear_extension(&item.traffic);
    item.traffic.is_write = write;
    if (traffic) p.set_extension(&item.traffic);
    return item;
  }
  sc_core::sc_time random_time(std::uint64_t below_ps) {
    return sc_core::sc_time::from_value(rng_.below(below_ps));
  }
  void record(Item& item, const sc_core::sc_time& delay) {
    done[item.number] = sc_core::sc_time_stamp() + delay;
    ++statuses[item.payload.get_response_status()];
    ++finished_;
  }

  void run() {
    sc_core::sc_time last_begin;
    for (unsigned i = 0; i < profile_.accesses; ++i) {
      if (disturb_) disturb();
      if (rng_.below(3) != 0) sc_core::wait(random_time(rng_.below(10) == 0 ? 2000000 : 5000));
      Item& item = take(i);
      sc_core::sc_time delay = rng_.below(2) == 0 ? sc_core::SC_ZERO_TIME : random_time(3000);
      if (rng_.below(3) == 0) {
        isock->b_transport(item.payload, delay);
        record(item, delay);
        item.payload.release();
        continue;
      }
      if (!profile_.annotated_begin) delay = sc_core::SC_ZERO_TIME;
      // Never in front of an earlier request, and never before its request has ended.
      delay = std::max(sc_core::sc_time_stamp() + delay, std::max(last_begin, request_free_)) -
              sc_core::sc_time_stamp();
      last_begin = sc_core::sc_time_stamp() + delay;
      tlm::tlm_phase phase = tlm::BEGIN_REQ;
      item.requested = true;
      Payload& payload = item.payload;
      switch (isock->nb_transport_fw(payload, phase, delay)) {
        case tlm::TLM_ACCEPTED:
          break;
        case tlm::TLM_UPDATED:
          answered(item, phase, delay);
          break;
        case tlm::TLM_COMPLETED:
          item.requested = false;
          record(item, delay);
          payload.release();
          break;
      }
      while (item.requested) sc_core::wait(request_event_);
    }
  }
  void disturb() {
    if (rng_disturb_.below(3) != 0) return;
    Payload payload;
    unsigned char bytes[64] = {};
    payload.set_address(profile_.first + rng_disturb_.below(profile_.bytes) / 4 * 4);
    payload.set_data_ptr(bytes);
    payload.set_data_length(4 + static_cast<unsigned>(rng_disturb_.below(60)));
    payload.set_streaming_width(payload.get_data_length());
    payload.set_command(profile_.debug_writes && rng_disturb_.below(2) == 0 ? tlm::TLM_WRITE_COMMAND
                                                                            : tlm::TLM_READ_COMMAND);
    isock->transport_dbg(payload);
    tlm::tlm_dmi region;
    payload.set_command(tlm::TLM_READ_COMMAND);
    isock->get_direct_mem_ptr(payload, region);
  }

  /// A phase of the target that came in a return.
  void answered(Item& item, const tlm::tlm_phase& phase, const sc_core::sc_time& delay) {
    item.requested = false;
    request_free_ = sc_core::sc_time_stamp() + delay;
    if (phase != tlm::BEGIN_RESP) return;
    record(item, delay);
    later_.push_back({sc_core::sc_time_stamp() + delay, &item});
    later_event_.notify(sc_core::SC_ZERO_TIME);
  }
  tlm::tlm_sync_enum nb_transport_bw(Payload& payload, tlm::tlm_phase& phase, sc_core::sc_time& delay) {
    Item& item = item_of(payload);
    item.requested = false;
    request_event_.notify(sc_core::SC_ZERO_TIME);
    request_free_ = std::max(request_free_, sc_core::sc_time_stamp() + delay);
    if (phase == tlm::END_REQ) return tlm::TLM_ACCEPTED;
    record(item, delay);
    switch (rng_answer_.below(3)) {
      case 0:
        later_.push_back({sc_core::sc_time_stamp() + delay + random_answer_time(20000), &item});
        later_event_.notify(sc_core::SC_ZERO_TIME);
        return tlm::TLM_ACCEPTED;
      case 1:
        phase = tlm::END_RESP;
        if (profile_.native_phases) delay += random_answer_time(20000);
        payload.release();
        return tlm::TLM_UPDATED;
      default:
        if (profile_.native_phases) delay += random_answer_time(20000);
        payload.release();
        return tlm::TLM_COMPLETED;
    }
  }
  sc_core::sc_time random_answer_time(std::uint64_t below_ps) {
    return sc_core::sc_time::from_value(rng_answer_.below(below_ps));
  }
  /// Ends the responses that were only accepted, some before their time by annotation.
  void end_responses() {
    while (true) {
      while (later_.empty()) sc_core::wait(later_event_);
      const Later next = later_.front();
      later_.pop_front();
      sc_core::sc_time left = next.at - sc_core::sc_time_stamp();
      if (!profile_.native_phases || rng_answer_.below(2) == 0) {
        sc_core::wait(left);
        left = sc_core::SC_ZERO_TIME;
      }
      tlm::tlm_phase phase = tlm::END_RESP;
      isock->nb_transport_fw(next.item->payload, phase, left);
      next.item->payload.release();
    }
  }

  struct Later {
    sc_core::sc_time at;
    Item* item;
  };
  ProtocolProfile profile_;
  bool disturb_;
  Rng rng_, rng_answer_, rng_disturb_;
  std::vector<std::unique_ptr<Item>> pool_;
  std::vector<Item*> free_;
  std::deque<Later> later_;
  sc_core::sc_event request_event_, later_event_;
  sc_core::sc_time request_free_;
  unsigned finished_ = 0;
};

}  // namespace memwall::testing_support
