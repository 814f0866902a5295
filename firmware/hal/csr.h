/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/** @file Control and status registers of the hart. */
#ifndef MEMWALL_HAL_CSR_H
#define MEMWALL_HAL_CSR_H

#include <stdint.h>

#define csr_read(name)                                               \
  ({                                                                 \
    uint64_t csr_value;                                              \
    __asm__ volatile("csrr %0, " #name : "=r"(csr_value)::"memory"); \
    csr_value;                                                       \
  })
#define csr_write(name, value) __asm__ volatile("csrw " #name ", %0" ::"r"((uint64_t)(value)) : "memory")

#define MIP_MTIP (1u << 7)
#define MIP_MEIP (1u << 11)

#endif
