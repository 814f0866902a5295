/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What the OCP HBF architecture specification v0.7.0 gives a host: register offsets and fields of one channel
 * (5.9.1, 5.9.2), admin opcodes (5.2.4) and status codes (tables 12 and 13). Feature numbers are the
 * product's own, since the specification leaves them to it (ip/hbf/management.h).
 */
#ifndef MEMWALL_DRIVERS_HBF_SPEC_H
#define MEMWALL_DRIVERS_HBF_SPEC_H

/* A page, which is a device logical unit, and a beat. */
#define HBF_PAGE_BYTES 4096u
#define HBF_BEAT_BYTES 64u
#define HBF_CHUNKS_PER_PAGE 64u

/* ---- Always-on configuration space. ---- */
#define HBF_CFG_ID_OFFSET 0x000u /* [31:16] device, [15:0] vendor, 0xffff: nobody */
#define HBF_CFG_ID_VENDOR_MASK 0xffffu
#define HBF_CFG_ID_VENDOR_SHIFT 0
#define HBF_CFG_STS_OFFSET 0x004u
#define HBF_CFG_STS_SPR_MASK 0x80u /* scratchpad ready */
#define HBF_CFG_STS_SPR_SHIFT 7
#define HBF_CFG_STS_CSR_MASK 0x40u /* registers ready */
#define HBF_CFG_STS_CSR_SHIFT 6
#define HBF_CFG_STS_ISR_MASK 0x20u /* IO ready */
#define HBF_CFG_STS_ISR_SHIFT 5
#define HBF_CFG_RID_OFFSET 0x008u
#define HBF_CFG_UCONFIG_OFFSET 0x058u
#define HBF_CFG_UCONFIG_PORTS_MASK 0x3u /* 0: 1, 1: 2, 2: 4 */
#define HBF_CFG_UCONFIG_PORTS_SHIFT 0
#define HBF_CFG_CAP_OFFSET 0x098u
#define HBF_CFG_CAP_MAX_READ_MASK 0xc0u /* flash, 0: 64, 1: 256, 2: 512, 3: 4096 bytes */
#define HBF_CFG_CAP_MAX_READ_SHIFT 6
#define HBF_CFG_CAP_MAX_WRITE_MASK 0x30u
#define HBF_CFG_CAP_MAX_WRITE_SHIFT 4

/* ---- MMIO space. Registers of 64 bits: low word first. ---- */
#define HBF_MM_BUCCAP_LO_OFFSET 0x000u
#define HBF_MM_BUCCAP_TO_MASK 0xff000000u /* EN to RDY at most, in 500 ms; 0 reserved */
#define HBF_MM_BUCCAP_TO_SHIFT 24
#define HBF_MM_BUCCAP_SSG_MASK 0x00ff0000u /* bit 0, 1, 2: grade 1, 2, 3 */
#define HBF_MM_BUCCAP_SSG_SHIFT 16
#define HBF_MM_BUCCAP_BCS_MASK 0x300u /* bursts: bit 0 writes, bit 1 reads */
#define HBF_MM_BUCCAP_BCS_SHIFT 8
#define HBF_MM_BUCCAP_WLS_MASK 0xc0u /* wear levelling: bit 0 base die, bit 1 host */
#define HBF_MM_BUCCAP_WLS_SHIFT 6
#define HBF_MM_BUCCAP_SMEMS_MASK 0x10u /* there is a scratchpad */
#define HBF_MM_BUCCAP_SMEMS_SHIFT 4
#define HBF_MM_BUCCAP_HI_OFFSET 0x004u
#define HBF_MM_BUCCAP_NCDU_MASK 0xf00u /* log2 of the dies of a channel */
#define HBF_MM_BUCCAP_NCDU_SHIFT 8
#define HBF_MM_BUCCAP_NCBB_MASK 0xf0u /* 1: two page buffers per bank, the only legal code */
#define HBF_MM_BUCCAP_NCBB_SHIFT 4
#define HBF_MM_BUCCAP_MOCS_MASK 0xfu /* outstanding commands: 0: 1, n: 2^(n+1) for 7..13 */
#define HBF_MM_BUCCAP_MOCS_SHIFT 0
#define HBF_MM_VS_OFFSET 0x008u
#define HBF_MM_BUCC_OFFSET 0x00cu
#define HBF_MM_BUCC_MOCS_MASK 0x0f000000u
#define HBF_MM_BUCC_MOCS_SHIFT 24
#define HBF_MM_BUCC_SSG_MASK 0x00ff0000u
#define HBF_MM_BUCC_SSG_SHIFT 16
#define HBF_MM_BUCC_WLS_MASK 0xc0u
#define HBF_MM_BUCC_WLS_SHIFT 6
#define HBF_MM_BUCC_SNAU_MASK 0x30u /* ports, as UCONFIG */
#define HBF_MM_BUCC_SNAU_SHIFT 4
#define HBF_MM_BUCC_EN_MASK 0x1u
#define HBF_MM_BUCC_EN_SHIFT 0
#define HBF_MM_BUCSTS_OFFSET 0x010u
#define HBF_MM_BUCSTS_FATAL_MASK 0x2u
#define HBF_MM_BUCSTS_FATAL_SHIFT 1
#define HBF_MM_BUCSTS_RDY_MASK 0x1u
#define HBF_MM_BUCSTS_RDY_SHIFT 0
#define HBF_MM_TMON_OFFSET 0x018u
#define HBF_MM_TMON_LTMS_MASK 0x2u /* light throttle, now */
#define HBF_MM_TMON_LTMS_SHIFT 1
#define HBF_MM_TMON_CES_MASK 0x1u /* CATTRIP has been high; write 1 to clear */
#define HBF_MM_TMON_CES_SHIFT 0
#define HBF_MM_FIOSZ_OFFSET(port) (0x03cu + (port)*4u) /* flash of a port, pages */
#define HBF_MM_TMR_OFFSET(timer) (0x100u + (timer)*4u)
#define HBF_MM_TMR_VALUE_MASK 0xffffff00u
#define HBF_MM_TMR_VALUE_SHIFT 8
#define HBF_MM_TMR_UNIT_MASK 0xffu
#define HBF_MM_TMR_UNIT_SHIFT 0
#define HBF_MM_TMR_UNIT_US 1u
#define HBF_TIMER_GATHER 0u /* first to last chunk of a page */
#define HBF_TIMER_ACCUMULATE 1u
#define HBF_MM_LOCKOUT_OFFSET 0x140u
#define HBF_MM_LOCKOUT_ON 1u
#define HBF_MM_MAXPEC_OFFSET 0x144u
#define HBF_MM_AVGPEC_OFFSET 0x148u
#define HBF_MM_REDCAP_OFFSET 0x14cu
#define HBF_MM_TTTEMP_OFFSET 0x150u
#define HBF_MM_TTTEMP_SEVERE_ENABLE_MASK 0x800000u
#define HBF_MM_TTTEMP_SEVERE_ENABLE_SHIFT 23
#define HBF_MM_TTTEMP_LIGHT_ENABLE_MASK 0x8000u
#define HBF_MM_TTTEMP_LIGHT_ENABLE_SHIFT 15

/* ---- Admin opcodes, xADDR[7:0]. ---- */
enum {
  HBF_OPCODE_SET_FEATURE = 0x01,
  HBF_OPCODE_GET_FEATURE = 0x02,
  HBF_OPCODE_SECURE_ERASE = 0x03,
  HBF_OPCODE_GET_LOG_PAGE = 0x04,
  HBF_OPCODE_BIST = 0x07,
  HBF_OPCODE_ZONE_REMAP = 0x08,
  HBF_OPCODE_REDUCED_CAPACITY = 0x0a,
  HBF_OPCODE_REGISTER = 0x20
};

/* Features, xADDR[35:8]. */
enum {
  HBF_FEATURE_GEOMETRY = 0x0001,   /* [15:0] R5, [31:16] R3, [47:32] R2, [63:48] R1 */
  HBF_FEATURE_TIMES = 0x0002,      /* [31:0] tR, [63:32] tPROG, ns */
  HBF_FEATURE_RETRY_MODE = 0x0003, /* 0 base die, 1 host */
  HBF_FEATURE_RETRY_STAGES = 0x0004,
  HBF_FEATURE_MAX_READ_THRESHOLD = 0x0005, /* senses of a block */
  HBF_FEATURE_RETENTION = 0x0006,          /* ns */
  HBF_FEATURE_ENDURANCE = 0x0007,          /* program/erase cycles */
  HBF_FEATURE_ERASE_TIME = 0x0008,         /* ns */
  HBF_FEATURE_OPEN_DLUS = 0x0009,
  HBF_FEATURE_TEMPERATURE = 0x000a, /* millidegrees Celsius */
  HBF_FEATURE_BLOCK_READS = 0x0100, /* senses of the block whose number (row * lanes + lane) was written */
  HBF_FEATURE_BLOCK_AGE = 0x0103    /* of the same block: ns since page 0, at the reference temperature */
};

/** RUSER[5:2]. */
enum {
  HBF_READ_OK = 0x0,
  HBF_READ_OUT_OF_RANGE = 0x1, /* or retired */
  HBF_READ_RESTRICTED = 0x2,
  HBF_READ_UNDEFINED_USER = 0x3,
  HBF_READ_UNCORRECTABLE = 0x4,
  HBF_READ_CORRECTED_HIGH = 0x5, /* data valid */
  HBF_READ_RETRY_WANTED = 0x6,   /* info: stage */
  HBF_READ_ERASED = 0x7,
  HBF_READ_UNUSABLE = 0x8, /* info: HBF_GRANULE_* */
  HBF_READ_BLOCKED = 0x9,
  HBF_READ_PENDING_CHUNK = 0xa
};

/** BUSER[5:2]. */
enum {
  HBF_WRITE_OK = 0x0,
  HBF_WRITE_OUT_OF_RANGE = 0x1, /* or retired */
  HBF_WRITE_OVERLAP = 0x2,
  HBF_WRITE_UNDEFINED_USER = 0x3,
  HBF_WRITE_OPEN_LIMIT = 0x4,
  HBF_WRITE_GATHER_TIMEOUT = 0x5,
  HBF_WRITE_ORDER_VIOLATION = 0x6, /* info: HBF_ORDER_* */
  HBF_WRITE_PROGRAM_FAIL = 0x7,
  HBF_WRITE_UNUSABLE = 0x8, /* info: HBF_GRANULE_* */
  HBF_WRITE_BLOCKED = 0x9
};

/** Either table: 0xd to 0xf are the vendor's. */
#define HBF_STATUS_VENDOR 0xdu

enum { HBF_ORDER_SKIPPED = 1, HBF_ORDER_EARLIER_FAILED = 2 };
enum { HBF_HINT_READ_COUNT = 1, HBF_HINT_HEALTH = 2 }; /* info of read status 0x4 and 0x5 */
enum { HBF_GRANULE_BLOCK = 1, HBF_GRANULE_BANK = 2, HBF_GRANULE_DIE = 3, HBF_GRANULE_CHANNEL = 4 };
enum { HBF_BLOCKED_SEVERE = 1 }; /* info of status 0x9 */

#endif
