/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/** @file Driver of the system controller: who this chip is and what it has. */
#ifndef MEMWALL_DRIVERS_SYSCTRL_H
#define MEMWALL_DRIVERS_SYSCTRL_H

#include "hal/mmio.h"
#include "status.h"

typedef struct {
  uint32_t chip;
  uint32_t n_chips;
  uint32_t n_hbm;
  uint32_t n_hbf;
  uint32_t n_pnm;
  uint32_t n_link;
  uint32_t sram_bytes;
  uint32_t inbox_bytes;
  uint32_t mailbox_ram_bytes;
  uint32_t timebase_hz;
  uint64_t manifest; /**< 0: there is none */
} sysctrl_inventory_t;

/** NOT_FOUND if the block does not answer with its ID. */
status_t sysctrl_read_inventory(mmio_t sysctrl, sysctrl_inventory_t* inventory) MUST_USE;
uint32_t sysctrl_scratch(mmio_t sysctrl, uint32_t index);

#endif
