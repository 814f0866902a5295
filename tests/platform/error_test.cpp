// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// An error inside a SystemC process ends the simulation and reaches whoever started it, whole.
#include "common/error.h"

#include <gtest/gtest.h>
#include <tlm_utils/simple_initiator_socket.h>

#include <systemc>

#include "hbm/hbm_module.h"
#include "support/bus_driver.h"

namespace memwall {
namespace {

/// An initiator that ends a response which never began: a contract violation of a third party's module.
class BadInitiator : public sc_core::sc_module {
 public:
  tlm_utils::simple_initiator_socket<BadInitiator> mem_isock{"mem_isock"};
  bool went_on = false;

  explicit BadInitiator(const sc_core::sc_module_name& name) : sc_core::sc_module(name) {
    SC_HAS_PROCESS(BadInitiator);
    SC_THREAD(run);
  }

 private:
  void run() {
    wait(5, sc_core::SC_NS);
    tlm::tlm_generic_payload payload;
    tlm::tlm_phase phase = tlm::END_RESP;
    sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
    mem_isock->nb_transport_fw(payload, phase, delay);
    wait(5, sc_core::SC_NS);
    went_on = true;
  }
};

TEST(SimulationError, AModelErrorStopsTheSimulationAndKeepsCategoryPlaceAndExitCode) {
  hbm::HbmModule::Config config;
  config.preset = hbm::load_preset(MEMWALL_SOURCE_DIR "/scenarios/memories/hbm3_6400.toml");
  hbm::HbmModule hbm("hbm", config);
  BadInitiator bad("bad");
  testing_support::BusDriver pnm("pnm"), ctrl("ctrl");
  sc_core::sc_signal<bool> irq("irq");
  bad.mem_isock.bind(hbm.data_tsock);
  pnm.mem_isock.bind(hbm.pnm_tsock);
  ctrl.mem_isock.bind(hbm.ctrl_tsock);
  hbm.irq_out(irq);

  sc_core::sc_start(1, sc_core::SC_US);
  EXPECT_EQ(sc_core::sc_get_status(), sc_core::SC_STOPPED);
  EXPECT_EQ(sc_core::sc_time_stamp(), sc_core::sc_time(5, sc_core::SC_NS));
  EXPECT_FALSE(bad.went_on);
  try {
    rethrow_simulation_error();
    ADD_FAILURE() << "nothing was recorded";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kModel);
    EXPECT_EQ(static_cast<int>(error.code()), 3);
    EXPECT_STREQ(error.what(), "contract at hbm: END_RESP without BEGIN_RESP");
  }
  EXPECT_NO_THROW(rethrow_simulation_error()) << "an error is thrown once";
}

TEST(SimulationError, TheFirstErrorCounts) {
  raise_in_simulation(ModelError("unimplemented", "chip0.x", "first"));
  raise_in_simulation(WorkloadError("second"));
  try {
    rethrow_simulation_error();
    ADD_FAILURE() << "nothing was recorded";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kModel);
    EXPECT_STREQ(error.what(), "unimplemented at chip0.x: first");
  }
}

}  // namespace
}  // namespace memwall
