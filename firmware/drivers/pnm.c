/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/pnm.h"

#include "regs/pnm.h"

status_t pnm_probe(mmio_t pnm, pnm_config_t* config) {
  if (mmio_read32(pnm, PNM_ID_OFFSET) != PNM_ID_RESET) return STATUS_NOT_FOUND;
  const uint32_t caps = mmio_read32(pnm, PNM_CAPS_OFFSET);
  config->max_heads = FIELD(PNM_CAPS_MAX_HEADS, caps);
  config->max_head_dim = FIELD(PNM_CAPS_MAX_HEAD_DIM, caps);
  config->max_scores = mmio_read32(pnm, PNM_CAPS_SCORES_OFFSET);
  config->max_k = mmio_read32(pnm, PNM_CAPS_K_OFFSET);
  return STATUS_OK;
}
