/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Management of an HBF cube: its registers by the sideband, admin commands by the mainband. The controller
 * sends one admin command at a time with one AXI id of its own, so answers come in order
 * (specification 5.2.4).
 */
#ifndef MEMWALL_DRIVERS_HBF_ADMIN_H
#define MEMWALL_DRIVERS_HBF_ADMIN_H

#include <stdbool.h>

#include "drivers/hbf_spec.h"
#include "hal/mmio.h"
#include "status.h"

/** Most beats of 64 bytes that an admin command carries. */
#define HBF_ADMIN_MAX_BEATS 64u
/** An admin command that is not answered within this is lost; the longest is a secure erase. */
#define HBF_ADMIN_TIMEOUT_US 1000000u

/** What the driver needs from whoever runs it. */
typedef struct {
  void* context;
  /** Microseconds since some moment in the past. */
  uint64_t (*now_us)(void* context);
  /** Returns after an interrupt, or after so many microseconds at the latest; at least 1. */
  void (*wait_us)(void* context, uint32_t us);
  /** One line for the console; may be null. */
  void (*print)(void* context, const char* format, ...) __attribute__((format(printf, 2, 3)));
} hbf_os_t;

typedef enum { HBF_SPACE_CONFIG = 0, HBF_SPACE_MMIO = 1 } hbf_space_t;

/** Sideband access to a register of one channel. NOT_FOUND: no such register, or no power. */
status_t hbf_sideband_read(mmio_t hbf, uint32_t channel, hbf_space_t space, uint32_t offset,
                           uint32_t* value) MUST_USE;
status_t hbf_sideband_write(mmio_t hbf, uint32_t channel, hbf_space_t space, uint32_t offset,
                            uint32_t value) MUST_USE;

typedef struct {
  uint32_t channel;
  uint32_t port;
  uint32_t opcode;
  uint64_t argument; /**< xADDR[35:8] */
  bool mmio;         /**< USER[2], register access */
  bool write;
  uint32_t beats; /**< 1..HBF_ADMIN_MAX_BEATS */
} hbf_admin_t;

typedef struct {
  uint32_t code; /**< status of the command's own table; 0: done */
  uint32_t info;
} hbf_answer_t;

/**
 * Runs one admin command. `data`: the first `words` dwords that it carries, or that come back (the rest is
 * sent as 0, or not looked at). OK: answered, see `answer`; TIMEOUT; FULL: another one is still waiting.
 */
status_t hbf_admin_run(mmio_t hbf, const hbf_os_t* os, const hbf_admin_t* command, uint32_t* data,
                       uint32_t words, hbf_answer_t* answer) MUST_USE;

/** Features are 64 bits wide. UNSUPPORTED: the device has no such feature or value. */
status_t hbf_get_feature(mmio_t hbf, const hbf_os_t* os, uint32_t channel, uint32_t feature,
                         uint64_t* value) MUST_USE;
status_t hbf_set_feature(mmio_t hbf, const hbf_os_t* os, uint32_t channel, uint32_t feature,
                         uint64_t value) MUST_USE;
/** Register access by the mainband, opcode 0x20. UNSUPPORTED: no such offset. */
status_t hbf_mainband_read(mmio_t hbf, const hbf_os_t* os, uint32_t channel, hbf_space_t space,
                           uint32_t offset, uint32_t* value) MUST_USE;

#endif
