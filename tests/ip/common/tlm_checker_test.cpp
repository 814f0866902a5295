// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// The base-protocol checker finds what it says it finds: one broken initiator or target per rule, and none in
// a pair that keeps them all.
#define SC_INCLUDE_DYNAMIC_PROCESSES
#include "support/tlm_checker.h"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

namespace memwall {
namespace {

using testing_support::TlmChecker;
using Payload = tlm::tlm_generic_payload;
using Phase = tlm::tlm_phase;
using Time = sc_core::sc_time;
using tlm::TLM_ACCEPTED;
using tlm::TLM_COMPLETED;
using tlm::TLM_UPDATED;

const Time kNs(1, sc_core::SC_NS);

/// A target whose every callback is a function of the test.
struct Target : sc_core::sc_module {
  tlm_utils::simple_target_socket<Target> tsock{"tsock"};
  std::function<void(Payload&, Time&)> b;
  std::function<tlm::tlm_sync_enum(Payload&, Phase&, Time&)> nb;
  std::function<unsigned(Payload&)> dbg;
  std::function<bool(Payload&, tlm::tlm_dmi&)> dmi;

  explicit Target(const sc_core::sc_module_name& name) : sc_core::sc_module(name) {
    tsock.register_b_transport(this, &Target::on_b);
    tsock.register_nb_transport_fw(this, &Target::on_nb);
    tsock.register_transport_dbg(this, &Target::on_dbg);
    tsock.register_get_direct_mem_ptr(this, &Target::on_dmi);
  }
  /// Sends a phase back; `change` is what the initiator sees of the payload.
  tlm::tlm_sync_enum back(Payload& payload, Phase phase, Time delay = sc_core::SC_ZERO_TIME) {
    return tsock->nb_transport_bw(payload, phase, delay);
  }

 private:
  void on_b(Payload& p, Time& t) { b(p, t); }
  tlm::tlm_sync_enum on_nb(Payload& p, Phase& phase, Time& t) { return nb(p, phase, t); }
  unsigned on_dbg(Payload& p) { return dbg(p); }
  bool on_dmi(Payload& p, tlm::tlm_dmi& region) { return dmi(p, region); }
};

struct Initiator : sc_core::sc_module {
  tlm_utils::simple_initiator_socket<Initiator> isock{"isock"};
  std::function<tlm::tlm_sync_enum(Payload&, Phase&, Time&)> nb;
  explicit Initiator(const sc_core::sc_module_name& name) : sc_core::sc_module(name) {
    isock.register_nb_transport_bw(this, &Initiator::on_nb);
  }
  tlm::tlm_sync_enum send(Payload& payload, Phase phase, Time delay = sc_core::SC_ZERO_TIME) {
    return isock->nb_transport_fw(payload, phase, delay);
  }

 private:
  tlm::tlm_sync_enum on_nb(Payload& p, Phase& phase, Time& t) { return nb(p, phase, t); }
};

struct NoMemory : tlm::tlm_mm_interface {
  void free(Payload*) override {}
};

struct Note : tlm::tlm_extension<Note> {
  tlm::tlm_extension_base* clone() const override { return new Note; }
  void copy_from(const tlm::tlm_extension_base&) override {}
};

/// Initiator, checker, target; everything well-behaved until a test says otherwise.
class Checker : public testing::Test {
 protected:
  Initiator initiator{"initiator"};
  TlmChecker checker{"checker"};
  Target target{"target"};
  NoMemory memory;
  unsigned char bytes[64] = {};
  Payload p, q;

  Checker() {
    initiator.isock.bind(checker.tsock);
    checker.isock.bind(target.tsock);
    for (Payload* payload : {&p, &q}) {
      fill(*payload);
      payload->set_mm(&memory);
      payload->acquire();
    }
    initiator.nb = [](Payload&, Phase&, Time&) { return TLM_ACCEPTED; };
    target.b = [](Payload& payload, Time& t) {
      t += kNs;
      payload.set_response_status(tlm::TLM_OK_RESPONSE);
    };
    target.nb = [](Payload&, Phase& phase, Time&) {
      return phase == tlm::END_RESP ? TLM_COMPLETED : TLM_ACCEPTED;
    };
    target.dbg = [](Payload& payload) { return payload.get_data_length(); };
    target.dmi = [this](Payload&, tlm::tlm_dmi& region) {
      region.set_start_address(0);
      region.set_end_address(4095);
      region.set_dmi_ptr(bytes);
      region.allow_read_write();
      return true;
    };
  }
  void fill(Payload& payload) {
    payload.set_command(tlm::TLM_READ_COMMAND);
    payload.set_address(0x100);
    payload.set_data_ptr(bytes);
    payload.set_data_length(4);
    payload.set_streaming_width(4);
    payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  }
  Time b(Payload& payload, Time delay = sc_core::SC_ZERO_TIME) {
    initiator.isock->b_transport(payload, delay);
    return delay;
  }
  void respond(Payload& payload, Time delay = sc_core::SC_ZERO_TIME) {
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
    target.back(payload, tlm::BEGIN_RESP, delay);
  }
  /// Lets simulated time pass.
  static void pass(double ns) { sc_core::sc_start(ns, sc_core::SC_NS); }
  /// Exactly one complaint, of this rule and with these words.
  void expect(const std::string& rule, const std::string& words) {
    ASSERT_EQ(checker.violations().size(), 1u) << all();
    const std::string& text = checker.violations()[0];
    EXPECT_EQ(text.rfind("[" + rule + "] ", 0), 0u) << text;
    EXPECT_NE(text.find(words), std::string::npos) << text;
  }
  std::string all() const { return checker.text(); }
};

TEST_F(Checker, APairThatKeepsTheRulesHasNoComplaint) {
  Note note;
  for (int i = 0; i < 3; ++i) {
    fill(p);
    p.set_extension(&note);
    b(p, 5 * kNs);
    fill(p);
    initiator.send(p, tlm::BEGIN_REQ, 2 * kNs);
    pass(3);
    target.back(p, tlm::END_REQ);
    fill(q);
    initiator.send(q, tlm::BEGIN_REQ);
    pass(1);
    respond(q);  // implies END_REQ, and comes before the answer to p
    initiator.send(q, tlm::END_RESP);
    respond(p, kNs);
    pass(1);
    initiator.send(p, tlm::END_RESP);
    p.clear_extension(&note);
    // Answers in returns.
    target.nb = [](Payload& payload, Phase& phase, Time& t) {
      if (phase != tlm::BEGIN_REQ) return TLM_COMPLETED;
      payload.set_response_status(tlm::TLM_OK_RESPONSE);
      t += kNs;
      phase = tlm::BEGIN_RESP;
      return TLM_UPDATED;
    };
    fill(p);
    initiator.send(p, tlm::BEGIN_REQ);
    pass(1);
    initiator.send(p, tlm::END_RESP);
    target.nb = [](Payload& payload, Phase&, Time& t) {
      payload.set_response_status(tlm::TLM_OK_RESPONSE);
      t += kNs;
      return TLM_COMPLETED;
    };
    fill(p);
    initiator.send(p, tlm::BEGIN_REQ);
    pass(1);
    target.nb = [](Payload&, Phase& phase, Time&) {
      return phase == tlm::END_RESP ? TLM_COMPLETED : TLM_ACCEPTED;
    };
    for (const bool updated : {false, true}) {
      initiator.nb = [updated](Payload&, Phase& phase, Time&) {
        if (!updated) return TLM_COMPLETED;
        phase = tlm::END_RESP;
        return TLM_UPDATED;
      };
      fill(p);
      initiator.send(p, tlm::BEGIN_REQ);
      respond(p);
    }
    initiator.nb = [](Payload&, Phase&, Time&) { return TLM_ACCEPTED; };
    fill(p);
    EXPECT_EQ(initiator.isock->transport_dbg(p), 4u);
    tlm::tlm_dmi region;
    EXPECT_TRUE(initiator.isock->get_direct_mem_ptr(p, region));
  }
  checker.finish();
  EXPECT_EQ(all(), "");
  EXPECT_EQ(checker.seen.blocking, 3u);
  EXPECT_EQ(checker.seen.requests, 18u);
  EXPECT_EQ(checker.seen.end_requests, 3u);
  EXPECT_EQ(checker.seen.responses, 15u);
  EXPECT_EQ(checker.seen.end_responses, 15u);
  EXPECT_EQ(checker.seen.early_completions, 3u);
}

// Phases.

TEST_F(Checker, FindsAResponseEndedThatNeverBegan) {
  initiator.send(p, tlm::BEGIN_REQ);
  initiator.send(p, tlm::END_RESP);
  expect("phase", "END_RESP without BEGIN_RESP");
}
TEST_F(Checker, FindsPhasesOfTheTargetOnTheForwardPath) {
  initiator.send(p, tlm::END_REQ);
  expect("phase", "END_REQ on the forward path");
}
TEST_F(Checker, FindsPhasesOfTheInitiatorOnTheBackwardPath) {
  initiator.send(p, tlm::BEGIN_REQ);
  target.back(p, tlm::END_RESP);
  expect("phase", "END_RESP on the backward path");
}
TEST_F(Checker, FindsARequestBegunTwice) {
  initiator.send(p, tlm::BEGIN_REQ);
  target.back(p, tlm::END_REQ);
  initiator.send(p, tlm::BEGIN_REQ);
  expect("phase", "in progress");
}
TEST_F(Checker, FindsAnAnswerToNoRequest) {
  respond(p);
  expect("phase", "BEGIN_RESP for a transaction that is not in progress");
}
TEST_F(Checker, FindsARequestEndedTwice) {
  initiator.send(p, tlm::BEGIN_REQ);
  target.back(p, tlm::END_REQ);
  target.back(p, tlm::END_REQ);
  expect("phase", "END_REQ twice");
}
TEST_F(Checker, FindsEndOfRequestAfterTheResponse) {
  initiator.send(p, tlm::BEGIN_REQ);
  respond(p);
  target.back(p, tlm::END_REQ);
  expect("phase", "END_REQ after BEGIN_RESP");
}
TEST_F(Checker, FindsAResponseBegunTwice) {
  initiator.send(p, tlm::BEGIN_REQ);
  respond(p);
  respond(p);
  expect("phase", "BEGIN_RESP twice");
}
TEST_F(Checker, FindsAWrongPhaseInAReturnOfTheTarget) {
  target.nb = [](Payload&, Phase& phase, Time&) {
    phase = tlm::END_RESP;
    return TLM_UPDATED;
  };
  initiator.send(p, tlm::BEGIN_REQ);
  expect("phase", "END_RESP on the backward path");
}
TEST_F(Checker, FindsAWrongPhaseInAReturnOfTheInitiator) {
  initiator.nb = [](Payload&, Phase& phase, Time&) {
    phase = tlm::BEGIN_REQ;
    return TLM_UPDATED;
  };
  initiator.send(p, tlm::BEGIN_REQ);
  respond(p);
  expect("phase", "answered with BEGIN_REQ");
}
TEST_F(Checker, FindsAResponseEndedTwice) {
  initiator.nb = [this](Payload& payload, Phase&, Time&) {
    initiator.send(payload, tlm::END_RESP);
    return TLM_COMPLETED;
  };
  initiator.send(p, tlm::BEGIN_REQ);
  respond(p);
  expect("phase", "a response ends twice");
}
TEST_F(Checker, FindsARequestEndedByCallAndByReturn) {
  target.nb = [this](Payload& payload, Phase& phase, Time&) {
    target.back(payload, tlm::END_REQ);
    phase = tlm::END_REQ;
    return TLM_UPDATED;
  };
  initiator.send(p, tlm::BEGIN_REQ);
  expect("phase", "END_REQ twice");
}

// Exclusion.

TEST_F(Checker, FindsASecondRequestBeforeTheFirstHasEnded) {
  initiator.send(p, tlm::BEGIN_REQ);
  initiator.send(q, tlm::BEGIN_REQ);
  expect("exclusion", "BEGIN_REQ before END_REQ");
}
TEST_F(Checker, FindsARequestThatOvertakesAnAnnotatedEndOfRequest) {
  initiator.send(p, tlm::BEGIN_REQ);
  target.back(p, tlm::END_REQ, 5 * kNs);
  initiator.send(q, tlm::BEGIN_REQ, 4 * kNs);
  expect("exclusion", "takes effect before the END_REQ");
}
TEST_F(Checker, FindsASecondResponseBeforeTheFirstHasEnded) {
  initiator.send(p, tlm::BEGIN_REQ);
  target.back(p, tlm::END_REQ);
  initiator.send(q, tlm::BEGIN_REQ);
  target.back(q, tlm::END_REQ);
  respond(p);
  respond(q);
  expect("exclusion", "BEGIN_RESP before END_RESP");
}
TEST_F(Checker, FindsAResponseThatOvertakesAnAnnotatedEndOfResponse) {
  initiator.send(p, tlm::BEGIN_REQ);
  target.back(p, tlm::END_REQ);
  initiator.send(q, tlm::BEGIN_REQ);
  target.back(q, tlm::END_REQ);
  respond(p);
  initiator.send(p, tlm::END_RESP, 5 * kNs);
  respond(q, 4 * kNs);
  expect("exclusion", "takes effect before the END_RESP");
}

// Returns.

TEST_F(Checker, FindsATargetThatAcceptsAndChangesThePhase) {
  target.nb = [](Payload&, Phase& phase, Time&) {
    phase = tlm::END_REQ;
    return TLM_ACCEPTED;
  };
  initiator.send(p, tlm::BEGIN_REQ);
  expect("return", "changed the phase");
}
TEST_F(Checker, FindsAnInitiatorThatAcceptsAndChangesTheTime) {
  initiator.nb = [](Payload&, Phase&, Time& t) {
    t += kNs;
    return TLM_ACCEPTED;
  };
  initiator.send(p, tlm::BEGIN_REQ);
  respond(p);
  expect("return", "changed the time");
}
TEST_F(Checker, FindsAnEndOfRequestThatIsAnswered) {
  initiator.nb = [](Payload&, Phase&, Time&) { return TLM_COMPLETED; };
  initiator.send(p, tlm::BEGIN_REQ);
  target.back(p, tlm::END_REQ);
  expect("return", "answers END_REQ");
}
TEST_F(Checker, FindsAnEndOfResponseThatIsAnsweredWithAPhase) {
  target.nb = [](Payload&, Phase& phase, Time&) {
    return phase == tlm::END_RESP ? TLM_UPDATED : TLM_ACCEPTED;
  };
  initiator.send(p, tlm::BEGIN_REQ);
  respond(p);
  initiator.send(p, tlm::END_RESP);
  expect("return", "answers END_RESP with TLM_UPDATED");
}

// Time.

TEST_F(Checker, FindsRequestsThatGoBackInTime) {
  initiator.send(p, tlm::BEGIN_REQ, 5 * kNs);
  target.nb = [](Payload&, Phase&, Time&) { return TLM_ACCEPTED; };
  respond(p, 5 * kNs);
  initiator.send(p, tlm::END_RESP, 5 * kNs);
  checker.finish();
  ASSERT_EQ(all(), "");
  initiator.send(q, tlm::BEGIN_REQ, 5 * kNs);
  target.back(q, tlm::END_REQ, 5 * kNs);
  fill(p);
  initiator.send(p, tlm::BEGIN_REQ, 5 * kNs);
  respond(p, 4 * kNs);
  // The response is earlier than the request, and than the response before it.
  ASSERT_EQ(checker.violations().size(), 3u) << all();
  EXPECT_NE(all().find("[exclusion] BEGIN_RESP takes effect before"), std::string::npos) << all();
  EXPECT_NE(all().find("[time] BEGIN_RESP goes back from 5 ns to 4 ns"), std::string::npos) << all();
}
TEST_F(Checker, FindsAPhaseThatTakesEffectBeforeTheOneBeforeIt) {
  initiator.send(p, tlm::BEGIN_REQ, 5 * kNs);
  target.back(p, tlm::END_REQ, 4 * kNs);
  expect("time", "END_REQ goes back from 5 ns to 4 ns");
}
TEST_F(Checker, FindsARequestThatIsEarlierThanTheOneBeforeIt) {
  initiator.send(p, tlm::BEGIN_REQ, 5 * kNs);
  target.back(p, tlm::END_REQ, 5 * kNs);
  pass(1);
  initiator.send(q, tlm::BEGIN_REQ, 3 * kNs);
  ASSERT_EQ(checker.violations().size(), 2u) << all();
  EXPECT_NE(all().find("[time] BEGIN_REQ goes back from 5 ns to 4 ns"), std::string::npos) << all();
}
TEST_F(Checker, FindsATargetThatTakesTimeOffTheAnnotation) {
  target.nb = [](Payload& payload, Phase&, Time& t) {
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
    t -= kNs;
    return TLM_COMPLETED;
  };
  initiator.send(p, tlm::BEGIN_REQ, 2 * kNs);
  ASSERT_GE(checker.violations().size(), 1u);
  EXPECT_NE(all().find("[time] nb_transport_fw took time off the annotation"), std::string::npos) << all();
}
TEST_F(Checker, FindsABlockingCallThatReturnsBeforeItBegan) {
  target.b = [](Payload& payload, Time& t) {
    t = sc_core::SC_ZERO_TIME;
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
  };
  b(p, kNs);
  expect("time", "returns before it began");
}

// Waiting.

class CheckerInThread : public Checker {
 protected:
  void run(const std::function<void()>& body) {
    sc_core::sc_spawn(body);
    sc_core::sc_start(1, sc_core::SC_US);
  }
};

TEST_F(CheckerInThread, FindsANonBlockingCallThatWaits) {
  target.nb = [](Payload&, Phase&, Time&) {
    sc_core::wait(kNs);
    return TLM_ACCEPTED;
  };
  run([&] { initiator.send(p, tlm::BEGIN_REQ); });
  expect("blocking", "nb_transport_fw waited");
}
TEST_F(CheckerInThread, FindsAnInitiatorThatWaitsInABackwardCall) {
  initiator.nb = [](Payload&, Phase&, Time&) {
    sc_core::wait(sc_core::SC_ZERO_TIME);
    return TLM_ACCEPTED;
  };
  run([&] {
    initiator.send(p, tlm::BEGIN_REQ);
    target.back(p, tlm::END_REQ);
  });
  expect("blocking", "nb_transport_bw waited");
}
TEST_F(CheckerInThread, FindsDebugAndDmiThatWait) {
  target.dbg = [](Payload&) {
    sc_core::wait(sc_core::SC_ZERO_TIME);
    return 4u;
  };
  run([&] { initiator.isock->transport_dbg(p); });
  expect("blocking", "transport_dbg waited");
  target.dmi = [](Payload&, tlm::tlm_dmi&) {
    sc_core::wait(kNs);
    return false;
  };
  run([&] {
    tlm::tlm_dmi region;
    initiator.isock->get_direct_mem_ptr(p, region);
  });
  ASSERT_EQ(checker.violations().size(), 2u);
  EXPECT_NE(checker.violations()[1].find("[blocking] get_direct_mem_ptr waited"), std::string::npos);
}
TEST_F(CheckerInThread, FindsABlockingCallThatNeverReturns) {
  target.b = [](Payload&, Time&) { sc_core::wait(1, sc_core::SC_SEC); };
  run([&] { b(p); });
  checker.finish();
  expect("open", "a blocking call has not returned");
}
TEST_F(CheckerInThread, LetsABlockingCallWait) {
  target.b = [](Payload& payload, Time& t) {
    sc_core::wait(t + 7 * kNs);
    t = sc_core::SC_ZERO_TIME;
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
  };
  run([&] { b(p, 3 * kNs); });
  checker.finish();
  EXPECT_EQ(all(), "");
}

// Status.

TEST_F(Checker, FindsABlockingCallWithoutResponse) {
  target.b = [](Payload&, Time&) {};
  b(p);
  expect("status", "b_transport returns with TLM_INCOMPLETE");
}
TEST_F(Checker, FindsARequestThatBeginsWithAResponse) {
  p.set_response_status(tlm::TLM_OK_RESPONSE);
  b(p);
  expect("status", "begins with a response status");
}
TEST_F(Checker, FindsAResponseWithoutStatus) {
  initiator.send(p, tlm::BEGIN_REQ);
  target.back(p, tlm::BEGIN_RESP);
  expect("status", "BEGIN_RESP with TLM_INCOMPLETE");
}
TEST_F(Checker, FindsAnEarlyCompletionWithoutStatus) {
  target.nb = [](Payload&, Phase&, Time&) { return TLM_COMPLETED; };
  initiator.send(p, tlm::BEGIN_REQ);
  expect("status", "TLM_COMPLETED with TLM_INCOMPLETE");
}
TEST_F(Checker, FindsAStatusThatChangesAfterTheResponse) {
  initiator.send(p, tlm::BEGIN_REQ);
  respond(p);
  p.set_response_status(tlm::TLM_GENERIC_ERROR_RESPONSE);
  initiator.send(p, tlm::END_RESP);
  expect("status", "changed after BEGIN_RESP");
}

// Attributes, each by name, by either side.

TEST_F(Checker, FindsEveryAttributeThatATargetChanges) {
  unsigned char other[4] = {};
  const std::vector<std::pair<std::string, std::function<void(Payload&)>>> changes = {
      {"command", [](Payload& x) { x.set_command(tlm::TLM_WRITE_COMMAND); }},
      {"address", [](Payload& x) { x.set_address(0); }},
      {"data pointer", [&](Payload& x) { x.set_data_ptr(other); }},
      {"data length", [](Payload& x) { x.set_data_length(2); }},
      {"byte enable pointer", [&](Payload& x) { x.set_byte_enable_ptr(other); }},
      {"byte enable length", [](Payload& x) { x.set_byte_enable_length(3); }},
      {"streaming width", [](Payload& x) { x.set_streaming_width(2); }},
  };
  std::size_t n = 0;
  for (const auto& [attribute, change] : changes) {
    Payload blocking;
    fill(blocking);
    target.b = [&change = change](Payload& payload, Time&) {
      change(payload);
      payload.set_response_status(tlm::TLM_OK_RESPONSE);
    };
    b(blocking);
    ASSERT_EQ(checker.violations().size(), ++n) << all();
    EXPECT_NE(checker.violations().back().find("[attribute] the target changed the " + attribute),
              std::string::npos);
    Payload phases;
    fill(phases);
    phases.set_mm(&memory);
    phases.acquire();
    initiator.send(phases, tlm::BEGIN_REQ);
    change(phases);
    respond(phases);
    ASSERT_EQ(checker.violations().size(), ++n) << all();
    EXPECT_NE(checker.violations().back().find("[attribute] the target changed the " + attribute),
              std::string::npos);
    fill(phases);
    phases.set_byte_enable_ptr(nullptr);
    phases.set_byte_enable_length(0);
    phases.set_response_status(tlm::TLM_OK_RESPONSE);
    initiator.send(phases, tlm::END_RESP);
  }
}
TEST_F(Checker, FindsAnInitiatorThatChangesItsRequestBeforeItHasEnded) {
  initiator.send(p, tlm::BEGIN_REQ);
  respond(p);
  p.set_address(0x200);
  p.set_data_length(8);
  initiator.send(p, tlm::END_RESP);
  ASSERT_EQ(checker.violations().size(), 2u) << all();
  EXPECT_NE(all().find("[attribute] the initiator changed the address"), std::string::npos);
  EXPECT_NE(all().find("[attribute] the initiator changed the data length"), std::string::npos);
}
TEST_F(Checker, FindsRequestsWithoutData) {
  p.set_data_ptr(nullptr);
  b(p);
  expect("attribute", "without a data pointer");
  q.set_streaming_width(0);
  b(q);
  EXPECT_EQ(checker.violations().size(), 2u);
}

// Extensions.

TEST_F(Checker, FindsExtensionsRemovedReplacedOrLeftBehind) {
  Note mine, other;
  p.set_extension(&mine);
  target.b = [&](Payload& payload, Time&) {
    payload.clear_extension(&mine);
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
  };
  b(p);
  expect("extension", "the target removed an extension");
  fill(p);
  p.set_extension(&mine);
  target.b = [&](Payload& payload, Time&) {
    payload.set_extension(&other);
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
  };
  b(p);
  fill(q);
  b(q);
  ASSERT_EQ(checker.violations().size(), 3u) << all();
  EXPECT_NE(checker.violations()[1].find("replaced an extension"), std::string::npos);
  EXPECT_NE(checker.violations()[2].find("left an extension behind"), std::string::npos);
  p.clear_extension(&other);
  q.clear_extension(&other);
}
TEST_F(Checker, FindsAnExtensionRemovedBetweenPhases) {
  Note mine;
  p.set_extension(&mine);
  initiator.send(p, tlm::BEGIN_REQ);
  p.clear_extension(&mine);
  respond(p);
  expect("extension", "the target removed an extension");
}

// Memory management, DMI, debug, the end.

TEST_F(Checker, FindsNonBlockingPayloadsWithoutMemoryManagement) {
  Payload bare;
  fill(bare);
  initiator.send(bare, tlm::BEGIN_REQ);
  expect("memory", "without a memory manager");
  Payload unowned;
  fill(unowned);
  unowned.set_mm(&memory);
  target.back(bare, tlm::END_REQ);
  initiator.send(unowned, tlm::BEGIN_REQ);
  ASSERT_EQ(checker.violations().size(), 2u) << all();
  EXPECT_NE(checker.violations()[1].find("[memory] nb_transport without a reference"), std::string::npos);
}
TEST_F(Checker, FindsAHintThatIsSetBeforeTheRequest) {
  p.set_dmi_allowed(true);
  target.b = [](Payload& payload, Time&) {
    payload.set_dmi_allowed(false);
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
  };
  b(p);
  expect("dmi", "begins with the DMI hint set");
}
TEST_F(Checker, FindsAHintThatIsNotKept) {
  target.b = [](Payload& payload, Time&) {
    payload.set_dmi_allowed(true);
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
  };
  b(p);
  EXPECT_EQ(all(), "");
  target.dmi = [](Payload&, tlm::tlm_dmi&) { return false; };
  fill(q);
  b(q);
  expect("dmi", "not granted");
}
TEST_F(Checker, FindsAHintThatChangesAfterTheResponse) {
  initiator.send(p, tlm::BEGIN_REQ);
  respond(p);
  p.set_dmi_allowed(true);
  initiator.send(p, tlm::END_RESP);
  expect("dmi", "changed after BEGIN_RESP");
}
TEST_F(Checker, FindsRegionsThatDoNotServeTheRequest) {
  tlm::tlm_dmi region;
  target.dmi = [this](Payload&, tlm::tlm_dmi& r) {
    r.set_start_address(0x200);
    r.set_end_address(0x300);
    r.set_dmi_ptr(bytes);
    r.allow_read();
    return true;
  };
  initiator.isock->get_direct_mem_ptr(p, region);
  expect("dmi", "does not cover 0x100");
  p.set_address(0x200);
  p.set_command(tlm::TLM_WRITE_COMMAND);
  initiator.isock->get_direct_mem_ptr(p, region);
  ASSERT_EQ(checker.violations().size(), 2u) << all();
  EXPECT_NE(checker.violations()[1].find("does not allow the command"), std::string::npos);
  target.dmi = [](Payload&, tlm::tlm_dmi& r) {
    r.init();
    r.allow_read_write();
    return true;
  };
  initiator.isock->get_direct_mem_ptr(p, region);
  EXPECT_NE(checker.violations().back().find("without a pointer"), std::string::npos) << all();
}
TEST_F(Checker, FindsDebugAccessesThatServeTooMuchOrChangeTheRequest) {
  target.dbg = [](Payload&) { return 5u; };
  initiator.isock->transport_dbg(p);
  expect("debug", "more bytes");
  target.dbg = [](Payload& payload) {
    payload.set_address(0);
    return 4u;
  };
  initiator.isock->transport_dbg(p);
  ASSERT_EQ(checker.violations().size(), 2u);
  EXPECT_NE(checker.violations()[1].find("[attribute] the target of a debug access changed the address"),
            std::string::npos);
  target.dbg = [](Payload& payload) {
    payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
    return 0u;
  };
  initiator.isock->transport_dbg(p);
  EXPECT_EQ(checker.violations().size(), 3u);
}
TEST_F(Checker, FindsWhatIsLeftInProgress) {
  initiator.send(p, tlm::BEGIN_REQ);
  checker.finish();
  expect("open", "0x100 was never completed");
}

}  // namespace
}  // namespace memwall
