/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Llama-architecture decoding, tensor parallel, top to bottom.
 *
 * Shapes: B tokens in this pass (1 when decoding), dim model width, Hq and Hkv the query and KV heads of one
 * slice, hidden the hidden units of one slice. All vectors are f32 in the scratchpad, rows without gaps.
 */
#include "llm/decode.h"

#include <string.h>

/* One layer's attention: x (B, dim) += sum over slices of wo (attention (rope (wq xn), rope (wk xn), wv xn)).
 */
MUST_USE static status_t attention_block(decoder_t* d, uint32_t layer, uint32_t n_tokens, uint32_t position);
/* One layer's feed-forward: x (B, dim) += sum over slices of w2 (silu (w1 xn) * w3 xn). */
MUST_USE static status_t ffn_block(decoder_t* d, uint32_t layer, uint32_t n_tokens);
/* The k best tokens after the last row of x, all chips considered, in d->best of chip 0. */
MUST_USE static status_t output_block(decoder_t* d, uint32_t n_tokens, uint32_t k);

/* One pass: embeds `tokens` (B), which start at `position`, and runs them through every layer. k = 0: the KV
 * cache is all that is wanted; else chip 0 gets the k best next tokens. */
MUST_USE static status_t forward(decoder_t* d, const uint32_t* tokens, uint32_t n_tokens, uint32_t position,
                                 uint32_t k) {
  const manifest_t* m = &d->model.m;
  const manifest_tensor_t *embedding = &m->token_embedding, *rope = &m->rope_table;
  const uint32_t row_bytes = m->dim * 4u;

  rt_pass(d->rt);
  for (uint32_t b = 0; b < n_tokens; ++b) /* x[b] (dim) = embedding[tokens[b]] */
    rt_convert(d->rt, d->at.x + (uint64_t)b * row_bytes, row_bytes, FORMAT_F32,
               embedding->address + (uint64_t)tokens[b] * embedding->row_stride, embedding->row_stride,
               embedding->format, m->dim, 1);
  rt_copy(d->rt, d->at.rope, m->head_dim * 4u, rope->address + (uint64_t)position * rope->row_stride,
          rope->row_stride, m->head_dim * 4u, n_tokens); /* (B, head_dim) */

  for (uint32_t layer = 0; layer < m->n_layers; ++layer) {
    status_t status = attention_block(d, layer, n_tokens, position);
    if (status == STATUS_OK) status = ffn_block(d, layer, n_tokens);
    if (status != STATUS_OK) return status;
  }
  return k != 0 ? output_block(d, n_tokens, k) : rt_fence(d->rt);
}

status_t decoder_learn(decoder_t* d) {
  const uint32_t token = 0;
  while (rt_learn(d->rt) != 0) {
    const status_t status = forward(d, &token, 1, 0, 1);
    if (status != STATUS_OK) return status;
  }
  return rt_fence(d->rt);
}

/* xn (rows, dim) = rmsnorm (x) * weight */
static void normalise(decoder_t* d, uint64_t x, uint32_t rows, const manifest_tensor_t* weight) {
  const uint32_t bytes = d->model.m.dim * 4u;
  rt_copy(d->rt, d->at.norm, bytes, weight->address, bytes, bytes, 1);
  rt_rmsnorm(d->rt, d->at.xn, x, d->at.norm, d->model.m.dim, rows, d->model.m.rms_epsilon);
}

/* Attention of one query head group (group, head_dim) per token on one KV head. Query rows q_stride apart. */
static void attend(decoder_t* d, uint32_t layer, uint32_t head, uint32_t unit, uint64_t q, uint64_t out,
                   uint32_t stride, uint32_t n_keys) {
  const manifest_t* m = &d->model.m;
  const uint32_t max_scores =
      unit == RT_ACCELERATOR ? decode_accelerator_scores(d->at.work_bytes) : d->info.pnm_max_scores;
  uint32_t at_once =
      max_scores / n_keys; /* query heads per operation; at least 1: setup.c limits the context */
  if (unit != RT_ACCELERATOR && at_once > d->info.pnm_max_heads) at_once = d->info.pnm_max_heads;
  for (uint32_t first = 0; first < d->model.group; first += at_once) {
    const uint32_t heads = d->model.group - first < at_once ? d->model.group - first : at_once;
    const rt_attention_t a = {.unit = unit,
                              .out = out + (uint64_t)first * stride, /* (heads, head_dim) */
                              .q = q + (uint64_t)first * stride,     /* (heads, head_dim) */
                              .k = kv_key(&d->kv, layer, head, 0),   /* (n_keys, head_dim) */
                              .v = kv_value(&d->kv, layer, head, 0), /* (n_keys, head_dim) */
                              .tokens = n_keys,
                              .heads = heads,
                              .head_dim = m->head_dim,
                              .q_stride = stride,
                              .out_stride = stride,
                              .kv_stride = d->kv.kv_stride,
                              .format = m->kv_format,
                              .scale = d->attention_scale};
    rt_attention(d->rt, &a);
  }
}

/* Moves (n_tokens, group, head_dim) between a slice's rows in the scratchpad and a near-memory buffer, whose
 * rows are padded. slice_row: bytes of one token in the slice's rows. */
static void copy_heads(decoder_t* d, bool to_unit, uint64_t unit, uint64_t slice, uint32_t slice_row,
                       uint32_t n_tokens) {
  const uint32_t group = d->model.group, row = d->model.m.head_dim * 4u,
                 padded = kv_q_stride(d->model.m.head_dim);
  const bool gaps = padded != row;
  const uint32_t copies = gaps ? n_tokens : 1, rows = gaps ? group : n_tokens,
                 bytes = gaps ? row : group * row;
  const uint32_t unit_stride = gaps ? padded : group * row, slice_stride = gaps ? row : slice_row;
  for (uint32_t i = 0; i < copies; ++i) {
    const uint64_t u = unit + (uint64_t)i * group * padded, s = slice + (uint64_t)i * slice_row;
    if (to_unit)
      rt_copy(d->rt, u, unit_stride, s, slice_stride, bytes, rows);
    else
      rt_copy(d->rt, s, slice_stride, u, unit_stride, bytes, rows);
  }
}

/* A KV cache in HBF: row r (keys and values of each head in turn) of a slice, token 0 of the pass, on its
 * way. */
static uint64_t staged_row(const decoder_t* d, uint32_t r) {
  return d->kv.staging + (uint64_t)r * d->at.batch * 4096u;
}

/* Writes the staged rows of a slice, whose first KV head is head0, and what is idle behind the last one. */
MUST_USE static status_t append_rows(decoder_t* d, uint32_t layer, uint32_t head0, uint32_t n_kv,
                                     uint32_t n_tokens, uint32_t position) {
  const kv_cache_t* kv = &d->kv;
  const bool last = layer + 1 == d->model.m.n_layers && head0 + n_kv == kv->n_kv_heads;
  const uint32_t rows = 2u * n_kv, all = rows + (last ? kv->store.idle_rows : 0u);
  const uint32_t room = sizeof d->kv_rows / sizeof d->kv_rows[0];
  uint32_t n = 0;
  for (uint32_t r = 0; r < all; ++r) {
    const uint64_t first = kv_key(kv, layer, head0, position) + (uint64_t)r * 4096u;
    d->kv_rows[n++] = (rt_kv_rows_t){.target = first,
                                     .target_stride = kv->store.token_stride,
                                     .source = staged_row(d, r < rows ? r : 0),
                                     .rows = n_tokens};
    if (n != room && r + 1 != all) continue;
    const status_t status = rt_kv_append(d->rt, d->kv_rows, n);
    if (status != STATUS_OK) return status;
    n = 0;
  }
  return STATUS_OK;
}

/* Scratchpad rows of a slice's attention result: (B, Hq, head_dim) per slice, slices one after the other. */
static uint64_t attention_rows(const decoder_t* d, uint32_t first_head) {
  return d->at.attention + (uint64_t)first_head * d->model.group * d->model.m.head_dim * 4u * d->at.batch;
}

/* Attention of KV heads [from, to) of a slice on the accelerator. */
static void attend_all(decoder_t* d, uint32_t layer, uint32_t head0, uint32_t from, uint32_t to, uint32_t n_q,
                       uint32_t n_tokens, uint32_t position) {
  const uint32_t head_bytes = d->model.m.head_dim * 4u, token_bytes = n_q * head_bytes;
  for (uint32_t i = from; i < to; ++i) {
    const uint64_t q = (uint64_t)i * d->model.group * head_bytes;
    for (uint32_t b = 0; b < n_tokens; ++b) /* token b sees position + b + 1 keys */
      attend(d, layer, head0 + i, RT_ACCELERATOR, d->at.q + q + (uint64_t)b * token_bytes,
             attention_rows(d, head0) + q + (uint64_t)b * token_bytes, head_bytes, position + b + 1);
  }
}

static status_t attention_block(decoder_t* d, uint32_t layer, uint32_t n_tokens, uint32_t position) {
  const model_t* model = &d->model;
  const manifest_t* m = &model->m;
  const uint32_t head_bytes = m->head_dim * 4u;
  status_t status;

  normalise(d, d->at.x, n_tokens, &model->norms[layer].attention_norm);

  /* Project, rotate, append to the KV cache; attention itself here or, behind a fence, beside the memory. */
  uint32_t head0 = 0; /* KV heads of this chip before the slice */
  for (uint32_t local = 0; local < model->n_local; ++local) {
    const manifest_slice_t* w = model_slice(model, layer, local);
    const uint32_t n_kv = model_kv_heads(model, model->first_slice + local), n_q = n_kv * model->group;
    if (n_kv == 0) continue;
    rt_matvec(d->rt, d->at.q, d->at.xn, &w->wq, n_tokens); /* (B, Hq, head_dim) */
    rt_matvec(d->rt, d->at.k, d->at.xn, &w->wk, n_tokens); /* (B, Hkv, head_dim) */
    rt_matvec(d->rt, d->at.v, d->at.xn, &w->wv, n_tokens); /* (B, Hkv, head_dim) */
    rt_rope(d->rt, d->at.q, d->at.rope, n_tokens, n_q, m->head_dim);
    rt_rope(d->rt, d->at.k, d->at.rope, n_tokens, n_kv, m->head_dim);
    for (uint32_t i = 0; i < n_kv; ++i) { /* K and V rows (B, head_dim) of KV head i */
      const uint32_t head = head0 + i, from = i * head_bytes;
      const bool staged = d->kv.in_hbf;
      const uint32_t stride = staged ? 4096u : d->kv.kv_stride;
      rt_convert(d->rt, staged ? staged_row(d, 2u * i) : kv_key(&d->kv, layer, head, position), stride,
                 m->kv_format, d->at.k + from, n_kv * head_bytes, FORMAT_F32, m->head_dim, n_tokens);
      rt_convert(d->rt, staged ? staged_row(d, 2u * i + 1u) : kv_value(&d->kv, layer, head, position), stride,
                 m->kv_format, d->at.v + from, n_kv * head_bytes, FORMAT_F32, m->head_dim, n_tokens);
      if (staged) continue;
      const uint32_t q_from = i * model->group * head_bytes, token_bytes = n_q * head_bytes;
      if (d->kv.near_memory) {
        copy_heads(d, true, kv_query(&d->kv, layer, head), d->at.q + q_from, token_bytes, n_tokens);
        continue;
      }
      attend_all(d, layer, head0, i, i + 1, n_q, n_tokens, position);
    }
    if (d->kv.in_hbf) { /* only what has been programmed can be read */
      status = append_rows(d, layer, head0, n_kv, n_tokens, position);
      if (status != STATUS_OK) return status;
      attend_all(d, layer, head0, 0, n_kv, n_q, n_tokens, position);
    }
    head0 += n_kv;
  }

  if (d->kv.near_memory && head0 != 0) {
    status = rt_fence(d->rt); /* keys, values and queries are in HBM */
    if (status != STATUS_OK) return status;
    const uint32_t stride = kv_q_stride(m->head_dim), token_bytes = model->group * stride;
    for (uint32_t b = 0; b < n_tokens; ++b)
      for (uint32_t head = 0; head < head0; ++head)
        attend(d, layer, head, d->kv.arena[kv_stack(&d->kv, layer, head)],
               kv_query(&d->kv, layer, head) + (uint64_t)b * token_bytes,
               kv_result(&d->kv, layer, head) + (uint64_t)b * token_bytes, stride, position + b + 1);
    status = rt_fence(d->rt);
    if (status != STATUS_OK) return status;
  }

  head0 = 0;
  for (uint32_t local = 0; local < model->n_local; ++local) {
    const uint32_t n_kv = model_kv_heads(model, model->first_slice + local), n_q = n_kv * model->group;
    if (n_kv == 0) continue;
    const uint64_t rows = attention_rows(d, head0); /* (B, Hq, head_dim) */
    for (uint32_t i = 0; d->kv.near_memory && i < n_kv; ++i)
      copy_heads(d, false, kv_result(&d->kv, layer, head0 + i),
                 rows + (uint64_t)i * model->group * head_bytes, n_q * head_bytes, n_tokens);
    rt_matvec(d->rt, reduce_partial(&d->reduce, model->attention_slices, local, n_tokens * m->dim), rows,
              &model_slice(model, layer, local)->wo, n_tokens); /* partial (B, dim) */
    head0 += n_kv;
  }

  uint64_t sum; /* (B, dim) */
  status = reduce_finish(&d->reduce, model->attention_slices, n_tokens * m->dim, &sum);
  if (status == STATUS_OK) rt_add(d->rt, d->at.x, d->at.x, sum, n_tokens * m->dim);
  return status;
}

static status_t ffn_block(decoder_t* d, uint32_t layer, uint32_t n_tokens) {
  const model_t* model = &d->model;
  const uint32_t dim = model->m.dim;

  normalise(d, d->at.x, n_tokens, &model->norms[layer].ffn_norm);
  for (uint32_t local = 0; local < model->n_local; ++local) {
    const manifest_slice_t* w = model_slice(model, layer, local);
    const uint32_t hidden = model_hidden(model, model->first_slice + local);
    if (hidden == 0) continue;
    rt_matvec(d->rt, d->at.gate, d->at.xn, &w->w1, n_tokens); /* (B, hidden) */
    rt_matvec(d->rt, d->at.up, d->at.xn, &w->w3, n_tokens);   /* (B, hidden) */
    rt_swiglu(d->rt, d->at.gate, d->at.gate, d->at.up, n_tokens * hidden);
    rt_matvec(d->rt, reduce_partial(&d->reduce, model->hidden_slices, local, n_tokens * dim), d->at.gate,
              &w->w2, n_tokens); /* partial (B, dim) */
  }

  uint64_t sum; /* (B, dim) */
  const status_t status = reduce_finish(&d->reduce, model->hidden_slices, n_tokens * dim, &sum);
  if (status == STATUS_OK) rt_add(d->rt, d->at.x, d->at.x, sum, n_tokens * dim);
  return status;
}

static uint32_t candidate_bytes(uint32_t k) {
  return rt_round_up(k * (uint32_t)sizeof(candidate_t), RT_LINK_ALIGN);
}

/* The k best rows of this chip's part of the output matrix, in d->best. */
MUST_USE static status_t local_candidates(decoder_t* d, uint32_t k) {
  const model_t* model = &d->model;
  const uint32_t chunk = d->at.logit_rows,
                 max_lists = sizeof d->lists / sizeof d->lists[0] / SAMPLER_MAX_CANDIDATES;
  uint32_t n_lists = 0;
  for (uint32_t row = 0; row < model->output_rows; row += chunk) {
    manifest_tensor_t rows = model->m.output; /* (chunk, dim) */
    rows.rows = model->output_rows - row < chunk ? model->output_rows - row : chunk;
    rows.address += (uint64_t)row * rows.row_stride;
    if (rows.scale_address != 0) rows.scale_address += (uint64_t)row * rows.scale_stride;
    rt_matvec(d->rt, d->at.logits, d->at.xn, &rows, 1); /* (chunk) */
    rt_topk(d->rt, d->at.candidates + (uint64_t)n_lists * k * sizeof(candidate_t), d->at.logits, rows.rows, k,
            model->first_row + row);
    ++n_lists;
    if (n_lists < max_lists && row + chunk < model->output_rows) continue;
    /* Merge what there is; list 0 of the next batch is the best so far. */
    const status_t status = rt_fence(d->rt);
    if (status != STATUS_OK) return status;
    rt_read(d->rt, d->at.candidates, d->lists, n_lists * k * (uint32_t)sizeof(candidate_t));
    sampler_merge(d->lists, n_lists, k, d->best);
    if (row + chunk < model->output_rows)
      rt_write(d->rt, d->at.candidates, d->best, k * (uint32_t)sizeof(candidate_t));
    n_lists = 1;
  }
  return STATUS_OK;
}

static status_t output_block(decoder_t* d, uint32_t n_tokens, uint32_t k) {
  const uint32_t n_chips = d->info.n_chips, chip = d->info.chip;
  /* Only the last token's next one is wanted: xn (1, dim). */
  normalise(d, d->at.x + (uint64_t)(n_tokens - 1) * d->model.m.dim * 4u, 1, &d->model.m.output_norm);
  status_t status = local_candidates(d, k);
  if (status != STATUS_OK || n_chips == 1) return status;

  if (chip != 0) {
    rt_write(d->rt, d->at.message, d->best, k * (uint32_t)sizeof(candidate_t));
    return rt_send(d->rt, 0, d->at.message, inbox_control(chip) + INBOX_CANDIDATES_OFFSET, candidate_bytes(k),
                   RT_SIGNAL_CANDIDATES);
  }
  memcpy(d->lists, d->best, k * sizeof(candidate_t));
  for (uint32_t peer = 1; peer < n_chips; ++peer) {
    status = rt_receive(d->rt, peer, candidate_bytes(k), RT_SIGNAL_CANDIDATES, 0);
    if (status != STATUS_OK) return status;
    rt_read(d->rt, d->info.inbox_base + inbox_control(peer) + INBOX_CANDIDATES_OFFSET,
            d->lists + (uint64_t)peer * k, k * (uint32_t)sizeof(candidate_t));
  }
  sampler_merge(d->lists, n_chips, k, d->best);
  return STATUS_OK;
}

/* ---- All chips in step: chip 0 says what the next pass is. ---- */

/* Commands have one length per batch size, because the receiver must know it: the header and B tokens. */
static uint32_t command_bytes(const decoder_t* d) {
  return rt_round_up(COMMAND_HEADER_BYTES + d->at.batch * 4u, RT_LINK_ALIGN);
}

MUST_USE static status_t send_command(decoder_t* d, const command_t* command) {
  status_t status = STATUS_OK;
  if (d->info.n_chips == 1) return status;
  rt_write(d->rt, d->at.message, command, COMMAND_HEADER_BYTES + command->n_tokens * 4u);
  for (uint32_t peer = 1; peer < d->info.n_chips && status == STATUS_OK; ++peer)
    status = rt_send(d->rt, peer, d->at.message, inbox_control(0) + INBOX_COMMAND_OFFSET, command_bytes(d),
                     RT_SIGNAL_COMMAND);
  return status;
}

/* After a failure no chip may wait for this one for ever. */
static status_t abandon(decoder_t* d, status_t status) {
  if (d->info.n_chips == 1) return status;
  d->broken = true;
  for (uint32_t peer = 0; peer < d->info.n_chips; ++peer) {
    if (peer == d->info.chip) continue;
    /* A peer that cannot be told runs into its own time-out. */
    const status_t sent =
        rt_send(d->rt, peer, d->at.message, inbox_control(d->info.chip) + INBOX_HELLO_OFFSET, RT_LINK_ALIGN,
                RT_SIGNAL_ABORT);
    (void)sent;
  }
  return status;
}

MUST_USE static status_t forward_everywhere(decoder_t* d, const uint32_t* tokens, uint32_t n_tokens,
                                            uint32_t position, uint32_t k) {
  command_t* command = &d->command;
  command->command = COMMAND_FORWARD;
  command->n_tokens = n_tokens;
  command->position = position;
  command->k = k;
  memcpy(command->tokens, tokens, n_tokens * sizeof tokens[0]);
  status_t status = send_command(d, command);
  if (status == STATUS_OK) status = forward(d, tokens, n_tokens, position, k);
  return status == STATUS_OK ? status : abandon(d, status);
}

/* ---- Frozen context: the KV rows of the first tokens, kept in HBF. ---- */

static uint32_t n_spans(const decoder_t* d) { return 2u * d->model.m.n_layers * d->kv.n_kv_heads; }

/* Keys of stream i / 2, or its values. */
static uint64_t kv_span(void* context, uint32_t i) {
  const decoder_t* d = context;
  if (d->kv.n_kv_heads == 0) return 0;
  const uint32_t layer = i / 2u / d->kv.n_kv_heads, head = i / 2u % d->kv.n_kv_heads;
  return i % 2u == 0 ? kv_key(&d->kv, layer, head, 0) : kv_value(&d->kv, layer, head, 0);
}

/* The cache rows are given back: whoever wants the context restores it. What they hold then says nothing. */
static void give_back(decoder_t* d, uint32_t n_tokens) {
  const uint32_t row = d->kv.kv_stride, at_once = d->at.batch * d->model.m.dim * 4u / row;
  for (uint32_t i = 0; i < n_spans(d) && at_once != 0; ++i)
    for (uint32_t token = 0; token < n_tokens; token += at_once) {
      const uint32_t rows = n_tokens - token < at_once ? n_tokens - token : at_once;
      rt_copy(d->rt, kv_span(d, i) + (uint64_t)token * row, rows * row, d->at.x, rows * row, rows * row, 1);
    }
}

MUST_USE static status_t freeze_here(decoder_t* d, uint32_t n_tokens) {
  status_t status = rt_fence(d->rt);
  d->frozen_tokens = 0;
  if (status == STATUS_OK && n_spans(d) != 0)
    status = rt_freeze(d->rt, n_spans(d), (uint64_t)n_tokens * d->kv.kv_stride, kv_span, d, &d->frozen_base);
  if (status != STATUS_OK) return status;
  give_back(d, n_tokens);
  d->frozen_tokens = n_tokens;
  return rt_fence(d->rt);
}

MUST_USE static status_t restore_here(decoder_t* d, uint32_t n_tokens) {
  const uint32_t bytes = n_tokens * d->kv.kv_stride;
  if (n_tokens != d->frozen_tokens) return STATUS_BAD_REQUEST;
  for (uint32_t i = 0; i < n_spans(d); ++i)
    rt_copy(d->rt, kv_span(d, i), bytes, d->frozen_base + i * rt_frozen_stride(bytes), bytes, bytes, 1);
  return rt_fence(d->rt);
}

/* One of the above on every chip; OK if it went well on all. */
MUST_USE static status_t frozen_everywhere(decoder_t* d, uint32_t what, uint32_t n_tokens) {
  command_t* command = &d->command;
  *command = (command_t){.command = what, .position = n_tokens};
  status_t status = send_command(d, command);
  if (status != STATUS_OK) return abandon(d, status);
  status_t result = what == COMMAND_FREEZE ? freeze_here(d, n_tokens) : restore_here(d, n_tokens);
  for (uint32_t peer = 1; peer < d->info.n_chips; ++peer) {
    uint32_t answer[RT_LINK_ALIGN / 4u];
    status = rt_receive(d->rt, peer, sizeof answer, RT_SIGNAL_CANDIDATES, 0);
    if (status != STATUS_OK) return abandon(d, status);
    rt_read(d->rt, d->info.inbox_base + inbox_control(peer) + INBOX_CANDIDATES_OFFSET, answer, sizeof answer);
    if (result == STATUS_OK) result = (status_t)answer[0];
  }
  return result;
}

/* A peer's part of it. */
MUST_USE static status_t follow_frozen(decoder_t* d, const command_t* command) {
  uint32_t answer[RT_LINK_ALIGN / 4u] = {(uint32_t)(command->command == COMMAND_FREEZE
                                                        ? freeze_here(d, command->position)
                                                        : restore_here(d, command->position))};
  rt_write(d->rt, d->at.message, answer, sizeof answer);
  return rt_send(d->rt, 0, d->at.message, inbox_control(d->info.chip) + INBOX_CANDIDATES_OFFSET,
                 sizeof answer, RT_SIGNAL_CANDIDATES);
}

static uint64_t hash_tokens(const uint32_t* tokens, uint32_t n) {
  uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
  for (uint32_t i = 0; i < n; ++i) hash = (hash ^ tokens[i]) * 0x100000001b3u;
  return hash;
}

status_t decoder_follow(decoder_t* d) {
  command_t* command = &d->command;
  for (;;) {
    status_t status = rt_receive(d->rt, 0, command_bytes(d), RT_SIGNAL_COMMAND, 1);
    if (status != STATUS_OK) return abandon(d, status);
    rt_read(d->rt, d->info.inbox_base + inbox_control(0) + INBOX_COMMAND_OFFSET, command,
            COMMAND_HEADER_BYTES + d->at.batch * 4u);
    if (command->command == COMMAND_STOP) return STATUS_STOPPED;
    if ((command->command == COMMAND_FREEZE || command->command == COMMAND_RESTORE) &&
        command->position != 0 && command->position <= d->capacity) {
      status = follow_frozen(d, command);
      if (status != STATUS_OK) return abandon(d, status);
      continue;
    }
    if (command->command != COMMAND_FORWARD || command->n_tokens == 0 || command->n_tokens > d->at.batch ||
        command->position >= d->capacity || command->n_tokens > d->capacity - command->position ||
        command->k > SAMPLER_MAX_CANDIDATES) {
      rt_print(d->rt, "chip %u: chip 0 sent a command that makes no sense", (unsigned)d->info.chip);
      return abandon(d, STATUS_HARDWARE);
    }
    status = forward(d, command->tokens, command->n_tokens, command->position, command->k);
    if (status != STATUS_OK) return abandon(d, status);
  }
}

status_t decoder_stop(decoder_t* d) {
  d->command = (command_t){.command = COMMAND_STOP};
  return d->broken ? STATUS_OK : send_command(d, &d->command);
}

/* ---- A request, on chip 0. ---- */

MUST_USE static status_t check_request(const decoder_t* d, const generate_request_t* r) {
  if (r->prompt_tokens == 0) return STATUS_BAD_REQUEST;
  if (r->frozen_tokens != 0 &&
      (r->frozen_tokens >= r->prompt_tokens || r->frozen_tokens != d->frozen_tokens ||
       hash_tokens(r->prompt, r->frozen_tokens) != d->frozen_hash))
    return STATUS_BAD_REQUEST;
  for (uint32_t i = 0; i < r->prompt_tokens; ++i)
    if (r->prompt[i] >= d->model.m.vocab_size) return STATUS_BAD_REQUEST;
  if (!(r->temperature >= 0.0f) || r->temperature > 1e6f) return STATUS_BAD_REQUEST;
  if (r->temperature > 0.0f &&
      (!(r->top_p > 0.0f) || r->top_p > 1.0f || r->top_k == 0 || r->top_k > SAMPLER_MAX_CANDIDATES))
    return STATUS_BAD_REQUEST;
  return STATUS_OK;
}

status_t decoder_freeze(decoder_t* d, const uint32_t* tokens, uint32_t n_tokens) {
  if (d->broken) return STATUS_HARDWARE;
  if (n_tokens == 0) return STATUS_BAD_REQUEST;
  if (n_tokens > d->capacity) return STATUS_CONTEXT_FULL;
  for (uint32_t i = 0; i < n_tokens; ++i)
    if (tokens[i] >= d->model.m.vocab_size) return STATUS_BAD_REQUEST;
  for (uint32_t position = 0; position < n_tokens; position += d->at.batch) {
    const uint32_t left = n_tokens - position, n = left < d->at.batch ? left : d->at.batch;
    const status_t status = forward_everywhere(d, tokens + position, n, position, 0);
    if (status != STATUS_OK) return status;
  }
  d->frozen_hash = hash_tokens(tokens, n_tokens);
  return frozen_everywhere(d, COMMAND_FREEZE, n_tokens);
}

status_t decoder_generate(decoder_t* d, const generate_request_t* r, const generate_sink_t* sink) {
  if (d->broken) return STATUS_HARDWARE;
  status_t status = check_request(d, r);
  if (status != STATUS_OK) return status;
  if (r->prompt_tokens > d->capacity) return STATUS_CONTEXT_FULL;
  sampler_t sampler = {.temperature = r->temperature, .top_p = r->top_p, .random = r->seed};
  const uint32_t k = r->temperature > 0.0f ? r->top_k : 1;

  /* Prefill: the prompt in passes of B; only the last pass asks for candidates. */
  uint32_t position = 0;
  if (r->frozen_tokens != 0) {
    status = frozen_everywhere(d, COMMAND_RESTORE, r->frozen_tokens);
    if (d->broken) return status;
    if (status == STATUS_OK)
      position = r->frozen_tokens;
    else
      rt_print(d->rt, "frozen context is lost: %u tokens are computed again", (unsigned)r->frozen_tokens);
  }
  while (position < r->prompt_tokens) {
    const uint32_t left = r->prompt_tokens - position, n = left < d->at.batch ? left : d->at.batch;
    status =
        forward_everywhere(d, r->prompt + position, n, position, n == left && r->max_new_tokens != 0 ? k : 0);
    if (status != STATUS_OK) return status;
    position += n;
  }
  if (sink->prefill_done != NULL) sink->prefill_done(sink->context);

  /* Decode: sample, report, feed the token back. */
  for (uint32_t produced = 0; produced < r->max_new_tokens; ++produced) {
    const uint32_t token = sampler_choose(&sampler, d->best, k);
    if (token == r->eos_token) return STATUS_OK;
    if (token >= d->model.m.vocab_size) {
      rt_print(d->rt, "chip 0: the engines proposed token %u of %u", (unsigned)token,
               (unsigned)d->model.m.vocab_size);
      return abandon(d, STATUS_HARDWARE);
    }
    if (sink->token != NULL) sink->token(sink->context, token, position);
    if (produced + 1 == r->max_new_tokens) break;
    if (position == d->capacity) return STATUS_CONTEXT_FULL;
    status = forward_everywhere(d, &token, 1, position, k);
    if (status != STATUS_OK) return status;
    ++position;
  }
  return STATUS_OK;
}
