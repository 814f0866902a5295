// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Hostile input: a peer that sends anything, with and without a right CRC, and software that writes anything.
#include <gtest/gtest.h>
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <systemc>

#include "common/rng.h"
#include "common/sc_time.h"
#include "link/link_port.h"
#include "pair.h"

namespace memwall::link {
namespace {
using namespace testing_support;

/// `expected` is the sequence number that the victim would accept.
Flit random_flit(Rng& rng, const Config& config, std::uint16_t expected) {
  Flit flit;
  flit.type = static_cast<FlitType>(rng.below(4));
  if (flit.type == FlitType::kInit && rng.below(8) != 0) flit.type = FlitType::kData;
  flit.last = rng.below(2) == 0;
  flit.signal = static_cast<std::uint8_t>(rng.below(32));
  // Numbers near the ones that matter, and far from them.
  flit.sequence = static_cast<std::uint16_t>(rng.below(4) != 0 ? expected + rng.below(2) : rng.next());
  flit.ack = static_cast<std::uint16_t>(rng.below(2) == 0 ? rng.below(300) : rng.next());
  flit.credit_limit = static_cast<std::uint16_t>(rng.next());
  flit.offset = static_cast<std::uint32_t>(rng.below(2) == 0 ? rng.below(65536) : rng.next());
  flit.payload.resize(16 * rng.below(config.payload_bytes() / 16 + 1));
  return flit;
}

TEST(LinkFuzz, EndpointSurvivesAPeerThatSendsAnything) {
  Config config = test_config();
  Rng rng(1, "link_peer_fuzz");
  std::uint64_t received = 0;
  for (int run = 0; run < 40; ++run) {
    Endpoint endpoint(config);
    endpoint.enable(true, 0);
    Flit init;
    init.type = FlitType::kInit;
    init.credit_limit = 64;
    const WireFlit hello = encode(init, config.flit_bytes);
    endpoint.receive(0, hello.data(), hello.size());
    ASSERT_EQ(endpoint.state(), Endpoint::State::kUp);
    TimePs now = 0;
    std::uint16_t expected = 0;
    const std::vector<unsigned char> memory(1 << 16);
    for (int i = 0; i < 3000; ++i) {
      now += rng.below(ns(20));
      if (endpoint.state() != Endpoint::State::kUp && rng.below(8) == 0) {
        endpoint.reset(now);
        endpoint.receive(now, hello.data(), hello.size());
        expected = 0;
      }
      switch (rng.below(6)) {
        case 0: {
          WireFlit noise(rng.below(400));
          for (unsigned char& byte : noise) byte = static_cast<unsigned char>(rng.next());
          endpoint.receive(now, noise.data(), noise.size());
          break;
        }
        case 1:
        case 2: {
          const Flit anything = random_flit(rng, config, expected);
          const WireFlit flit = encode(anything, config.flit_bytes);
          if (anything.type == FlitType::kInit) expected = 0;
          const std::uint64_t before = endpoint.counters().payload_bytes_received;
          endpoint.receive(now, flit.data(), flit.size());
          if (endpoint.counters().payload_bytes_received != before) ++expected;
          break;
        }
        case 3:
          endpoint.post({rng.next(), static_cast<std::uint32_t>(rng.next()),
                         static_cast<std::uint32_t>(rng.next()), static_cast<unsigned>(rng.below(64))},
                        now);
          endpoint.post(
              {32 * rng.below(1000), 32 * static_cast<std::uint32_t>(rng.below(1000)),
               32 * static_cast<std::uint32_t>(1 + rng.below(100)), static_cast<unsigned>(rng.below(32))},
              now);
          break;
        case 4:
          while (const auto fetch = endpoint.next_fetch(now)) {
            if (rng.below(8) == 0) {
              endpoint.fetch_failed(*fetch);
            } else {
              endpoint.supply(*fetch, memory.data(), now + rng.below(100));
            }
          }
          if (rng.below(200) == 0) {
            endpoint.reset(now);
            expected = 0;
          }
          break;
        default:
          while (const auto delivery = endpoint.next_delivery()) {
            EXPECT_LE(delivery->flits, config.receive_buffer_flits);
            endpoint.delivered(*delivery, now);
          }
          break;
      }
      TimePs wake = 0;
      for (int n = 0; n < 4; ++n) {
        const auto flit = endpoint.transmit(now, wake);
        if (!flit) {
          EXPECT_GT(wake, now);  // else its owner would spin
          break;
        }
        EXPECT_EQ(flit->size(), config.flit_bytes);
      }
      EXPECT_LE(endpoint.tx_free(), config.tx_queue_messages);
    }
    received += endpoint.counters().payload_bytes_received;
  }
  EXPECT_GT(received, 500000u);  // the noise did not keep everything out
}

TEST(LinkFuzz, PortSurvivesRandomRegisterWritesAndRandomFlits) {
  struct Sink : sc_core::sc_module {
    explicit Sink(const sc_core::sc_module_name& name) : sc_module(name) {
      tsock.register_b_transport(this, &Sink::b_transport);
    }
    void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
      delay += sc_core::sc_time(1, sc_core::SC_NS);
      payload.set_response_status(payload.get_address() < (1 << 20) ? tlm::TLM_OK_RESPONSE
                                                                    : tlm::TLM_ADDRESS_ERROR_RESPONSE);
    }
    tlm_utils::simple_target_socket<Sink> tsock{"tsock"};
  };
  struct Bench : sc_core::sc_module {
    explicit Bench(const sc_core::sc_module_name& name) : sc_module(name) {
      ctrl_isock.bind(port.ctrl_tsock);
      wire_isock.bind(port.rx_tsock);
      port.mem_isock.bind(memory.tsock);
      port.inbox_isock.bind(inbox.tsock);
      port.tx_isock.bind(peer.tsock);
      port.irq_out.bind(irq);
      SC_HAS_PROCESS(Bench);
      SC_THREAD(run);
    }
    void run() {
      Rng rng(3, "link_port_fuzz");
      Flit init;
      for (int i = 0; i < 20000; ++i) {
        unsigned char data[16];
        for (unsigned char& byte : data)
          byte = static_cast<unsigned char>(rng.below(2) == 0 ? rng.next() : rng.below(2));
        tlm::tlm_generic_payload payload;
        sc_core::sc_time delay = to_sc(rng.below(5000));
        if (rng.below(3) == 0) {
          WireFlit flit =
              encode(random_flit(rng, config, static_cast<std::uint16_t>(rng.below(64))), config.flit_bytes);
          if (rng.below(10) == 0) {
            init.type = FlitType::kInit;
            init.sequence = static_cast<std::uint16_t>(rng.below(3));
            init.credit_limit = 1000;
            flit = encode(init, config.flit_bytes);
          }
          payload.set_command(rng.below(20) == 0 ? tlm::TLM_READ_COMMAND : tlm::TLM_WRITE_COMMAND);
          payload.set_data_ptr(flit.data());
          payload.set_data_length(static_cast<unsigned>(rng.below(10) == 0 ? rng.below(256) : 256));
          wire_isock->b_transport(payload, delay);
        } else {
          const unsigned length = rng.below(4) == 0 ? 1u << rng.below(5) : 4;
          payload.set_command(rng.below(3) == 0 ? tlm::TLM_READ_COMMAND : tlm::TLM_WRITE_COMMAND);
          payload.set_address(rng.below(4) == 0 ? rng.below(0x200) : 4 * rng.below(0x40));
          payload.set_data_ptr(data);
          payload.set_data_length(length);
          payload.set_streaming_width(length);
          ctrl_isock->b_transport(payload, delay);
        }
        EXPECT_NE(payload.get_response_status(), tlm::TLM_INCOMPLETE_RESPONSE);
        wait(to_sc(rng.below(ns(30))));
      }
      finished = true;
      sc_core::sc_stop();
    }
    const Config config;
    tlm_utils::simple_initiator_socket<Bench> ctrl_isock{"ctrl_isock"};
    tlm_utils::simple_initiator_socket<Bench> wire_isock{"wire_isock"};
    LinkPort port{"port", config};
    Sink memory{"memory"};
    Sink inbox{"inbox"};
    Sink peer{"peer"};
    sc_core::sc_signal<bool> irq{"irq"};
    bool finished = false;
  };
  Bench bench("bench");
  sc_core::sc_start(10, sc_core::SC_MS);
  EXPECT_TRUE(bench.finished);
  EXPECT_GT(bench.port.endpoint().counters().flits_received, 1000u);
}

}  // namespace
}  // namespace memwall::link
