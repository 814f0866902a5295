// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Exact fast-forward of streams.
#include "hbf/channel_state.h"

namespace memwall::hbf {

void Channel::State::disturb() {}
void Channel::State::forget_quiet() {}
void Channel::State::sample_management() {}
bool Channel::State::try_jump(TimePs) { return false; }

}  // namespace memwall::hbf
