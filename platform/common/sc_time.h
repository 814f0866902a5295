// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Conversion between sc_time (SystemC shells) and TimePs (cores). The SystemC resolution stays at its 1 ps
/// default, so both directions are exact.
#pragma once

#include <systemc>

#include "common/time.h"

namespace memwall {

inline TimePs to_ps(const sc_core::sc_time& t) { return t.value(); }
inline sc_core::sc_time to_sc(TimePs t) { return sc_core::sc_time::from_value(t); }

}  // namespace memwall
