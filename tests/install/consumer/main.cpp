// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// A third party's initiator writes and reads back 1 KiB of an installed Memwall HBM stack.
#include <tlm_utils/simple_initiator_socket.h>

#include <systemc>

#include <cstdio>
#include <vector>

#include <hbm/hbm_module.h>

namespace {

struct Initiator : sc_core::sc_module {
  tlm_utils::simple_initiator_socket<Initiator> socket{"socket"};
  bool ok = false;
  sc_core::sc_time read_time;

  explicit Initiator(const sc_core::sc_module_name& name) : sc_module(name) {
    SC_HAS_PROCESS(Initiator);
    SC_THREAD(run);
  }

  sc_core::sc_time transfer(tlm::tlm_command command, std::vector<unsigned char>& bytes) {
    tlm::tlm_generic_payload payload;
    payload.set_command(command);
    payload.set_address(0x10000);
    payload.set_data_ptr(bytes.data());
    payload.set_data_length(static_cast<unsigned>(bytes.size()));
    payload.set_streaming_width(static_cast<unsigned>(bytes.size()));
    payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
    sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
    socket->b_transport(payload, delay);
    wait(delay);
    ok = ok && payload.is_response_ok();
    return delay;
  }

  void run() {
    ok = true;
    std::vector<unsigned char> written(1024), read(1024);
    for (std::size_t i = 0; i < written.size(); ++i) written[i] = static_cast<unsigned char>(i * 7);
    transfer(tlm::TLM_WRITE_COMMAND, written);
    read_time = transfer(tlm::TLM_READ_COMMAND, read);
    ok = ok && read == written && read_time > sc_core::SC_ZERO_TIME;
  }
};

}  // namespace

int sc_main(int argc, char** argv) {
  if (argc != 2) return 2;
  memwall::hbm::HbmModule::Config config;
  config.preset = memwall::hbm::load_preset(argv[1]);
  memwall::hbm::HbmModule stack("stack", config);
  Initiator initiator("initiator");
  // The ports that this test leaves alone still have to be bound.
  tlm_utils::simple_initiator_socket<Initiator> near_memory("near_memory"), control("control");
  sc_core::sc_signal<bool> irq;
  initiator.socket.bind(stack.data_tsock);
  near_memory.bind(stack.pnm_tsock);
  control.bind(stack.ctrl_tsock);
  stack.irq_out.bind(irq);
  sc_core::sc_start();
  std::printf("1 KiB read back in %s\n", initiator.read_time.to_string().c_str());
  return initiator.ok ? 0 : 1;
}
