/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/dma.h"

#include "regs/dma.h"

status_t dma_start(mmio_t dma, uint64_t dst, uint64_t src, uint32_t bytes) {
  if (FIELD(DMA_STATUS_BUSY, mmio_read32(dma, DMA_STATUS_OFFSET)) != 0) return STATUS_FULL;
  mmio_write32(dma, DMA_SRC_LO_OFFSET, (uint32_t)src);
  mmio_write32(dma, DMA_SRC_HI_OFFSET, (uint32_t)(src >> 32));
  mmio_write32(dma, DMA_DST_LO_OFFSET, (uint32_t)dst);
  mmio_write32(dma, DMA_DST_HI_OFFSET, (uint32_t)(dst >> 32));
  mmio_write32(dma, DMA_LENGTH_OFFSET, bytes);
  mmio_write32(dma, DMA_CONTROL_OFFSET, FIELD_OF(DMA_CONTROL_START, 1) | FIELD_OF(DMA_CONTROL_IRQ_ENABLE, 1));
  return STATUS_OK;
}

bool dma_take_result(mmio_t dma, status_t* result, uint32_t* code) {
  const uint32_t status = mmio_read32(dma, DMA_STATUS_OFFSET);
  if (FIELD(DMA_STATUS_DONE, status) == 0) return false;
  mmio_write32(dma, DMA_STATUS_OFFSET, FIELD_OF(DMA_STATUS_DONE, 1));
  *code = FIELD(DMA_STATUS_ERROR_CODE, status);
  *result = *code == DMA_STATUS_ERROR_CODE_OK ? STATUS_OK : STATUS_HARDWARE;
  return true;
}
