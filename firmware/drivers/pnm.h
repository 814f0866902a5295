/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/** @file Driver of a near-memory decode unit beside its queue (see cmdq.h). */
#ifndef MEMWALL_DRIVERS_PNM_H
#define MEMWALL_DRIVERS_PNM_H

#include "hal/mmio.h"
#include "status.h"

typedef struct {
  uint32_t max_heads;    /**< query heads per ATTENTION */
  uint32_t max_head_dim; /**< of ATTENTION */
  uint32_t max_scores;   /**< heads * tokens of ATTENTION */
  uint32_t max_k;        /**< reduction of MATVEC */
} pnm_config_t;

/** NOT_FOUND if there is no unit of this register map version. */
status_t pnm_probe(mmio_t pnm, pnm_config_t* config) MUST_USE;

#endif
