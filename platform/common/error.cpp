// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "common/error.h"

#include <systemc>

#include <optional>

namespace memwall {
namespace {
std::optional<Error>& recorded() {
  static std::optional<Error> error;
  return error;
}
}  // namespace

void raise_in_simulation(const Error& error) {
  if (!recorded()) recorded() = error;
  if (sc_core::sc_is_running()) sc_core::sc_stop();
}

void rethrow_simulation_error() {
  if (recorded()) {
    const Error error = *recorded();
    recorded().reset();
    throw error;
  }
}

}  // namespace memwall
