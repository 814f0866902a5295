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
#include "drivers/dma.h"
#include "drivers/hbm.h"
#include "drivers/sysctrl.h"
#include "hal/event.h"
#include "map/memory_map.h"
#include "regs/dma.h"
#include "regs/hbm.h"
#include "runtime/console.h"

/** What the uncaught variants do; 0: everything, caught. */
#ifndef FAULTS_UNCAUGHT
#define FAULTS_UNCAUGHT 0
#endif
enum { FAULTS_JUMP = 1, FAULTS_ROM = 2, FAULTS_LOAD = 3, FAULTS_DESCRIPTOR = 4 };

/** An address that no window of the chip map holds. */
#define NOWHERE 0x0900000000ull
#define EXIT_STATUS 32
/** Descriptor flag: interrupt on completion. */
#define FLAG_IRQ 1

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

/** An engine's queue and the memory that its rings are in. */
typedef struct {
  mmio_t queue;
  uint64_t ring;    /**< 2 descriptors */
  uint64_t records; /**< 2 completion records */
} engine_t;

static compute_descriptor_t accel_ring[2] __attribute__((aligned(128)));
static completion_record_t accel_records[2] __attribute__((aligned(32)));
static engine_t engine;

static void on_engine(void* context) {
  (void)context;
  cmdq_clear_interrupt(engine.queue);
}

static void copy_words(uint64_t to, const void* from, uint32_t bytes) {
  for (uint32_t i = 0; i < bytes / 8u; ++i) {
    uint64_t word;
    memcpy(&word, (const uint8_t*)from + i * 8u, 8);
    ((volatile uint64_t*)(uintptr_t)to)[i] = word;
  }
}

/* Status that the engine gives a descriptor; UINT32_MAX: none within a millisecond. `ring` is where the
 * engine is told to fetch from. */
static uint32_t run_descriptor(const compute_descriptor_t* descriptor, uint64_t ring) {
  static const completion_record_t blank = {.tag = UINT32_MAX, .status = UINT32_MAX};
  copy_words(engine.ring, descriptor, sizeof *descriptor);
  copy_words(engine.records, &blank, sizeof blank);
  if (cmdq_start(engine.queue, ring, engine.records, 2) != STATUS_OK) return UINT32_MAX;
  cmdq_ring(engine.queue, 1);
  const uint64_t deadline = event_deadline(1000);
  for (;;) {
    /* HEAD before STATUS: a failed descriptor counts as completed, and it may fail between the two reads. */
    const uint32_t head = cmdq_head(engine.queue);
    const cmdq_error_t error = cmdq_error(engine.queue);
    if (error.halted) return error.code;
    if (head == 1) return COMPLETION_RECORD_STATUS_OK;
    if (!event_wait(deadline)) return UINT32_MAX;
  }
}

static void expect_status(const char* name, const compute_descriptor_t* descriptor, uint64_t ring,
                          uint32_t status) {
  const uint32_t got = run_descriptor(descriptor, ring);
  const volatile completion_record_t* written =
      (const volatile completion_record_t*)(uintptr_t)engine.records;
  const bool record = ring != engine.ring || written->status == got;
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

static void use_accelerator(void) {
  engine = (engine_t){MAP_ACCEL_BASE, (uint64_t)(uintptr_t)accel_ring, (uint64_t)(uintptr_t)accel_records};
  event_attach(IRQ_ACCEL, on_engine, 0);
}

static compute_descriptor_t copy_of(uint64_t from) {
  return (compute_descriptor_t){.opcode = (uint8_t)COMPUTE_DESCRIPTOR_OPCODE_COPY,
                                .flags = FLAG_IRQ,
                                .dst = MAP_SRAM_BASE,
                                .src0 = from,
                                .n = 64,
                                .m = 1};
}

static void accelerator_faults(void) {
  compute_descriptor_t d = garbage();
  expect_status("garbage descriptor", &d, engine.ring, COMPLETION_RECORD_STATUS_BAD_OPCODE);
  d.opcode = (uint8_t)COMPUTE_DESCRIPTOR_OPCODE_ADD;
  expect_status("garbage ADD", &d, engine.ring, COMPLETION_RECORD_STATUS_BAD_RESERVED);
  d = (compute_descriptor_t){.opcode = (uint8_t)COMPUTE_DESCRIPTOR_OPCODE_ADD};
  expect_status("empty ADD", &d, engine.ring, COMPLETION_RECORD_STATUS_BAD_SHAPE);
  d.n = 8;
  d.dst = d.src0 = MAP_SRAM_BASE;
  d.src1 = MAP_TCM_BASE;
  expect_status("ADD outside the scratchpad", &d, engine.ring, COMPLETION_RECORD_STATUS_BAD_RANGE);
  d.src1 = MAP_SRAM_BASE + 2;
  expect_status("unaligned ADD", &d, engine.ring, COMPLETION_RECORD_STATUS_BAD_ALIGNMENT);
  d = copy_of(NOWHERE);
  expect_status("COPY from nowhere", &d, engine.ring, COMPLETION_RECORD_STATUS_BUS_ERROR);
  expect_status("ring nowhere", &d, NOWHERE, COMPLETION_RECORD_STATUS_BUS_ERROR);
  d = (compute_descriptor_t){.opcode = (uint8_t)COMPUTE_DESCRIPTOR_OPCODE_NOP, .flags = FLAG_IRQ};
  expect_status("NOP after all that", &d, engine.ring, COMPLETION_RECORD_STATUS_OK);
}

/* Near the end of stack 0, where nothing has been loaded. */
static uint64_t spare_hbm(void) {
  const uint64_t mib = mmio_read32(MAP_HBM_CTRL_BASE(0), HBM_CAPACITY_MIB_OFFSET);
  return MAP_HBM_BASE(0) + (mib << 20) - 0x10000u;
}

static void expect_errors(const char* name, uint32_t corrected, uint32_t uncorrected, uint64_t address) {
  const hbm_errors_t e = hbm_errors(MAP_HBM_CTRL_BASE(0));
  const bool good =
      e.corrected == corrected && e.uncorrected == uncorrected && (uncorrected == 0 || e.address == address);
  wrong += !good;
  console_print("fault %s: %u corrected, %u uncorrectable, %s", name, (unsigned)e.corrected,
                (unsigned)e.uncorrected, good ? "as expected" : "WRONG");
  hbm_clear_errors(MAP_HBM_CTRL_BASE(0));
}

static void memory_faults(void) {
  const uint64_t at = spare_hbm(), local = at - MAP_HBM_BASE(0);
  const compute_descriptor_t d = copy_of(at);
  static const uint64_t zeros[8];
  copy_words(at, zeros, sizeof zeros);
  hbm_clear_errors(MAP_HBM_CTRL_BASE(0));
  wrong += hbm_inject(MAP_HBM_CTRL_BASE(0), local, 1) != STATUS_OK;
  expect_status("one flipped bit in HBM", &d, engine.ring, COMPLETION_RECORD_STATUS_OK);
  expect_errors("one flipped bit in HBM", 1, 0, 0);
  copy_words(at, zeros, sizeof zeros);
  wrong += hbm_inject(MAP_HBM_CTRL_BASE(0), local, 2) != STATUS_OK;
  expect_status("two flipped bits in HBM", &d, engine.ring, COMPLETION_RECORD_STATUS_UNCORRECTABLE);
  expect_errors("two flipped bits in HBM", 0, 1, local);
  copy_words(at, zeros, sizeof zeros); /* a write heals what is not stuck */
  expect_status("HBM after a write", &d, engine.ring, COMPLETION_RECORD_STATUS_OK);
}

static void near_memory_faults(void) {
  const uint64_t at = spare_hbm();
  engine = (engine_t){MAP_PNM_BASE(0), at, at + 0x200};
  event_attach(IRQ_PNM(0), on_engine, 0);
  compute_descriptor_t d = garbage();
  expect_status("garbage near memory", &d, engine.ring, COMPLETION_RECORD_STATUS_BAD_OPCODE);
  d = copy_of(at);
  expect_status("COPY near memory", &d, engine.ring, COMPLETION_RECORD_STATUS_BAD_OPCODE);
  d = (compute_descriptor_t){.opcode = (uint8_t)COMPUTE_DESCRIPTOR_OPCODE_MATVEC};
  d.n = d.k = 8;
  d.m = 2;
  expect_status("batch of 2 near memory", &d, engine.ring, COMPLETION_RECORD_STATUS_BAD_SHAPE);
  d.m = 1;
  d.stride1 = 32;
  d.dst = d.src0 = at + 0x400;
  d.src1 = at + 0x810;
  expect_status("unaligned weights near memory", &d, engine.ring, COMPLETION_RECORD_STATUS_BAD_ALIGNMENT);
  d.src1 = MAP_SRAM_BASE;
  expect_status("weights out of reach", &d, engine.ring, COMPLETION_RECORD_STATUS_BUS_ERROR);
  expect_status("ring out of reach", &d, MAP_TCM_BASE, COMPLETION_RECORD_STATUS_BUS_ERROR);
  d = (compute_descriptor_t){.opcode = (uint8_t)COMPUTE_DESCRIPTOR_OPCODE_NOP, .flags = FLAG_IRQ};
  expect_status("NOP near memory", &d, engine.ring, COMPLETION_RECORD_STATUS_OK);
}

static volatile uint32_t dma_code = UINT32_MAX;

static void on_dma(void* context) {
  (void)context;
  status_t result;
  uint32_t code;
  if (dma_take_result(MAP_DMA_BASE, &result, &code)) dma_code = code;
}

static void expect_copy(const char* name, uint64_t dst, uint64_t src, uint32_t code) {
  dma_code = UINT32_MAX;
  const uint64_t deadline = event_deadline(1000);
  bool good = dma_start(MAP_DMA_BASE, dst, src, 64) == STATUS_OK;
  while (good && dma_code == UINT32_MAX) good = event_wait(deadline);
  good = good && dma_code == code;
  wrong += !good;
  console_print("fault %s: copy engine code %u, %s", name, (unsigned)dma_code,
                good ? "as expected" : "WRONG");
}

static void copy_faults(void) {
  event_attach(IRQ_DMA, on_dma, 0);
  expect_copy("copy", MAP_SRAM_BASE, MAP_TCM_BASE, DMA_STATUS_ERROR_CODE_OK);
  expect_copy("copy from nowhere", MAP_SRAM_BASE, NOWHERE, DMA_STATUS_ERROR_CODE_READ_ADDRESS);
  expect_copy("copy to nowhere", NOWHERE, MAP_TCM_BASE, DMA_STATUS_ERROR_CODE_WRITE_ADDRESS);
}

int main(void) {
  sysctrl_inventory_t chip;
  if (sysctrl_read_inventory(MAP_SYSCTRL_BASE, &chip) != STATUS_OK) return 2;
  event_init(chip.timebase_hz);
  console_use_interrupts(true);
  use_accelerator();
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
      const uint32_t status = run_descriptor(&d, engine.ring);
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
  accelerator_faults();
  if (chip.n_hbm != 0) memory_faults();
  copy_faults();
  if (chip.n_pnm != 0) near_memory_faults();
  console_print("faults: %u wrong", (unsigned)wrong);
  return wrong == 0 ? 0 : 1;
}
