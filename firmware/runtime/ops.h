/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What the decode loop asks of the machine. Two back-ends: descriptors for the engines (runtime/device.c) and
 * the numerics kernels over a memory image on the host (host/backend.cpp). What an operation computes, to the
 * bit, is the numerics contract.
 *
 * Every address is a physical address of this chip. Vectors are f32, rows without gaps, in the scratchpad
 * unless said otherwise. Operations run in the order of their calls, except that the accelerator and each
 * near-memory unit run side by side: rt_fence() orders them. Operations only queue work and return nothing:
 * the first failure is kept and rt_fence() returns it; work queued after a failure is dropped.
 */
#ifndef MEMWALL_RUNTIME_OPS_H
#define MEMWALL_RUNTIME_OPS_H

#include <stdarg.h>
#include <stdint.h>

#include "manifest.h"
#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rt rt_t;

/** What the chip has. */
typedef struct {
  uint32_t chip;
  uint32_t n_chips;
  uint64_t sram_base; /**< scratchpad */
  uint64_t sram_bytes;
  uint64_t inbox_base; /**< where links deliver */
  uint64_t inbox_bytes;
  uint32_t pnm_max_heads; /**< per ATTENTION on a near-memory unit */
  uint32_t pnm_max_head_dim;
  uint32_t pnm_max_scores; /**< heads * tokens */
} rt_info_t;

/** Bytes of each arena that the back-end takes from its start for queues of the unit on that stack. */
#define RT_ARENA_RESERVED_BYTES 0x4000u

void rt_info(rt_t* rt, rt_info_t* info);
/** Called once, before any operation: the arenas, whose first bytes the back-end uses. */
status_t rt_start(rt_t* rt, const manifest_arena_t* arenas, uint32_t n_arenas) MUST_USE;
/** Scratchpad that MATVEC and ATTENTION stream their tiles through. */
void rt_set_work(rt_t* rt, uint64_t address, uint32_t bytes);
/** One line on the console. */
void rt_print(rt_t* rt, const char* format, ...) __attribute__((format(printf, 2, 3)));

/** Plain loads and stores of the hart, any memory; address and bytes multiples of 4. */
void rt_read(rt_t* rt, uint64_t address, void* data, uint32_t bytes);
void rt_write(rt_t* rt, uint64_t address, const void* data, uint32_t bytes);

/** y (batch, w->rows) = x (batch, w->cols) times the transpose of w (rows, cols). */
void rt_matvec(rt_t* rt, uint64_t y, uint64_t x, const manifest_tensor_t* w, uint32_t batch);
/** y (rows, n) = rmsnorm of each row of x (rows, n), weight w (n). */
void rt_rmsnorm(rt_t* rt, uint64_t y, uint64_t x, uint64_t w, uint32_t n, uint32_t rows, float epsilon);
/** x (tokens, heads, head_dim) in place; table (tokens, head_dim). */
void rt_rope(rt_t* rt, uint64_t x, uint64_t table, uint32_t tokens, uint32_t heads, uint32_t head_dim);
/** y (n); y may be gate. */
void rt_swiglu(rt_t* rt, uint64_t y, uint64_t gate, uint64_t up, uint32_t n);
/** y (n) = a + b; y may be a. */
void rt_add(rt_t* rt, uint64_t y, uint64_t a, uint64_t b, uint32_t n);
/** m pairs {f32 value, u32 index} at dst; index_base is added to the indices. */
void rt_topk(rt_t* rt, uint64_t dst, uint64_t x, uint32_t n, uint32_t m, uint32_t index_base);
/** rows of `bytes` bytes, strides in bytes, from and to any memory. */
void rt_copy(rt_t* rt, uint64_t dst, uint32_t dst_stride, uint64_t src, uint32_t src_stride, uint32_t bytes,
             uint32_t rows);
/** rows of n elements, strides in bytes, from and to any memory. */
void rt_convert(rt_t* rt, uint64_t dst, uint32_t dst_stride, uint32_t dst_format, uint64_t src,
                uint32_t src_stride, uint32_t src_format, uint32_t n, uint32_t rows);

#define RT_ACCELERATOR 0xffffffffu

/** Attention of `heads` query heads on one KV head. */
typedef struct {
  uint32_t unit; /**< near-memory unit (arena index), or RT_ACCELERATOR */
  uint64_t out;  /**< (heads, head_dim), rows out_stride; in the unit's stack, resp. the scratchpad */
  uint64_t q;    /**< (heads, head_dim), rows q_stride; in the unit's stack, resp. the scratchpad */
  uint64_t k;    /**< (tokens, head_dim), rows kv_stride */
  uint64_t v;    /**< (tokens, head_dim), rows kv_stride */
  uint32_t tokens;
  uint32_t heads;
  uint32_t head_dim;
  uint32_t q_stride;
  uint32_t out_stride;
  uint32_t kv_stride;
  uint32_t format; /**< of k and v */
  float scale;
} rt_attention_t;
void rt_attention(rt_t* rt, const rt_attention_t* a);

/** A pass over the weights begins: what is read ahead starts anew, maintenance that cannot wait is done. */
void rt_pass(rt_t* rt);
/**
 * The order of reading, once, before the first pass. Nonzero: the caller is to run one pass now, and then to
 * ask again; until then operations are not carried out, only noted, and rt_read() gives anything. 0: nothing
 * (more) to learn.
 */
int rt_learn(rt_t* rt);

/** Where span i of what is to be frozen begins, in memory of this chip. */
typedef uint64_t (*rt_span_t)(void* context, uint32_t i);
/**
 * Writes n spans of `bytes` bytes each into HBF, one after the other, each from the start of a page on; *base
 * is the address of the first. They replace those of an earlier call. Everything queued must be done.
 */
status_t rt_freeze(rt_t* rt, uint32_t n, uint64_t bytes, rt_span_t span, void* context,
                   uint64_t* base) MUST_USE;
/**
 * A KV cache in HBF. Its unit is a page: a row (of one token, one KV head, keys or values) takes one, however
 * short it is, and the rows of a token follow each other. Pages have to be written in ascending order, token
 * by token; row `rows` and those behind it of every token are idle, but have to be written too.
 */
typedef struct {
  uint64_t base;
  uint64_t token_stride; /**< bytes, a multiple of 4096 */
  uint32_t tokens;       /**< how many fit */
  uint32_t idle_rows;    /**< of each token, behind the others */
  uint32_t batch;        /**< tokens that may be written at once */
} rt_kv_store_t;
/** `rows` rows of a token, at most `tokens` tokens. `buffer`: memory for the pages of a block,
 * RT_KV_BUFFER_BYTES. */
status_t rt_kv_open(rt_t* rt, uint32_t rows, uint32_t tokens, uint64_t buffer, rt_kv_store_t* store) MUST_USE;
#define RT_KV_BUFFER_BYTES 0x400000u
/** Rows of consecutive tokens, pages at the source. */
typedef struct {
  uint64_t target; /**< row of the first token */
  uint64_t target_stride;
  uint64_t source;
  uint32_t rows; /**< tokens */
} rt_kv_rows_t;
/** Waits for everything queued, writes the rows and waits until they can be read. */
status_t rt_kv_append(rt_t* rt, const rt_kv_rows_t* rows, uint32_t n) MUST_USE;

/** Distance of frozen spans. */
static inline uint64_t rt_frozen_stride(uint64_t bytes) { return (bytes + 4095u) / 4096u * 4096u; }

/** Waits until everything queued has finished on every engine. */
status_t rt_fence(rt_t* rt) MUST_USE;

/* Links. A message lands in the peer's inbox, then the peer's signal counts up. */
enum {
  RT_SIGNAL_HELLO = 0,
  RT_SIGNAL_REDUCE = 1,
  RT_SIGNAL_COMMAND = 2,
  RT_SIGNAL_CANDIDATES = 3,
  RT_SIGNAL_ABORT = 4
};
/** Messages are multiples of this, and so are their addresses. */
#define RT_LINK_ALIGN 32u

/** Queues a message from local memory; src must stay as it is until the peer has answered. */
status_t rt_send(rt_t* rt, uint32_t peer, uint64_t src, uint32_t inbox_offset, uint32_t bytes,
                 uint32_t signal) MUST_USE;
/** Waits for the next message of `bytes` bytes from peer. `forever` waits without time-out. */
status_t rt_receive(rt_t* rt, uint32_t peer, uint32_t bytes, uint32_t signal, int forever) MUST_USE;

static inline uint32_t rt_round_up(uint32_t bytes, uint32_t to) { return (bytes + to - 1u) / to * to; }

#ifdef __cplusplus
}
#endif
#endif
