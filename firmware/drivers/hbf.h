/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/** @file Driver of an HBF controller: status of a failed access and read retry. */
#ifndef MEMWALL_DRIVERS_HBF_H
#define MEMWALL_DRIVERS_HBF_H

#include "hal/mmio.h"
#include "status.h"

/** Highest read-retry stage that the register can name. */
#define HBF_MAX_RETRY_STAGE 7u

typedef struct {
  uint32_t code;    /**< OCP HBF status code of the last failed access; 0: none */
  uint32_t info;    /**< its information field */
  uint64_t address; /**< cube-local */
} hbf_fault_t;

/** The last failed access; clears it. */
hbf_fault_t hbf_take_fault(mmio_t hbf);
/** Stage 0: the controller retries by itself (its reset state). 1..HBF_MAX_RETRY_STAGE: senses use this
 * stage. */
status_t hbf_set_retry_stage(mmio_t hbf, uint32_t stage) MUST_USE;

#endif
