/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What the chip itself writes into its first HBF cube, behind what the manifest put there: a frozen context,
 * or the KV cache. The host has no copy of either.
 */
#ifndef MEMWALL_RUNTIME_CUBE_STORE_H
#define MEMWALL_RUNTIME_CUBE_STORE_H

#include "runtime/ops.h"

/** See rt_freeze(). A block of it is refreshed from its own pages, as long as they can be read. */
status_t store_freeze(uint32_t n, uint64_t bytes, rt_span_t span, void* context, uint64_t* base) MUST_USE;

/** See rt_kv_open(). */
status_t store_kv_open(uint32_t rows, uint32_t tokens, uint64_t buffer, rt_kv_store_t* store) MUST_USE;
/** See rt_kv_append(). */
status_t store_kv_append(const rt_kv_rows_t* rows, uint32_t n) MUST_USE;

#endif
