/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Everything before the first token: where each buffer goes in the scratchpad, how large a pass and a context
 * the memories allow, and the hello by which the chips agree on both.
 */
#include <string.h>

#include "llm/decode.h"

#define HELLO_MAGIC 0x4f4c4c48u /* "HLLO" */

/** First message to every peer. */
typedef struct {
  uint32_t magic;
  uint32_t ready; /**< 0: this chip cannot run the model */
  uint32_t chip;
  uint32_t n_slices;
  uint32_t dim;
  uint32_t n_layers;
  uint32_t vocab_size;
  uint32_t batch;    /**< most tokens per pass */
  uint32_t capacity; /**< most tokens in the context */
  uint32_t inbox_bytes;
  uint32_t reserved[6];
} hello_t;
_Static_assert(sizeof(hello_t) == 64, "a multiple of RT_LINK_ALIGN");

static uint64_t max_u64(uint64_t a, uint64_t b) { return a > b ? a : b; }

/* Largest row that has to fit twice into the work area. */
static uint64_t largest_row(const model_t* model) {
  uint64_t largest = model_row_bytes(&model->m.output);
  for (uint32_t i = 0; i < model->m.n_layers * model->n_local; ++i) {
    const manifest_slice_t* s = &model->slices[i];
    const manifest_tensor_t* tensors[] = {&s->wq, &s->wk, &s->wv, &s->wo, &s->w1, &s->w3, &s->w2};
    for (uint32_t j = 0; j < sizeof tensors / sizeof tensors[0]; ++j)
      if (tensors[j]->rows != 0 && tensors[j]->cols != 0)
        largest = max_u64(largest, model_row_bytes(tensors[j]));
  }
  return largest;
}

/* Lays the scratchpad out for passes of `batch` tokens. False if it, or an inbox, is too small. */
static bool plan(decoder_t* d, uint32_t batch, bool comfortable) {
  const model_t* model = &d->model;
  const manifest_t* m = &model->m;
  const uint64_t row = (uint64_t)batch * 4u;
  uint64_t kv_heads = 0, hidden = 0; /* of the largest slice */
  for (uint32_t i = 0; i < model->n_local; ++i) {
    kv_heads = max_u64(kv_heads, model_kv_heads(model, model->first_slice + i));
    hidden = max_u64(hidden, model_hidden(model, model->first_slice + i));
  }
  const uint64_t slot = (row * m->dim + RT_LINK_ALIGN - 1) / RT_LINK_ALIGN * RT_LINK_ALIGN;
  if (slot * m->n_slices > d->info.sram_bytes) return false;
  if (!reduce_fits(d->info.inbox_bytes, m->n_chips, model->n_local, (uint32_t)slot)) return false;

  arena_t sram;
  arena_init(&sram, d->info.sram_base, d->info.sram_bytes);
  decode_buffers_t* at = &d->at;
  at->batch = batch;
  at->message = arena_alloc(&sram, sizeof(command_t));
  at->x = arena_alloc(&sram, row * m->dim);
  at->xn = arena_alloc(&sram, row * m->dim);
  at->norm = arena_alloc(&sram, m->dim * 4u);
  at->rope = arena_alloc(&sram, row * m->head_dim);
  at->candidates = arena_alloc(&sram, sizeof d->lists);
  reduce_init(&d->reduce, d->rt, &d->info, m->n_slices, (uint32_t)slot, &sram);
  /* The three phases never live together. */
  const uint64_t phase = arena_mark(&sram);
  at->q = arena_alloc(&sram, row * kv_heads * model->group * m->head_dim);
  at->k = arena_alloc(&sram, row * kv_heads * m->head_dim);
  at->v = arena_alloc(&sram, row * kv_heads * m->head_dim);
  at->attention = arena_alloc(&sram, row * model->local_kv_heads * model->group * m->head_dim);
  arena_rewind(&sram, phase);
  at->gate = arena_alloc(&sram, row * hidden);
  at->up = arena_alloc(&sram, row * hidden);
  arena_rewind(&sram, phase);
  const uint64_t logit_room = d->info.sram_bytes / 16u + 16u;
  at->logit_rows = model->output_rows < logit_room ? model->output_rows : (uint32_t)logit_room;
  at->logits = arena_alloc(&sram, at->logit_rows * 4u);
  if (sram.overflow) return false;

  const uint64_t work = d->info.sram_bytes - sram.peak;
  at->work = d->info.sram_base + sram.peak;
  at->work_bytes = work < 0x40000000u ? (uint32_t)work / 64u * 64u : 0x40000000u;
  const uint64_t kv_row = rt_round_up(m->head_dim * 4u, KV_ALIGN);
  if (at->work_bytes < 2u * largest_row(model) || at->work_bytes < 4u * kv_row) return false;
  return !comfortable || at->work_bytes >= d->info.sram_bytes / 4u;
}

/* The largest pass up to `batch` that leaves a quarter of the scratchpad to the tiles; failing that, one
 * token. */
MUST_USE static status_t plan_scratchpad(decoder_t* d, uint32_t batch) {
  for (; batch > 1; batch /= 2)
    if (plan(d, batch, true)) return STATUS_OK;
  if (plan(d, 1, false)) return STATUS_OK;
  rt_print(d->rt,
           "model refused: scratchpad of %u KiB (or inbox of %u KiB) is too small for width %u, matrix rows "
           "of %u bytes",
           (unsigned)(d->info.sram_bytes / 1024u), (unsigned)(d->info.inbox_bytes / 1024u),
           (unsigned)d->model.m.dim, (unsigned)largest_row(&d->model));
  return STATUS_UNSUPPORTED;
}

MUST_USE static status_t plan_cache(decoder_t* d, uint32_t max_context) {
  const manifest_t* m = &d->model.m;
  const kv_shape_t shape = {.n_layers = m->n_layers,
                            .n_kv_heads = d->model.local_kv_heads,
                            .head_dim = m->head_dim,
                            .element_bytes = m->kv_format == FORMAT_F32 ? 4u : 2u,
                            .group = d->model.group,
                            .batch = d->at.batch,
                            .max_context = max_context,
                            .near_memory = m->head_dim <= d->info.pnm_max_head_dim};
  if (m->kv_in_hbf != 0 && shape.n_kv_heads != 0) {
    uint32_t rows = 0; /* of the largest slice */
    for (uint32_t i = 0; i < d->model.n_local; ++i)
      rows = (uint32_t)max_u64(rows, 2u * model_kv_heads(&d->model, d->model.first_slice + i));
    const status_t status = kv_init_hbf(&d->kv, d->rt, &shape, rows, &m->arenas[0]);
    if (status != STATUS_OK) return status;
  } else {
    kv_init(&d->kv, &shape, m->arenas, m->n_arenas);
  }
  /* The scores of one query head have to fit wherever attention runs. */
  const uint32_t scores =
      d->kv.near_memory ? d->info.pnm_max_scores : decode_accelerator_scores(d->at.work_bytes);
  if (d->kv.capacity > scores) kv_set_capacity(&d->kv, scores);
  d->capacity = d->kv.capacity;
  if (d->capacity != 0) return STATUS_OK;
  rt_print(d->rt, "model refused: no room for a KV cache beside the weights");
  return STATUS_UNSUPPORTED;
}

MUST_USE static status_t prepare(decoder_t* d, uint64_t manifest_address) {
  status_t status = model_load(&d->model, d->rt, manifest_address);
  if (status != STATUS_OK) return status;
  const manifest_t* m = &d->model.m;
  d->attention_scale = 1.0f / __builtin_sqrtf((float)m->head_dim);
  status = rt_start(d->rt, m->arenas, m->n_arenas);
  const uint32_t batch = m->prefill_batch < DECODE_MAX_BATCH ? m->prefill_batch : DECODE_MAX_BATCH;
  if (status == STATUS_OK) status = plan_scratchpad(d, batch);
  if (status == STATUS_OK) status = plan_cache(d, m->max_context);
  /* Passes no longer than a cache in HBF takes. */
  if (status == STATUS_OK && d->kv.in_hbf && d->at.batch > d->kv.store.batch) {
    status = plan(d, d->kv.store.batch, false) ? plan_cache(d, m->max_context) : STATUS_UNSUPPORTED;
  }
  return status;
}

/* Tells every peer what this chip can do and hears what they can. */
MUST_USE static status_t meet_peers(decoder_t* d, status_t own, uint32_t* batch, uint32_t* capacity) {
  const uint32_t chip = d->info.chip, n_chips = d->info.n_chips;
  const manifest_t* m = &d->model.m;
  const hello_t hello = {.magic = HELLO_MAGIC,
                         .ready = own == STATUS_OK,
                         .chip = chip,
                         .n_slices = m->n_slices,
                         .dim = m->dim,
                         .n_layers = m->n_layers,
                         .vocab_size = m->vocab_size,
                         .batch = d->at.batch,
                         .capacity = d->capacity,
                         .inbox_bytes = (uint32_t)d->info.inbox_bytes};
  rt_write(d->rt, d->info.sram_base, &hello, sizeof hello); /* where the plan puts messages, planned or not */
  for (uint32_t peer = 0; peer < n_chips; ++peer) {
    if (peer == chip) continue;
    const status_t status = rt_send(d->rt, peer, d->info.sram_base, inbox_control(chip) + INBOX_HELLO_OFFSET,
                                    sizeof hello, RT_SIGNAL_HELLO);
    if (status != STATUS_OK) return status;
  }
  *batch = hello.batch;
  *capacity = hello.capacity;
  status_t result = own;
  for (uint32_t peer = 0; peer < n_chips; ++peer) {
    if (peer == chip) continue;
    hello_t other;
    const status_t status = rt_receive(d->rt, peer, sizeof other, RT_SIGNAL_HELLO, 0);
    if (status != STATUS_OK) return status;
    rt_read(d->rt, d->info.inbox_base + inbox_control(peer) + INBOX_HELLO_OFFSET, &other, sizeof other);
    if (own != STATUS_OK) continue;
    if (other.magic != HELLO_MAGIC || other.chip != peer) {
      rt_print(d->rt, "chip %u: the hello of chip %u is garbled", (unsigned)chip, (unsigned)peer);
      result = STATUS_HARDWARE;
    } else if (other.ready == 0) {
      rt_print(d->rt, "chip %u: chip %u cannot run the model", (unsigned)chip, (unsigned)peer);
      result = STATUS_UNSUPPORTED;
    } else if (other.n_slices != m->n_slices || other.dim != m->dim || other.n_layers != m->n_layers ||
               other.vocab_size != m->vocab_size || other.inbox_bytes != d->info.inbox_bytes) {
      rt_print(d->rt, "chip %u: chip %u has another model or inbox", (unsigned)chip, (unsigned)peer);
      result = STATUS_UNSUPPORTED;
    }
    if (other.batch < *batch) *batch = other.batch;
    if (other.capacity < *capacity) *capacity = other.capacity;
  }
  return result;
}

status_t decoder_init(decoder_t* d, rt_t* rt, uint64_t manifest_address) {
  memset(d, 0, sizeof *d);
  d->rt = rt;
  rt_info(rt, &d->info);
  status_t status = prepare(d, manifest_address);
  if (d->info.n_chips > 1) {
    uint32_t batch = 0, capacity = 0;
    status = meet_peers(d, status, &batch, &capacity);
    if (status == STATUS_OK && !plan(d, batch, false)) status = STATUS_UNSUPPORTED;
    if (status == STATUS_OK) status = plan_cache(d, capacity);
  }
  if (status != STATUS_OK) return status;
  rt_set_work(rt, d->at.work, d->at.work_bytes);
  return STATUS_OK;
}
