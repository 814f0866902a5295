/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "boot/boot.h"

#include "hal/csr.h"
#include "hal/mmio.h"
#include "map/memory_map.h"
#include "regs/sysctrl.h"
#include "runtime/console.h"

static trap_hook_t hook;
static bool in_trap;

void boot_set_trap_hook(trap_hook_t new_hook) { hook = new_hook; }

void boot_exit(int code) {
  console_flush();
  mmio_write32(MAP_SYSCTRL_BASE, SYSCTRL_EXIT_OFFSET,
               FIELD_OF(SYSCTRL_EXIT_CODE, code) | SYSCTRL_EXIT_VALID_MASK);
  for (;;) __asm__ volatile("wfi");
}

const char* boot_cause_name(uint64_t cause) {
  static const char* const names[] = {"instruction address misaligned",
                                      "instruction access fault",
                                      "illegal instruction",
                                      "breakpoint",
                                      "load address misaligned",
                                      "load access fault",
                                      "store address misaligned",
                                      "store access fault",
                                      "environment call from U",
                                      "environment call from S",
                                      "reserved",
                                      "environment call from M"};
  return cause < sizeof names / sizeof names[0] ? names[cause]
         : (int64_t)cause < 0                   ? "interrupt"
                                                : "reserved";
}

void trap_handler(trap_frame_t* frame);
void trap_handler(trap_frame_t* frame) {
  const trap_t trap = {.cause = csr_read(mcause), .epc = csr_read(mepc), .value = csr_read(mtval)};
  if (in_trap) boot_exit(BOOT_EXIT_TRAP); /* the report itself trapped */
  if (hook != 0 && hook(&trap, frame)) return;
  in_trap = true;
  console_use_interrupts(false);
  console_print("trap: %s (cause 0x%llx) at pc 0x%llx, tval 0x%llx, ra 0x%llx", boot_cause_name(trap.cause),
                (unsigned long long)trap.cause, (unsigned long long)trap.epc, (unsigned long long)trap.value,
                (unsigned long long)frame->x[1]);
  boot_exit(BOOT_EXIT_TRAP + (int)(trap.cause & 31u));
}

status_t boot_open_pmp(void) {
  const uint64_t everything = (1ull << 54) - 1; /* NAPOT over all of physical memory */
  const uint64_t rwx_napot = 0x1f;
  csr_write(pmpaddr0, everything);
  csr_write(pmpcfg0, rwx_napot);
  return csr_read(pmpaddr0) != 0 && (csr_read(pmpcfg0) & 0xffu) == rwx_napot ? STATUS_OK : STATUS_HARDWARE;
}
