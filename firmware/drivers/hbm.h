/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/** @file Driver of an HBM controller: error status and fault injection. */
#ifndef MEMWALL_DRIVERS_HBM_H
#define MEMWALL_DRIVERS_HBM_H

#include "hal/mmio.h"
#include "status.h"

typedef struct {
  uint32_t corrected;
  uint32_t uncorrected;
  uint64_t address; /**< stack-local, of the last uncorrectable access */
} hbm_errors_t;

hbm_errors_t hbm_errors(mmio_t hbm);
void hbm_clear_errors(mmio_t hbm);
/** Flips `bits` (1 correctable, 2 not) in the 64-bit word at a stack-local address. */
status_t hbm_inject(mmio_t hbm, uint64_t address, uint32_t bits) MUST_USE;

#endif
