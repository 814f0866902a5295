/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Does on purpose what firmware must not do, and reports what the hardware says to it, one line per fault:
 *
 *   fault <name>: <what was seen> [as expected | WRONG, expected ...]
 *
 * faults.elf catches everything and exits 0 if all of it was as expected, else 1. fault_jump.elf,
 * fault_rom.elf and fault_load.elf do one thing and do not catch it: the trap report goes to the console and
 * the chip exits with BOOT_EXIT_TRAP + mcause. fault_descriptor.elf rings a doorbell with a garbage
 * descriptor and exits with 32 + the status that the queue halted with.
 */
#include <string.h>

#include "boot/boot.h"
#include "desc/completion_record.h"
#include "desc/compute_descriptor.h"
#include "drivers/cmdq.h"
#include "drivers/sysctrl.h"
#include "hal/event.h"
#include "map/memory_map.h"
#include "runtime/console.h"

/** What the uncaught variants do; 0: everything, caught. */
#ifndef FAULTS_UNCAUGHT
#define FAULTS_UNCAUGHT 0
#endif
enum { FAULTS_JUMP = 1, FAULTS_ROM = 2, FAULTS_LOAD = 3, FAULTS_DESCRIPTOR = 4 };

/** An address that no window of the chip map holds. */
#define NOWHERE 0x0900000000ull
#define EXIT_STATUS 32

enum { CAUSE_FETCH = 1, CAUSE_ILLEGAL = 2, CAUSE_LOAD = 5, CAUSE_STORE = 7, CAUSE_ECALL = 11 };

static volatile bool armed;
static volatile bool seen;
static volatile trap_t last;
static uint32_t wrong;

/* Takes the one trap that is expected. A bad jump returns to its caller, anything else goes on behind the
 * instruction (which crt0 and the compiler make 4 or 2 bytes long). */
static bool on_trap(const trap_t* trap, trap_frame_t* frame) {
  if (!armed) return false;
  armed = false;
  seen = true;
  last.cause = trap->cause;
  last.epc = trap->epc;
  last.value = trap->value;
  uint64_t next = frame->x[1];
  if (trap->cause != CAUSE_FETCH) {
    const uint16_t instruction = *(const volatile uint16_t*)(uintptr_t)trap->epc;
    next = trap->epc + ((instruction & 3u) == 3u ? 4u : 2u);
  }
  __asm__ volatile("csrw mepc, %0" ::"r"(next));
  return true;
}

static void jump_nowhere(void) { ((void (*)(void))(uintptr_t)NOWHERE)(); }
static void write_rom(void) { *(volatile uint32_t*)(uintptr_t)MAP_ROM_BASE = 0; }
static void load_nowhere(void) { (void)*(const volatile uint32_t*)(uintptr_t)NOWHERE; }
static void store_nowhere(void) { *(volatile uint32_t*)(uintptr_t)NOWHERE = 1; }
static void illegal(void) { __asm__ volatile(".4byte 0xffffffff"); }
static void ecall(void) { __asm__ volatile("ecall"); }

static void expect_trap(const char* name, void (*fault)(void), uint64_t cause, uint64_t value,
                        bool check_value) {
  seen = false;
  armed = true;
  __asm__ volatile("" ::: "memory");
  fault();
  __asm__ volatile("" ::: "memory");
  armed = false;
  if (!seen) {
    ++wrong;
    console_print("fault %s: no trap, WRONG, expected %s", name, boot_cause_name(cause));
    return;
  }
  const bool good = last.cause == cause && (!check_value || last.value == value);
  wrong += !good;
  console_print("fault %s: %s, tval 0x%llx, %s", name, boot_cause_name(last.cause),
                (unsigned long long)last.value, good ? "as expected" : "WRONG");
}

static compute_descriptor_t ring[2] __attribute__((aligned(128)));
static completion_record_t records[2] __attribute__((aligned(32)));

static void on_accel(void* context) {
  (void)context;
  cmdq_clear_interrupt(MAP_ACCEL_BASE);
}

/* Status that the accelerator gives a descriptor; UINT32_MAX: none within a millisecond. */
static uint32_t run_descriptor(const compute_descriptor_t* descriptor, uint64_t at) {
  memset(ring, 0, sizeof ring);
  memset(records, 0xff, sizeof records);
  ring[0] = *descriptor;
  if (cmdq_start(MAP_ACCEL_BASE, at, (uint64_t)(uintptr_t)records, 2) != STATUS_OK) return UINT32_MAX;
  cmdq_ring(MAP_ACCEL_BASE, 1);
  const uint64_t deadline = event_deadline(1000);
  for (;;) {
    /* Looked at once more after the deadline: a descriptor without the IRQ flag completes in silence. */
    const bool late = event_now() >= deadline;
    const cmdq_error_t error = cmdq_error(MAP_ACCEL_BASE);
    if (error.halted) return error.code;
    if (cmdq_head(MAP_ACCEL_BASE) == 1) return COMPLETION_RECORD_STATUS_OK;
    if (late) return UINT32_MAX;
    (void)event_wait(deadline);
  }
}

static void expect_status(const char* name, const compute_descriptor_t* descriptor, uint64_t at,
                          uint32_t status) {
  const uint32_t got = run_descriptor(descriptor, at);
  const bool record = at != (uint64_t)(uintptr_t)ring || *(volatile uint32_t*)&records[0].status == got;
  const bool good = got == status && record;
  wrong += !good;
  console_print("fault %s: descriptor status %u, %s", name, (unsigned)got,
                good     ? "as expected"
                : record ? "WRONG"
                         : "WRONG, the completion record says otherwise");
}

static compute_descriptor_t garbage(void) {
  compute_descriptor_t d;
  memset(&d, 0xa5, sizeof d);
  return d;
}

static void descriptors(void) {
  const uint64_t here = (uint64_t)(uintptr_t)ring;
  compute_descriptor_t d = garbage();
  expect_status("garbage descriptor", &d, here, COMPLETION_RECORD_STATUS_BAD_OPCODE);
  d.opcode = (uint8_t)COMPUTE_DESCRIPTOR_OPCODE_ADD;
  expect_status("garbage ADD", &d, here, COMPLETION_RECORD_STATUS_BAD_RESERVED);
  d = (compute_descriptor_t){.opcode = (uint8_t)COMPUTE_DESCRIPTOR_OPCODE_ADD};
  expect_status("empty ADD", &d, here, COMPLETION_RECORD_STATUS_BAD_SHAPE);
  d.n = 8;
  d.dst = d.src0 = MAP_SRAM_BASE;
  d.src1 = MAP_TCM_BASE;
  expect_status("ADD outside the scratchpad", &d, here, COMPLETION_RECORD_STATUS_BAD_RANGE);
  d.src1 = MAP_SRAM_BASE + 2;
  expect_status("unaligned ADD", &d, here, COMPLETION_RECORD_STATUS_BAD_ALIGNMENT);
  d = (compute_descriptor_t){.opcode = (uint8_t)COMPUTE_DESCRIPTOR_OPCODE_COPY};
  d.n = 64;
  d.m = 1;
  d.src0 = NOWHERE;
  d.dst = MAP_SRAM_BASE;
  expect_status("COPY from nowhere", &d, here, COMPLETION_RECORD_STATUS_BUS_ERROR);
  expect_status("ring nowhere", &d, NOWHERE, COMPLETION_RECORD_STATUS_BUS_ERROR);
  d = (compute_descriptor_t){.opcode = (uint8_t)COMPUTE_DESCRIPTOR_OPCODE_NOP};
  expect_status("NOP after all that", &d, here, COMPLETION_RECORD_STATUS_OK);
}

int main(void) {
  sysctrl_inventory_t chip;
  if (sysctrl_read_inventory(MAP_SYSCTRL_BASE, &chip) != STATUS_OK) return 2;
  event_init(chip.timebase_hz);
  console_use_interrupts(true);
  event_attach(IRQ_ACCEL, on_accel, 0);
  switch (FAULTS_UNCAUGHT) {
    case FAULTS_JUMP:
      jump_nowhere();
      return 1;
    case FAULTS_ROM:
      write_rom();
      return 1;
    case FAULTS_LOAD:
      load_nowhere();
      return 1;
    case FAULTS_DESCRIPTOR: {
      const compute_descriptor_t d = garbage();
      const uint32_t status = run_descriptor(&d, (uint64_t)(uintptr_t)ring);
      console_print("accel: garbage descriptor: status %u", (unsigned)status);
      return status < 32u ? EXIT_STATUS + (int)status : 1;
    }
    default:
      break;
  }
  if (boot_open_pmp() != STATUS_OK) {
    ++wrong;
    console_print("fault pmp: entry 0 does not hold its value, WRONG");
  }
  boot_set_trap_hook(on_trap);
  expect_trap("jump to nowhere", jump_nowhere, CAUSE_FETCH, NOWHERE, true);
  expect_trap("write to ROM", write_rom, CAUSE_STORE, MAP_ROM_BASE, true);
  expect_trap("load from nowhere", load_nowhere, CAUSE_LOAD, NOWHERE, true);
  expect_trap("store to nowhere", store_nowhere, CAUSE_STORE, NOWHERE, true);
  expect_trap("illegal instruction", illegal, CAUSE_ILLEGAL, 0, false);
  expect_trap("environment call", ecall, CAUSE_ECALL, 0, false);
  descriptors();
  console_print("faults: %u wrong", (unsigned)wrong);
  return wrong == 0 ? 0 : 1;
}
