// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// The SystemC shell through TLM initiators: data, errors, traffic without data, blocking and four phases
// against each other and against the engine, back-pressure, report.
#include <fmt/format.h>

#include <algorithm>

#include "common/rng.h"
#include "module_bench.h"

namespace memwall::hbm {
namespace {

using sc_core::wait;

TimePs now_ps() { return to_ps(sc_core::sc_time_stamp()); }

class HbmShell : public testing::Test, public ModuleBench {};

TEST_F(HbmShell, ReadsBackWhatWasWrittenAtAnyLengthAndAlignment) {
  run_to_end({[&] {
    Rng rng(3, "data");
    std::vector<std::uint8_t> shadow(1 << 16, 0);
    for (int i = 0; i < 300; ++i) {
      const std::uint64_t bytes = 1 + rng.below(rng.below(4) == 0 ? 9000 : 70);
      const std::uint64_t at = rng.below(shadow.size() - bytes);
      if (rng.below(2) != 0) {
        std::vector<std::uint8_t> data(bytes);
        for (auto& b : data) b = static_cast<std::uint8_t>(rng.next());
        std::copy(data.begin(), data.end(), shadow.begin() + static_cast<std::ptrdiff_t>(at));
        ASSERT_EQ(io.write(at, data), tlm::TLM_OK_RESPONSE);
      } else {
        std::vector<std::uint8_t> got(bytes, 0xee);
        const bool base_die = rng.below(2) != 0;
        ASSERT_EQ(io.access(tlm::TLM_READ_COMMAND, at, got.data(), static_cast<unsigned>(bytes), base_die),
                  tlm::TLM_OK_RESPONSE);
        ASSERT_TRUE(std::equal(got.begin(), got.end(), shadow.begin() + static_cast<std::ptrdiff_t>(at)));
      }
      ASSERT_GT(io.took, 0u);
    }
  }});
}

TEST_F(HbmShell, OrderOfArrivalIsTheOrderOfReadsAndWrites) {
  std::vector<std::uint8_t> before(64, 1), after(64, 1), late(64, 1);
  const std::vector<std::uint8_t> data(64, 7);
  run_to_end({
      [&] { io.read(0x2000, before); },
      [&] { io.write(0x2000, data); },
      [&] { io.read(0x2000, after); },
      [&] {  // annotated: arrives before a write that is called earlier and arrives later
        Payload payload;
        payload.set_command(tlm::TLM_WRITE_COMMAND);
        std::vector<std::uint8_t> other(64, 9);
        payload.set_address(0x2000);
        payload.set_data_ptr(other.data());
        payload.set_data_length(64);
        payload.set_streaming_width(64);
        io.send(payload, false, 5000);
      },
      [&] {
        wait(4, sc_core::SC_NS);
        io.read(0x2000, late);
      },
  });
  EXPECT_EQ(before, std::vector<std::uint8_t>(64, 0)) << "same time, called first";
  EXPECT_EQ(after, data) << "same time, called after the write";
  EXPECT_EQ(late, data) << "the later write has not arrived yet";
}

TEST_F(HbmShell, ErrorsAreResponsesAndTakeNoTime) {
  run_to_end({[&] {
    std::uint8_t data[64] = {};
    EXPECT_EQ(io.access(tlm::TLM_READ_COMMAND, hbm.capacity_bytes() - 32, data, 64),
              tlm::TLM_ADDRESS_ERROR_RESPONSE);
    EXPECT_EQ(io.took, 0u);
    EXPECT_EQ(io.access(tlm::TLM_WRITE_COMMAND, ~std::uint64_t{0} - 3, data, 64),
              tlm::TLM_ADDRESS_ERROR_RESPONSE);
    EXPECT_EQ(io.access(tlm::TLM_READ_COMMAND, 0, data, 0), tlm::TLM_BURST_ERROR_RESPONSE);
    Payload payload;
    payload.set_command(tlm::TLM_WRITE_COMMAND);
    payload.set_address(0);
    payload.set_data_ptr(data);
    payload.set_data_length(64);
    payload.set_streaming_width(32);
    EXPECT_EQ(io.send(payload), tlm::TLM_BURST_ERROR_RESPONSE);
    payload.set_streaming_width(64);
    std::uint8_t enables[1] = {0xff};
    payload.set_byte_enable_ptr(enables);
    payload.set_byte_enable_length(1);
    EXPECT_EQ(io.send(payload), tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE);
    EXPECT_EQ(now_ps(), 0u);
    EXPECT_EQ(io.send(payload, false, 700), tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE);
    EXPECT_EQ(now_ps(), 700u) << "it arrives when the annotation says";
    EXPECT_EQ(stat("data.read_requests") + stat("data.write_requests"), 0);
  }});
}

TEST_F(HbmShell, BlockingCallsFromWhatCannotWaitAreAModelError) {
  std::uint8_t data[32] = {};
  EXPECT_THROW(io.access(tlm::TLM_READ_COMMAND, 0, data, 32), ModelError);
  sc_core::sc_spawn_options method;
  method.spawn_method();
  sc_core::sc_spawn([&] { io.access(tlm::TLM_READ_COMMAND, 0, data, 32); }, "method", &method);
  sc_core::sc_start(1, sc_core::SC_US);
  EXPECT_THROW(rethrow_simulation_error(), Error);
}

TEST_F(HbmShell, TrafficWithoutDataHasTheTimingCountersAndErrorsOfTheRealAccess) {
  ModuleBench other(make_config(), "_other");
  TimePs real = 0;
  run_to_end({[&] {
    std::vector<std::uint8_t> data(5000, 7);
    ASSERT_EQ(io.read(64 << 20, data), tlm::TLM_OK_RESPONSE);
    real = io.took;
  }});
  run_to_end({[&] {
    TrafficExtension traffic;
    Payload payload;
    payload.set_command(tlm::TLM_IGNORE_COMMAND);
    payload.set_extension(&traffic);
    payload.set_address(64 << 20);
    payload.set_data_ptr(nullptr);
    payload.set_data_length(5000);
    payload.set_streaming_width(5000);
    // The other stack has seen no request: the same place in the same state, up to its refreshes.
    EXPECT_EQ(other.io.send(payload), tlm::TLM_OK_RESPONSE);
    EXPECT_EQ(other.stat("data.read_bytes"), stat("data.read_bytes"));
    EXPECT_EQ(other.stat("data.read_bursts"), stat("data.read_bursts"));
    EXPECT_NEAR(static_cast<double>(other.io.took), static_cast<double>(real), 625) << "arrival rounds up";
    payload.set_address(hbm.capacity_bytes());
    EXPECT_EQ(io.send(payload), tlm::TLM_ADDRESS_ERROR_RESPONSE);
    hbm.inject_fault(1 << 20, 2, false);
    payload.set_address(1 << 20);
    EXPECT_EQ(io.send(payload), tlm::TLM_GENERIC_ERROR_RESPONSE);
    traffic.is_write = true;
    EXPECT_EQ(io.send(payload), tlm::TLM_OK_RESPONSE) << "heals, as a write with data does";
    traffic.is_write = false;
    EXPECT_EQ(io.send(payload), tlm::TLM_OK_RESPONSE);
    payload.clear_extension(&traffic);
    EXPECT_EQ(io.send(payload), tlm::TLM_OK_RESPONSE) << "a plain ignore command asks for nothing";
    EXPECT_EQ(io.took, 0u);
  }});
}

TEST_F(HbmShell, DebugAccessReachesEveryByteWithoutTimeOrCounters) {
  std::uint8_t bytes[4] = {1, 2, 3, 4};
  Payload payload;
  payload.set_command(tlm::TLM_WRITE_COMMAND);
  payload.set_address(hbm.capacity_bytes() - 2);
  payload.set_data_ptr(bytes);
  payload.set_data_length(4);
  EXPECT_EQ(io.data_isock->transport_dbg(payload), 2u);
  std::uint8_t got[4] = {};
  payload.set_command(tlm::TLM_READ_COMMAND);
  payload.set_data_ptr(got);
  EXPECT_EQ(io.pnm_isock->transport_dbg(payload), 2u);
  EXPECT_EQ(got[0], 1);
  EXPECT_EQ(got[1], 2);
  payload.set_address(hbm.capacity_bytes());
  EXPECT_EQ(io.data_isock->transport_dbg(payload), 0u);
  EXPECT_EQ(stat("reads") + stat("writes"), 0);
}

TEST_F(HbmShell, NothingIsScheduledWhenNothingIsInFlight) {
  run_to_end({[&] {
    std::vector<std::uint8_t> data(4096);
    io.read(0, data);
    io.write(1 << 20, data);
  }});
  EXPECT_FALSE(sc_core::sc_pending_activity());
  const sc_core::sc_time end = sc_core::sc_time_stamp();
  EXPECT_LT(end, sc_core::sc_time(10, sc_core::SC_US)) << "the last event is the last access";
}

// One random load, three ways in.

struct Planned {
  TimePs earliest;
  bool base_die;
  std::uint32_t source;
  bool is_write;
  std::uint64_t address;
  unsigned bytes;
};

std::vector<Planned> random_load(std::uint64_t seed, std::size_t n, std::uint64_t capacity) {
  Rng rng(seed, "load");
  std::vector<Planned> load;
  TimePs at[2] = {};
  for (std::size_t i = 0; i < n; ++i) {
    Planned p;
    p.base_die = rng.below(3) == 0;
    // Bursts of dense requests, then pauses that let queues empty and refreshes pass.
    TimePs& t = at[p.base_die ? 1 : 0];
    t += rng.below(40) == 0 ? rng.below(3000000) : rng.below(2000);
    p.earliest = t;
    p.source =
        p.base_die ? 8 + static_cast<std::uint32_t>(rng.below(4)) : static_cast<std::uint32_t>(rng.below(6));
    p.is_write = rng.below(3) == 0;
    p.bytes = static_cast<unsigned>(rng.below(12) == 0 ? 1 + rng.below(20000) : 1 + rng.below(128));
    // Few rows, so that there are hits, conflicts and full queues.
    const std::uint64_t region = rng.below(6) * (capacity / 8);
    p.address = region + rng.below(4) * 1048576 + rng.below(2048) * 32 + rng.below(32);
    load.push_back(p);
  }
  std::stable_sort(load.begin(), load.end(),
                   [](const Planned& a, const Planned& b) { return a.earliest < b.earliest; });
  return load;
}

struct Sent {
  Request request;
  std::unique_ptr<ManagedPayload> four_phase;
  TimePs blocking_done = 0;
};

/// Two stacks of `config` and a bare engine under the same load.
void compare_ways_in(const HbmModule::Config& config, std::uint64_t seed) {
  ModuleBench nb(config, fmt::format("_nb{}", seed));
  ModuleBench b(config, fmt::format("_b{}", seed));
  nb.io.answer = Initiator::Answer::kUpdated;
  ASSERT_EQ(now_ps(), 0u) << "the bare engine starts at 0";
  const std::vector<Planned> load = random_load(seed, 3000, nb.hbm.capacity_bytes());
  std::vector<std::unique_ptr<Sent>> sent;
  Rng rng(12, "annotation");

  const auto four_phase_port = [&](bool base_die) {
    TimePs last_begin = 0;
    for (const Planned& p : load) {
      if (p.base_die != base_die) continue;
      if (p.earliest > now_ps()) wait(to_sc(p.earliest - now_ps()));
      // Never before a request that was sent earlier; often annotated.
      TimePs delay = rng.below(2) == 0 ? 0 : rng.below(3000);
      if (now_ps() + delay < last_begin) delay = last_begin - now_ps();
      last_begin = now_ps() + delay;
      auto record = std::make_unique<Sent>();
      Sent& s = *record;
      s.request.tag = sent.size();
      s.request.arrival = last_begin;
      s.request.address = p.address;
      s.request.bytes = p.bytes;
      s.request.is_write = p.is_write;
      s.request.source = p.source;
      s.request.port = base_die ? Port::kBaseDie : Port::kPins;
      s.request.report_acceptance = true;
      s.four_phase = std::make_unique<ManagedPayload>(
          p.is_write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND, p.address, p.bytes);
      s.four_phase->set_source(p.source);
      sent.push_back(std::move(record));
      sc_core::sc_spawn([&s, &b, delay, base_die] {
        ManagedPayload same(s.four_phase->payload.get_command(), s.request.address,
                            static_cast<unsigned>(s.request.bytes));
        same.set_source(s.request.source);
        ASSERT_EQ(b.io.send(same.payload, base_die, delay), tlm::TLM_OK_RESPONSE);
        s.blocking_done = now_ps();
      });
      nb.io.begin(s.four_phase->payload, delay, base_die);
      while (nb.io.times[&s.four_phase->payload].phase == tlm::BEGIN_REQ) wait(nb.io.response_event);
    }
  };
  run_to_end({[&] { four_phase_port(false); }, [&] { four_phase_port(true); }});

  ASSERT_EQ(nb.io.responses, load.size());
  std::vector<Request> requests;
  for (const auto& s : sent) requests.push_back(s->request);
  std::stable_sort(requests.begin(), requests.end(),
                   [](const Request& x, const Request& y) { return x.arrival < y.arrival; });
  Engine engine(nb.hbm.preset());
  std::vector<Event> events;
  for (const Request& request : requests) {
    engine.advance(request.arrival, events);
    engine.submit(request);
  }
  engine.finish(events);
  std::vector<TimePs> accepted(sent.size(), 0), done(sent.size(), 0);
  for (const Event& event : events)
    (event.kind == Event::Kind::kDone ? done : accepted)[event.tag] = event.at;

  unsigned held_back = 0;
  for (std::size_t i = 0; i < sent.size(); ++i) {
    const Initiator::Times& t = nb.io.times[&sent[i]->four_phase->payload];
    ASSERT_EQ(t.end_req, accepted[i]) << "request " << i;
    ASSERT_EQ(t.begin_resp, done[i]) << "request " << i;
    ASSERT_EQ(sent[i]->blocking_done, done[i]) << "request " << i;
    held_back += accepted[i] > sent[i]->request.arrival + 2 * static_cast<TimePs>(nb.hbm.preset().tCK_ps);
    sent[i]->four_phase->payload.release();
    ASSERT_TRUE(sent[i]->four_phase->freed) << "the target kept a reference";
  }
  EXPECT_GT(held_back, 10u) << "the load never filled a queue: it tests no back-pressure";
  for (const char* name :
       {"reads", "writes", "activates", "row_hits", "row_conflicts", "data.read_bytes", "pnm.write_bursts"}) {
    EXPECT_EQ(nb.stat(name), b.stat(name)) << name;
    EXPECT_GT(nb.stat(name), 0) << name;
  }
  EXPECT_DOUBLE_EQ(nb.stat("energy_pj"), b.stat("energy_pj"));
}

TEST(HbmTransports, BlockingFourPhasesAndTheBareEngineGiveEveryRequestTheSameTimes) {
  compare_ways_in(make_config(), 11);
}
TEST(HbmTransports, TheSameWithOldestFirstArbitrationPerBankRefreshAndClosedPages) {
  HbmModule::Config config = make_config();
  config.preset.controller.arbitration = "oldest";
  config.preset.controller.page = "closed";
  config.preset.controller.refresh = "per_bank";
  config.preset.controller.power_down_after = 100;
  compare_ways_in(config, 12);
}
TEST(HbmTransports, TheSameWithoutFastForwardAndSharing) {
  HbmModule::Config config = make_config();
  config.engine = {false, false};
  compare_ways_in(config, 13);
}

TEST_F(HbmShell, ARequestInALaterDeltaCycleIsInTimeForTheSameClockEdge) {
  // Both requests arrive at the edge at which the first event of a third one is due.
  const TimePs edge = 200 * static_cast<TimePs>(hbm.preset().tCK_ps);
  TimePs done[3] = {};
  const std::uint64_t at[3] = {0, 1 << 22, 2 << 22};
  const auto access = [&](int i) {
    std::vector<std::uint8_t> data(32);
    ASSERT_EQ(io.read(at[i], data), tlm::TLM_OK_RESPONSE);
    done[i] = now_ps();
  };
  run_to_end({
      [&] { access(0); },
      [&] {
        wait(to_sc(edge));
        access(1);
      },
      [&] {
        wait(to_sc(edge));
        for (int i = 0; i < 5; ++i) wait(sc_core::SC_ZERO_TIME);
        access(2);
      },
  });
  Engine engine(hbm.preset());
  for (int i = 0; i < 3; ++i) {
    Request request;
    request.tag = static_cast<std::uint64_t>(i);
    request.arrival = i == 0 ? 0 : edge;
    request.address = at[i];
    request.bytes = 32;
    engine.submit(request);
  }
  std::vector<Event> events;
  engine.finish(events);
  for (const Event& event : events) EXPECT_EQ(done[event.tag], event.at) << "request " << event.tag;
}

TEST_F(HbmShell, ADependentRequestArrivesAtTheTimeOfTheResponse) {
  std::vector<TimePs> times;
  run_to_end({[&] {
    std::vector<std::uint8_t> data(64);
    for (int i = 0; i < 20; ++i) {
      ASSERT_EQ(io.read(static_cast<std::uint64_t>(i) << 24, data), tlm::TLM_OK_RESPONSE);
      times.push_back(now_ps());
    }
  }});
  Engine engine(hbm.preset());
  TimePs now = 0;
  for (std::size_t i = 0; i < times.size(); ++i) {
    Request request;
    request.tag = i;
    request.arrival = now;
    request.address = std::uint64_t{i} << 24;
    request.bytes = 64;
    engine.submit(request);
    std::vector<Event> events;
    while (events.empty()) engine.advance(engine.next_event().value(), events);
    now = events.front().at;
    ASSERT_EQ(times[i], now) << i;
  }
}

TEST_F(HbmShell, FourPhaseDataArriveAndWritesCanBeReadBack) {
  run_to_end({[&] {
    ManagedPayload w(tlm::TLM_WRITE_COMMAND, 100, 300);
    for (std::size_t i = 0; i < 300; ++i) w.data[i] = static_cast<std::uint8_t>(i);
    io.begin(w.payload);
    io.await(1);
    ManagedPayload r(tlm::TLM_READ_COMMAND, 100, 300);
    io.begin(r.payload, 12345);
    io.await(2);
    EXPECT_EQ(r.data, w.data);
    EXPECT_EQ(r.payload.get_response_status(), tlm::TLM_OK_RESPONSE);
    ManagedPayload bad(tlm::TLM_READ_COMMAND, hbm.capacity_bytes(), 32);
    io.begin(bad.payload);
    io.await(3);
    EXPECT_EQ(bad.payload.get_response_status(), tlm::TLM_ADDRESS_ERROR_RESPONSE);
    EXPECT_EQ(io.times[&bad.payload].begin_resp, io.times[&bad.payload].begin_req);
  }});
}

TEST_F(HbmShell, FullQueueHoldsBackEndOfRequest) {
  // Reads of ever new rows in one bank: nothing leaves the queue faster than a row cycle.
  const ControllerConfig& controller = hbm.preset().controller;
  const TimePs row_cycle =
      static_cast<TimePs>(hbm.preset().cycles("tRAS") + hbm.preset().cycles("tRP")) * hbm.preset().tCK_ps;
  const std::uint64_t row = std::uint64_t{hbm.preset().map.row_step()} << hbm.preset().map.pattern_bits();
  run_to_end({[&] {
    std::vector<std::unique_ptr<ManagedPayload>> all;
    for (std::uint32_t i = 0; i < controller.read_queue + 8; ++i) {
      all.push_back(
          std::make_unique<ManagedPayload>(tlm::TLM_READ_COMMAND, hbm.preset().map.address(0, i * row), 32));
      Payload& payload = all.back()->payload;
      io.begin(payload);
      while (io.times[&payload].phase == tlm::BEGIN_REQ) wait(io.response_event);
      const TimePs waited = io.times[&payload].end_req - io.times[&payload].begin_req;
      if (i < controller.read_queue) {
        ASSERT_LE(waited, 2 * static_cast<TimePs>(hbm.preset().tCK_ps)) << i;
      } else if (i > controller.read_queue + 1) {
        ASSERT_GE(waited, row_cycle / 2) << i;
      }
    }
    // A write is not held back by full reads.
    ManagedPayload w(tlm::TLM_WRITE_COMMAND, hbm.preset().map.address(0, 1), 32);
    io.begin(w.payload);
    while (io.times[&w.payload].phase == tlm::BEGIN_REQ) wait(io.response_event);
    EXPECT_LE(io.times[&w.payload].end_req - io.times[&w.payload].begin_req,
              2 * static_cast<TimePs>(hbm.preset().tCK_ps));
    io.await(controller.read_queue + 9);
    for (auto& p : all) {
      p->payload.release();
      EXPECT_TRUE(p->freed);
    }
  }});
}

TEST_F(HbmShell, OneResponseAtATimeAndTheNextBeginsWhenItHasEnded) {
  run_to_end({[&] {
    io.answer = Initiator::Answer::kHeld;
    ManagedPayload a(tlm::TLM_READ_COMMAND, 0, 32), b(tlm::TLM_READ_COMMAND, 4096, 32);
    io.begin(a.payload);
    while (io.times[&a.payload].phase == tlm::BEGIN_REQ) wait(io.response_event);
    io.begin(b.payload);
    wait(2, sc_core::SC_US);
    EXPECT_EQ(io.responses, 1u) << "a second BEGIN_RESP before END_RESP";
    EXPECT_EQ(b.payload.get_response_status(), tlm::TLM_INCOMPLETE_RESPONSE);
    io.end_response();
    wait(1, sc_core::SC_PS);
    EXPECT_EQ(io.responses, 2u);
    EXPECT_EQ(io.times[&b.payload].begin_resp, 2 * kPsPerNs * 1000 + io.times[&b.payload].begin_req);
    io.end_response();
  }});
}

TEST_F(HbmShell, EveryWayToEndAResponseIsUnderstoodAndItsTimeHoldsBackTheNext) {
  run_to_end({[&] {
    unsigned n = 0;
    for (const auto answer :
         {Initiator::Answer::kUpdated, Initiator::Answer::kCompleted, Initiator::Answer::kAcceptedAndEnded}) {
      for (const TimePs response_time : {TimePs{0}, 100 * kPsPerNs}) {
        io.answer = answer;
        io.response_time = response_time;
        std::vector<std::unique_ptr<ManagedPayload>> all;
        for (unsigned i = 0; i < 30; ++i) {
          all.push_back(std::make_unique<ManagedPayload>(tlm::TLM_READ_COMMAND, i * 64, 64));
          io.begin(all.back()->payload);
          while (io.times[&all.back()->payload].phase == tlm::BEGIN_REQ) wait(io.response_event);
        }
        io.await(n += 30);
        wait(1, sc_core::SC_US);
        std::vector<TimePs> begins;
        for (auto& p : all) {
          begins.push_back(io.times[&p->payload].begin_resp);
          p->payload.release();
          ASSERT_TRUE(p->freed);
        }
        std::sort(begins.begin(), begins.end());
        for (std::size_t i = 1; i < begins.size(); ++i) ASSERT_GE(begins[i], begins[i - 1] + response_time);
        if (response_time != 0) {
          EXPECT_EQ(begins.back(), begins.front() + 29 * response_time);
        }
      }
    }
  }});
}

class HbmPhases : public HbmShell {
 protected:
  /// Runs `body`; the model must stop with an error that says `what`.
  void expect_refused(const std::function<void()>& body, const std::string& what) {
    run_threads({body}, 10 * kPsPerNs * 1000);
    try {
      rethrow_simulation_error();
      ADD_FAILURE() << "nothing was raised";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::kModel);
      EXPECT_NE(std::string(error.what()).find(what), std::string::npos) << error.what();
    }
  }
  ManagedPayload p{tlm::TLM_READ_COMMAND, 0, 32}, q{tlm::TLM_READ_COMMAND, 4096, 32};
};

TEST_F(HbmPhases, EndOfResponseWithoutResponseIsAModelError) {
  expect_refused([&] { io.forward(p.payload, tlm::END_RESP, 0); }, "END_RESP without BEGIN_RESP");
}
TEST_F(HbmPhases, EndOfAnotherResponseIsAModelError) {
  io.answer = Initiator::Answer::kHeld;
  expect_refused(
      [&] {
        io.begin(p.payload);
        io.await(1);
        io.forward(q.payload, tlm::END_RESP, 0);
      },
      "END_RESP without BEGIN_RESP");
}
TEST_F(HbmPhases, ASecondRequestBeforeTheFirstIsAcceptedIsAModelError) {
  expect_refused(
      [&] {
        io.begin(p.payload);
        io.begin(q.payload);
      },
      "BEGIN_REQ before END_REQ");
}
TEST_F(HbmPhases, ARequestThatIsStillInFlightIsAModelError) {
  expect_refused(
      [&] {
        io.begin(p.payload);
        while (io.times[&p.payload].phase == tlm::BEGIN_REQ) wait(io.response_event);
        io.forward(p.payload, tlm::BEGIN_REQ, 0);
      },
      "still in flight");
}
TEST_F(HbmPhases, APhaseOfTheTargetFromTheInitiatorIsAModelError) {
  expect_refused([&] { io.forward(p.payload, tlm::BEGIN_RESP, 0); },
                 "a phase that an initiator does not send");
}

TEST_F(HbmShell, SourcesAreTakenFromTheExtensionAndElseFromThePort) {
  // Two trains on the same pseudo-channels: with two sources they share bursts, with one they queue.
  const auto finish_of_short = [](ModuleBench& bench, std::uint32_t source_of_short) {
    TimePs done = 0;
    run_to_end({
        [&] {
          ManagedPayload train(tlm::TLM_READ_COMMAND, 0, 1 << 20);
          train.set_source(0);
          bench.io.send(train.payload);
        },
        [&] {
          wait(to_sc(10 * static_cast<TimePs>(bench.hbm.preset().tCK_ps)));
          ManagedPayload one(tlm::TLM_READ_COMMAND, 2 << 20, 32);
          one.set_source(source_of_short);
          bench.io.send(one.payload);
          done = now_ps();
        },
    });
    return done;
  };
  ModuleBench same(make_config(), "_same"), other(make_config(), "_other"),
      wrapped(make_config(), "_wrapped");
  const TimePs start = now_ps();
  const TimePs alone = finish_of_short(same, 0) - start;
  const TimePs middle = now_ps();
  const TimePs shared = finish_of_short(other, 1) - middle;
  const TimePs last = now_ps();
  const TimePs sixteen = finish_of_short(wrapped, 16) - last;
  EXPECT_LT(2 * shared, alone) << "another source is not behind the whole train";
  EXPECT_GT(2 * sixteen, alone) << "16 is source 0 again";
}

TEST_F(HbmShell, ReportSeparatesPortsAndSumsEnergy) {
  run_to_end({[&] {
    std::vector<std::uint8_t> data(4096);
    io.access(tlm::TLM_READ_COMMAND, 0, data.data(), 4096, false);
    io.access(tlm::TLM_READ_COMMAND, 8192, data.data(), 2048, true);
  }});
  EXPECT_EQ(stat("data.read_bytes"), 4096);
  EXPECT_EQ(stat("pnm.read_bytes"), 2048);
  EXPECT_EQ(stat("reads"), 192);
  EXPECT_EQ(stat("row_hits") + stat("row_misses") + stat("row_conflicts"), 192);
  const Energy& e = hbm.preset().energy;
  EXPECT_DOUBLE_EQ(stat("energy_phy_pj"), 128 * e.read_phy_pj);
  EXPECT_DOUBLE_EQ(stat("energy_array_pj"), 192 * e.read_array_pj);
  double sum = 0;
  for (const char* kind : {"phy", "array", "activate", "refresh", "background"})
    sum += stat(std::string("energy_") + kind + "_pj");
  EXPECT_DOUBLE_EQ(stat("energy_pj"), sum);
  const double bits = 192 * 32 * 8;
  EXPECT_DOUBLE_EQ(stat("energy_pj_per_bit"), stat("energy_pj") / bits);
  EXPECT_DOUBLE_EQ(stat("energy_array_pj_per_bit"), 192 * e.read_array_pj / bits);
  EXPECT_NEAR(stat("peak_gbytes_per_s"), 819.2, 1e-9);
}

TEST_F(HbmShell, BackgroundStatesCoverTheWholeTimeOfAllPseudoChannels) {
  run_to_end({[&] {
    std::vector<std::uint8_t> data(4096);
    io.read(0, data);
    wait(50, sc_core::SC_US);
  }});
  const double ns = to_ps(sc_core::sc_time_stamp()) / 1e3;
  const double pseudo_channels = hbm.preset().organisation.pseudo_channels_total();
  const double cycle = static_cast<double>(hbm.preset().tCK_ps) / 1e3;
  EXPECT_NEAR(stat("active_standby_ns") + stat("precharge_standby_ns") + stat("power_down_ns") +
                  stat("self_refresh_ns"),
              pseudo_channels * ns, pseudo_channels * cycle);
  EXPECT_GT(stat("active_standby_ns"), 0);
  EXPECT_GT(stat("refreshes") + stat("bank_refreshes"), 0);
}

TEST(HbmShellConfig, TooSmallAStackIsAConfigurationError) {
  HbmModule::Config config = make_config();
  config.required_capacity_bytes = config.preset.organisation.capacity_bytes + 1;
  EXPECT_THROW(HbmModule("hbm", config), ConfigError);
}

}  // namespace
}  // namespace memwall::hbm
