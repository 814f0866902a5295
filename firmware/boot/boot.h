/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/** @file What boot gives to an app: the way out, traps and a checked PMP. */
#ifndef MEMWALL_BOOT_BOOT_H
#define MEMWALL_BOOT_BOOT_H

#include <stdbool.h>
#include <stdint.h>

#include "status.h"

/** Integer registers at the trap, x[0] and x[2] unused. */
typedef struct {
  uint64_t x[32];
} trap_frame_t;

typedef struct {
  uint64_t cause;
  uint64_t epc;
  uint64_t value;
} trap_t;

/** Exit code of an unexpected trap: this plus the low five bits of mcause. */
#define BOOT_EXIT_TRAP 64

/** An app that provokes traps sees them here first; true: handled, go on at the (changed) mepc. */
typedef bool (*trap_hook_t)(const trap_t* trap, trap_frame_t* frame);
void boot_set_trap_hook(trap_hook_t hook);

/** Ends the run of this chip; 0 is success. */
void boot_exit(int code) __attribute__((noreturn));

/** Proves that PMP entry 0 exists and opens all memory to U mode; STATUS_HARDWARE if it does not hold values.
 */
status_t boot_open_pmp(void) MUST_USE;

/** mcause in words. */
const char* boot_cause_name(uint64_t cause);

#endif
