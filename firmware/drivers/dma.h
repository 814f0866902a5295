/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/** @file Driver of the memory-to-memory copy engine. */
#ifndef MEMWALL_DRIVERS_DMA_H
#define MEMWALL_DRIVERS_DMA_H

#include <stdbool.h>

#include "hal/mmio.h"
#include "status.h"

/** Starts a copy; FULL while another one runs. */
status_t dma_start(mmio_t dma, uint64_t dst, uint64_t src, uint32_t bytes) MUST_USE;
/** True once the copy has ended, in *result: OK, or HARDWARE with *code = DMA_STATUS_ERROR_CODE_*. Clears the
 * interrupt. */
bool dma_take_result(mmio_t dma, status_t* result, uint32_t* code);

#endif
