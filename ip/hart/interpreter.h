// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Threaded interpreter over decoded blocks. Internal to the hart.
#pragma once

#include "hart/block.h"
#include "hart/hart.h"

namespace memwall::hart {

struct Interpreter {
  /// Executes from `block` on until the cycles are used up or something asks for attention; leaves pc_ at the
  /// next instruction.
  static void run(Hart& hart, Block* block);
  /// Where the operation's code is: Op::handler.
  static const void* handler(Opcode opcode);

 private:
  static const void* const* execute(Hart* hart, Block* block);
};

}  // namespace memwall::hart
