// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// FR-FCFS written plainly: every cycle looks at every request and asks, against the list of past commands,
/// whether its next command may go. Slow and obvious; the rules come from the auditor, nothing from the
/// scheduler under test.
#pragma once

#include <vector>

#include "hbm/queued_channel.h"

namespace memwall::hbm::testing_support {

/// End of data of each request (index = id); requests enter in order of arrival, as space in the queues
/// allows. The rule against starvation is not implemented. `log` receives the commands.
std::vector<Cycle> reference_schedule(const Preset& preset, const std::vector<Request>& requests,
                                      std::vector<CommandRecord>& log);

}  // namespace memwall::hbm::testing_support
