/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/** @file Driver of the accelerator beside its queues (see cmdq.h). */
#ifndef MEMWALL_DRIVERS_ACCEL_H
#define MEMWALL_DRIVERS_ACCEL_H

#include "hal/mmio.h"
#include "status.h"

typedef struct {
  uint32_t sram_bytes; /**< scratchpad */
} accel_config_t;

/** NOT_FOUND if there is no accelerator of this register map version. */
status_t accel_probe(mmio_t accel, accel_config_t* config) MUST_USE;

#endif
