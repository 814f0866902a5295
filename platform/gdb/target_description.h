// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
#pragma once

#include <string>

namespace memwall::gdb {

/// The XML that tells gdb the register set of an RV64GC hart with M and U modes.
const std::string& target_description();

}  // namespace memwall::gdb
