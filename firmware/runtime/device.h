/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/** @file Device back-end of runtime/ops.h: engines, links and memories of one chip. */
#ifndef MEMWALL_RUNTIME_DEVICE_H
#define MEMWALL_RUNTIME_DEVICE_H

#include "drivers/sysctrl.h"
#include "runtime/ops.h"

/** Finds the engines and starts the links. Says on the console what is missing. */
status_t device_open(const sysctrl_inventory_t* inventory, rt_t** rt) MUST_USE;

#endif
