/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/device.h"

#include <string.h>

#include "drivers/accel.h"
#include "drivers/pnm.h"
#include "hal/event.h"
#include "map/memory_map.h"
#include "runtime/console.h"
#include "runtime/cube_store.h"
#include "runtime/cubes.h"
#include "runtime/ports.h"
#include "runtime/queue.h"

/* Uncorrectable reads from HBM are worth one more try (a transient fault on the interface). Reads from HBF
 * are tried again as long as the driver finds something to cure; a descriptor may meet many bad blocks. */
#define HBM_ATTEMPTS 1u
#define HBF_ATTEMPTS 4096u

struct rt {
  rt_info_t info;
  sysctrl_inventory_t inventory;
  queue_t accelerator;
  queue_t near_memory[MANIFEST_MAX_STACKS];
  uint32_t units;      /* bit i: unit i works */
  uint32_t busy_units; /* bit i: unit i was given work since the last fence */
  uint64_t work;
  uint32_t work_bytes;
  bool learning;   /* operations are noted, not carried out */
  status_t status; /* of a pass's beginning, until the fence */
  ports_t ports;
};

static struct rt device;
static completion_record_t accelerator_records[QUEUE_ENTRIES]
    __attribute__((aligned(32), section(".noinit")));
static compute_descriptor_t accelerator_ring[QUEUE_ENTRIES] __attribute__((aligned(128), section(".noinit")));
static compute_descriptor_t near_memory_shadow[MANIFEST_MAX_STACKS][QUEUE_ENTRIES]
    __attribute__((aligned(128), section(".noinit")));

static bool retry(void* context, uint32_t code, uint64_t address, uint32_t attempt) {
  (void)context;
  if (code != COMPLETION_RECORD_STATUS_UNCORRECTABLE) return false;
  if (address < MAP_HBF_BASE(0)) return attempt <= HBM_ATTEMPTS;
  return attempt <= HBF_ATTEMPTS && cubes_recover(address, attempt);
}

status_t device_open(const sysctrl_inventory_t* inventory, rt_t** result) {
  rt_t* rt = &device;
  *result = rt;
  memset(rt, 0, sizeof *rt);
  rt->inventory = *inventory;
  accel_config_t accel;
  status_t status = accel_probe(MAP_ACCEL_BASE, &accel);
  if (status == STATUS_OK)
    status = queue_init(&rt->accelerator, "accel", MAP_ACCEL_BASE, accelerator_ring, 0,
                        (uint64_t)(uintptr_t)accelerator_records);
  if (status != STATUS_OK) {
    console_print("accel: not found or does not take a reset");
    return status;
  }
  queue_attach(&rt->accelerator, IRQ_ACCEL);
  rt->accelerator.retry = retry;
  rt->accelerator.retry_context = rt;
  rt->info = (rt_info_t){.chip = inventory->chip,
                         .n_chips = inventory->n_chips,
                         .sram_base = MAP_SRAM_BASE,
                         .sram_bytes = accel.sram_bytes,
                         .inbox_base = MAP_INBOX_BASE,
                         .inbox_bytes = inventory->inbox_bytes,
                         .pnm_max_heads = UINT32_MAX,
                         .pnm_max_head_dim = UINT32_MAX,
                         .pnm_max_scores = UINT32_MAX};
  for (uint32_t i = 0; i < inventory->n_pnm && i < MANIFEST_MAX_STACKS; ++i) {
    pnm_config_t pnm;
    if (pnm_probe(MAP_PNM_BASE(i), &pnm) != STATUS_OK) continue;
    rt->units |= 1u << i;
    /* The least of all units, so that any stream can live on any of them. */
    if (pnm.max_heads < rt->info.pnm_max_heads) rt->info.pnm_max_heads = pnm.max_heads;
    if (pnm.max_head_dim < rt->info.pnm_max_head_dim) rt->info.pnm_max_head_dim = pnm.max_head_dim;
    if (pnm.max_scores < rt->info.pnm_max_scores) rt->info.pnm_max_scores = pnm.max_scores;
  }
  status = cubes_open(inventory->n_hbf);
  if (status != STATUS_OK) return status;
  return ports_open(&rt->ports, inventory->chip, inventory->n_chips, inventory->n_link);
}

status_t rt_start(rt_t* rt, const manifest_arena_t* arenas, uint32_t n_arenas) {
  _Static_assert(QUEUE_REMOTE_BYTES <= RT_ARENA_RESERVED_BYTES, "rings fit into what arenas set aside");
  for (uint32_t i = 0; i < n_arenas; ++i) {
    if (arenas[i].has_pnm == 0) continue;
    if ((rt->units >> i & 1u) == 0) {
      console_print("model refused: arena %u has no near-memory unit", (unsigned)i);
      return STATUS_UNSUPPORTED;
    }
    if (arenas[i].base % 128u != 0 || arenas[i].bytes < RT_ARENA_RESERVED_BYTES) {
      console_print("model refused: arena %u is too small or not aligned to 128 bytes", (unsigned)i);
      return STATUS_UNSUPPORTED;
    }
    char name[8] = {'p', 'n', 'm', (char)(i < 10 ? '0' + i : '1'), (char)(i < 10 ? 0 : '0' + i - 10),
                    0,   0,   0};
    queue_t* q = &rt->near_memory[i];
    const uint64_t ring = arenas[i].base, records = ring + QUEUE_ENTRIES * COMPUTE_DESCRIPTOR_SIZE_BYTES;
    const status_t status = queue_init(q, name, MAP_PNM_BASE(i), near_memory_shadow[i], ring, records);
    if (status != STATUS_OK) {
      console_print("%s: does not take a reset", name);
      return status;
    }
    queue_attach(q, IRQ_PNM(i));
    q->retry = retry;
    q->retry_context = rt;
  }
  return STATUS_OK;
}

void rt_info(rt_t* rt, rt_info_t* info) { *info = rt->info; }

void rt_set_work(rt_t* rt, uint64_t address, uint32_t bytes) {
  rt->work = address;
  rt->work_bytes = bytes;
}

void rt_print(rt_t* rt, const char* format, ...) {
  (void)rt;
  va_list args;
  va_start(args, format);
  console_print_args(format, args);
  va_end(args);
}

void rt_read(rt_t* rt, uint64_t address, void* data, uint32_t bytes) {
  (void)rt;
  const volatile uint32_t* from = (const volatile uint32_t*)(uintptr_t)address;
  uint32_t* to = data;
  for (uint32_t i = 0; i < bytes / 4u; ++i) to[i] = from[i];
}

void rt_write(rt_t* rt, uint64_t address, const void* data, uint32_t bytes) {
  if (rt->learning) return;
  volatile uint32_t* to = (volatile uint32_t*)(uintptr_t)address;
  const uint32_t* from = data;
  for (uint32_t i = 0; i < bytes / 4u; ++i) to[i] = from[i];
}

/* What is written here while the back-end learns goes nowhere. */
static compute_descriptor_t noted;

static compute_descriptor_t* accelerate(rt_t* rt, uint32_t opcode) {
  compute_descriptor_t* d = rt->learning ? &noted : queue_next(&rt->accelerator);
  d->opcode = (uint8_t)opcode;
  return d;
}

/* Rows per tile: two tiles fill the work area at most; a matrix gets at least four tiles, so that loading and
 * computing overlap, but none below 64 KiB, where the start of a tile would cost more than it hides. */
static uint32_t tile_rows(uint32_t rows, uint64_t row_bytes, uint32_t work_bytes) {
  uint64_t tile = work_bytes / 2u / row_bytes;
  uint64_t wanted = (rows + 3u) / 4u;
  if (wanted * row_bytes < 0x10000u) wanted = 0x10000u / row_bytes;
  if (wanted < tile) tile = wanted;
  if (tile > rows) tile = rows;
  return tile != 0 ? (uint32_t)tile : 1u;
}

void rt_matvec(rt_t* rt, uint64_t y, uint64_t x, const manifest_tensor_t* w, uint32_t batch) {
  compute_descriptor_t* d = accelerate(rt, COMPUTE_DESCRIPTOR_OPCODE_MATVEC);
  d->format = (uint8_t)w->format;
  d->dst = y;
  d->src0 = x;
  d->src1 = w->address;
  d->src2 = w->scale_address;
  d->n = w->rows;
  d->k = w->cols;
  d->m = batch;
  d->stride0 = w->cols * 4u;
  d->stride1 = w->row_stride;
  d->stride2 = w->scale_stride;
  d->stride3 = w->rows * 4u;
  d->tile_rows = tile_rows(w->rows, (uint64_t)w->row_stride + w->scale_stride, rt->work_bytes);
  d->work = rt->work;
  d->work_bytes = rt->work_bytes;
  if (!rt->learning) return;
  /* As the engine streams them: the rows of a tile, then their scales. */
  for (uint32_t row = 0; row < w->rows; row += d->tile_rows) {
    const uint32_t rows = w->rows - row < d->tile_rows ? w->rows - row : d->tile_rows;
    cubes_reads(w->address + (uint64_t)row * w->row_stride, (uint64_t)rows * w->row_stride);
    cubes_reads(w->scale_address + (uint64_t)row * w->scale_stride, (uint64_t)rows * w->scale_stride);
  }
}

void rt_rmsnorm(rt_t* rt, uint64_t y, uint64_t x, uint64_t w, uint32_t n, uint32_t rows, float epsilon) {
  compute_descriptor_t* d = accelerate(rt, COMPUTE_DESCRIPTOR_OPCODE_RMSNORM);
  d->dst = y;
  d->src0 = x;
  d->src1 = w;
  d->n = n;
  d->m = rows;
  d->stride0 = d->stride3 = n * 4u;
  d->scalar0 = epsilon;
}

void rt_rope(rt_t* rt, uint64_t x, uint64_t table, uint32_t tokens, uint32_t heads, uint32_t head_dim) {
  compute_descriptor_t* d = accelerate(rt, COMPUTE_DESCRIPTOR_OPCODE_ROPE);
  d->dst = d->src0 = x;
  d->src1 = table;
  d->n = tokens;
  d->k = head_dim;
  d->m = heads;
  d->stride0 = d->stride3 = heads * head_dim * 4u;
  d->stride1 = head_dim * 4u;
}

void rt_swiglu(rt_t* rt, uint64_t y, uint64_t gate, uint64_t up, uint32_t n) {
  compute_descriptor_t* d = accelerate(rt, COMPUTE_DESCRIPTOR_OPCODE_SWIGLU);
  d->dst = y;
  d->src0 = gate;
  d->src1 = up;
  d->n = n;
}

void rt_add(rt_t* rt, uint64_t y, uint64_t a, uint64_t b, uint32_t n) {
  compute_descriptor_t* d = accelerate(rt, COMPUTE_DESCRIPTOR_OPCODE_ADD);
  d->dst = y;
  d->src0 = a;
  d->src1 = b;
  d->n = n;
}

void rt_topk(rt_t* rt, uint64_t dst, uint64_t x, uint32_t n, uint32_t m, uint32_t index_base) {
  compute_descriptor_t* d = accelerate(rt, COMPUTE_DESCRIPTOR_OPCODE_TOPK);
  d->dst = dst;
  d->src0 = x;
  d->n = n;
  d->m = m;
  d->index_base = index_base;
}

void rt_copy(rt_t* rt, uint64_t dst, uint32_t dst_stride, uint64_t src, uint32_t src_stride, uint32_t bytes,
             uint32_t rows) {
  compute_descriptor_t* d = accelerate(rt, COMPUTE_DESCRIPTOR_OPCODE_COPY);
  d->dst = dst;
  d->src0 = src;
  d->n = bytes;
  d->m = rows;
  d->stride0 = src_stride;
  d->stride3 = dst_stride;
}

void rt_convert(rt_t* rt, uint64_t dst, uint32_t dst_stride, uint32_t dst_format, uint64_t src,
                uint32_t src_stride, uint32_t src_format, uint32_t n, uint32_t rows) {
  compute_descriptor_t* d = accelerate(rt, COMPUTE_DESCRIPTOR_OPCODE_CONVERT);
  d->format = (uint8_t)src_format;
  d->dst_format = (uint8_t)dst_format;
  d->dst = dst;
  d->src0 = src;
  d->n = n;
  d->m = rows;
  d->stride0 = src_stride;
  d->stride3 = dst_stride;
}

void rt_attention(rt_t* rt, const rt_attention_t* a) {
  const bool near_memory = a->unit != RT_ACCELERATOR;
  compute_descriptor_t* d = rt->learning  ? &noted
                            : near_memory ? queue_next(&rt->near_memory[a->unit])
                                          : queue_next(&rt->accelerator);
  d->opcode = (uint8_t)COMPUTE_DESCRIPTOR_OPCODE_ATTENTION;
  d->format = (uint8_t)a->format;
  d->dst = a->out;
  d->src0 = a->q;
  d->src1 = a->k;
  d->src2 = a->v;
  d->n = a->tokens;
  d->k = a->head_dim;
  d->m = a->heads;
  d->stride0 = a->q_stride;
  d->stride1 = d->stride2 = a->kv_stride;
  d->stride3 = a->out_stride;
  d->scalar0 = a->scale;
  if (rt->learning) return;
  if (near_memory) {
    rt->busy_units |= 1u << a->unit;
    return;
  }
  d->tile_rows = tile_rows(a->tokens, a->kv_stride, rt->work_bytes - a->heads * a->tokens * 4u);
  d->work = rt->work;
  d->work_bytes = rt->work_bytes;
}

void rt_pass(rt_t* rt) {
  if (rt->learning) return;
  const status_t status = cubes_pass();
  if (rt->status == STATUS_OK) rt->status = status;
}

int rt_learn(rt_t* rt) {
  const status_t status = cubes_learn(&rt->learning);
  if (rt->status == STATUS_OK) rt->status = status;
  return rt->learning;
}

status_t rt_freeze(rt_t* rt, uint32_t n, uint64_t bytes, rt_span_t span, void* context, uint64_t* base) {
  (void)rt;
  return store_freeze(n, bytes, span, context, base);
}

status_t rt_kv_open(rt_t* rt, uint32_t rows, uint32_t tokens, uint64_t buffer, rt_kv_store_t* store) {
  (void)rt;
  return store_kv_open(rows, tokens, buffer, store);
}

status_t rt_kv_append(rt_t* rt, const rt_kv_rows_t* rows, uint32_t n) {
  if (rt->learning) return STATUS_OK;
  const status_t status = rt_fence(rt);
  return status == STATUS_OK ? store_kv_append(rows, n) : status;
}

status_t rt_fence(rt_t* rt) {
  if (rt->learning) return STATUS_OK;
  queue_start(&rt->accelerator);
  for (uint32_t i = 0; rt->busy_units >> i != 0; ++i)
    if ((rt->busy_units >> i & 1u) != 0) queue_start(&rt->near_memory[i]);
  status_t status = queue_fence(&rt->accelerator);
  for (uint32_t i = 0; rt->busy_units >> i != 0; ++i) {
    if ((rt->busy_units >> i & 1u) == 0) continue;
    const status_t other = queue_fence(&rt->near_memory[i]);
    if (status == STATUS_OK) status = other;
  }
  rt->busy_units = 0;
  const status_t cubes = cubes_fence();
  if (status == STATUS_OK) status = cubes;
  if (status == STATUS_OK) status = rt->status;
  rt->status = STATUS_OK;
  return status;
}

status_t rt_send(rt_t* rt, uint32_t peer, uint64_t src, uint32_t inbox_offset, uint32_t bytes,
                 uint32_t signal) {
  if (rt->learning) return STATUS_OK;
  return ports_send(&rt->ports, peer, src, inbox_offset, bytes, signal);
}

status_t rt_receive(rt_t* rt, uint32_t peer, uint32_t bytes, uint32_t signal, int forever) {
  if (rt->learning) return STATUS_OK;
  return ports_receive(&rt->ports, peer, bytes, signal, forever != 0);
}
