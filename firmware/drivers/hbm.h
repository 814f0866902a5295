/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/** @file Driver of an HBM controller: error status, fault injection, patrol scrub, temperature. */
#ifndef MEMWALL_DRIVERS_HBM_H
#define MEMWALL_DRIVERS_HBM_H

#include "hal/mmio.h"
#include "status.h"

typedef struct {
  uint32_t corrected;
  uint32_t uncorrected;
  uint64_t address; /**< stack-local, of the last uncorrectable access */
} hbm_errors_t;

/** Counts since the last clear, in bursts; they stay at their maximum. */
typedef struct {
  uint32_t on_die_corrected; /**< by the DRAM itself, before SECDED */
  uint32_t poisoned;         /**< failed on a word that had been found uncorrectable before */
  uint32_t scrub_corrected;
  uint32_t scrub_uncorrected;
  uint32_t scrub_passes; /**< over the whole stack, since reset */
} hbm_reliability_t;

hbm_errors_t hbm_errors(mmio_t hbm);
hbm_reliability_t hbm_reliability(mmio_t hbm);
/** Also the counts of hbm_reliability, but for the passes. */
void hbm_clear_errors(mmio_t hbm);
/** Flips `bits` (1 correctable, 2 not) in the 64-bit word at a stack-local address. */
status_t hbm_inject(mmio_t hbm, uint64_t address, uint32_t bits) MUST_USE;
/** Inverts a byte lane of the burst at a stack-local address. */
void hbm_inject_chip(mmio_t hbm, uint64_t address);
/** Scrubs one burst every `interval_ns` (not 0), from a stack-local address on and around the stack. */
status_t hbm_scrub_start(mmio_t hbm, uint64_t address, uint32_t interval_ns) MUST_USE;
void hbm_scrub_stop(mmio_t hbm);
/** Thousandths of a degree Celsius. */
int32_t hbm_temperature(mmio_t hbm);

#endif
