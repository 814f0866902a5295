// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Keeps a target socket bound that nothing uses in this configuration: SystemC wants every port bound.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>

#include <systemc>

namespace memwall::system {

struct IdleInitiator : sc_core::sc_module {
  tlm_utils::simple_initiator_socket<IdleInitiator> idle_isock{"idle_isock"};
  explicit IdleInitiator(const sc_core::sc_module_name& name) : sc_module(name) {}
};

}  // namespace memwall::system
