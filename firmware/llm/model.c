/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "llm/model.h"

/* Says why and gives the status, so that a check is one line. */
#define REFUSE(...)                              \
  do {                                           \
    rt_print(rt, "model refused: " __VA_ARGS__); \
    return STATUS_UNSUPPORTED;                   \
  } while (0)

static uint32_t element_bytes(uint32_t format) {
  return format == FORMAT_F32 ? 4u : format == FORMAT_MXINT8 ? 1u : 2u;
}

MUST_USE static status_t check_tensor(rt_t* rt, const char* name, const manifest_tensor_t* t, uint32_t rows,
                                      uint32_t cols) {
  if (t->rows != rows || t->cols != cols) {
    /* An empty slice has rows or cols 0; the other extent says nothing. */
    if ((rows == 0 || cols == 0) && (t->rows == 0 || t->cols == 0)) return STATUS_OK;
    REFUSE("%s is (%u, %u), expected (%u, %u)", name, (unsigned)t->rows, (unsigned)t->cols, (unsigned)rows,
           (unsigned)cols);
  }
  if (rows == 0 || cols == 0) return STATUS_OK;
  if (t->format > FORMAT_MXINT8) REFUSE("%s has unknown format %u", name, (unsigned)t->format);
  if (t->address % 32u != 0 || t->row_stride % 32u != 0 || t->scale_address % 32u != 0 ||
      t->scale_stride % 32u != 0)
    REFUSE("%s is not aligned to 32 bytes", name);
  if ((uint64_t)cols * element_bytes(t->format) > t->row_stride)
    REFUSE("%s has row stride %u, too small for %u columns", name, (unsigned)t->row_stride, (unsigned)cols);
  if (t->format == FORMAT_MXINT8 && (t->scale_address == 0 || (cols + 31u) / 32u > t->scale_stride))
    REFUSE("%s has no scales or scale stride %u is too small", name, (unsigned)t->scale_stride);
  if (t->format != FORMAT_MXINT8 && t->scale_stride != 0) REFUSE("%s has scales but is not MXINT8", name);
  return STATUS_OK;
}

MUST_USE static status_t check_vector(rt_t* rt, const char* name, const manifest_tensor_t* t, uint32_t n) {
  if (t->format != FORMAT_F32) REFUSE("%s has format %u, only F32 is supported", name, (unsigned)t->format);
  return check_tensor(rt, name, t, 1, n);
}

MUST_USE static status_t check_shape(rt_t* rt, const manifest_t* m, const rt_info_t* info) {
  if (m->chip != info->chip || m->n_chips != info->n_chips)
    REFUSE("manifest is for chip %u of %u, this is chip %u of %u", (unsigned)m->chip, (unsigned)m->n_chips,
           (unsigned)info->chip, (unsigned)info->n_chips);
  if (m->n_chips != 1 && m->n_chips != 2 && m->n_chips != 4)
    REFUSE("%u chips; 1, 2 and 4 are supported", (unsigned)m->n_chips);
  if (m->n_slices < m->n_chips || m->n_slices % m->n_chips != 0 || m->n_slices > MODEL_MAX_SLICES)
    REFUSE("%u slices on %u chips; a multiple of the chips up to %u is supported", (unsigned)m->n_slices,
           (unsigned)m->n_chips, MODEL_MAX_SLICES);
  if (m->dim == 0 || m->hidden_dim == 0 || m->vocab_size == 0 || m->max_context == 0 || m->prefill_batch == 0)
    REFUSE("dim, hidden_dim, vocab_size, max_context and prefill_batch must not be 0");
  if (m->vocab_size < m->n_chips)
    REFUSE("%u tokens on %u chips", (unsigned)m->vocab_size, (unsigned)m->n_chips);
  if (m->n_layers == 0 || m->n_layers > MODEL_MAX_LAYERS)
    REFUSE("%u layers; 1 to %u are supported", (unsigned)m->n_layers, MODEL_MAX_LAYERS);
  if (m->n_layers * (m->n_slices / m->n_chips) > MODEL_MAX_LAYER_SLICES)
    REFUSE("%u layers times %u slices per chip; at most %u are supported", (unsigned)m->n_layers,
           (unsigned)(m->n_slices / m->n_chips), MODEL_MAX_LAYER_SLICES);
  if (m->n_kv_heads == 0 || m->n_heads == 0 || m->n_heads % m->n_kv_heads != 0)
    REFUSE("%u heads on %u KV heads; KV heads must divide heads", (unsigned)m->n_heads,
           (unsigned)m->n_kv_heads);
  if (m->head_dim == 0 || m->head_dim % 2u != 0) REFUSE("head_dim %u is not even", (unsigned)m->head_dim);
  if (m->kv_format != FORMAT_F32 && m->kv_format != FORMAT_F16)
    REFUSE("KV format %u; F32 and F16 are supported", (unsigned)m->kv_format);
  if (m->n_arenas == 0 || m->n_arenas > MANIFEST_MAX_STACKS)
    REFUSE("%u arenas; 1 to %u are supported", (unsigned)m->n_arenas, MANIFEST_MAX_STACKS);
  return STATUS_OK;
}

MUST_USE static status_t check_slice(rt_t* rt, const model_t* model, uint32_t layer, uint32_t local) {
  const manifest_slice_t* t = model_slice(model, layer, local);
  const uint32_t slice = model->first_slice + local;
  const uint32_t kv = model_kv_heads(model, slice) * model->m.head_dim;
  const uint32_t q = kv * model->group, hidden = model_hidden(model, slice), dim = model->m.dim;
  const struct {
    const char* name;
    const manifest_tensor_t* tensor;
    uint32_t rows, cols;
  } checks[] = {
      {"wq", &t->wq, q, dim},      {"wk", &t->wk, kv, dim},     {"wv", &t->wv, kv, dim},
      {"wo", &t->wo, dim, q},      {"w1", &t->w1, hidden, dim}, {"w3", &t->w3, hidden, dim},
      {"w2", &t->w2, dim, hidden},
  };
  for (uint32_t i = 0; i < sizeof checks / sizeof checks[0]; ++i) {
    const status_t status =
        check_tensor(rt, checks[i].name, checks[i].tensor, checks[i].rows, checks[i].cols);
    if (status != STATUS_OK) {
      rt_print(rt, "model refused: layer %u, slice %u", (unsigned)layer, (unsigned)slice);
      return status;
    }
  }
  return STATUS_OK;
}

MUST_USE static status_t load_layers(model_t* model, rt_t* rt) {
  uint64_t at = model->m.layers_address;
  for (uint32_t layer = 0; layer < model->m.n_layers; ++layer) {
    manifest_norms_t* norms = &model->norms[layer];
    rt_read(rt, at, norms, sizeof *norms);
    at += sizeof *norms;
    status_t status = check_vector(rt, "attention_norm", &norms->attention_norm, model->m.dim);
    if (status == STATUS_OK) status = check_vector(rt, "ffn_norm", &norms->ffn_norm, model->m.dim);
    if (status != STATUS_OK) return status;
    for (uint32_t local = 0; local < model->n_local; ++local) {
      rt_read(rt, at, &model->slices[layer * model->n_local + local], sizeof(manifest_slice_t));
      at += sizeof(manifest_slice_t);
      status = check_slice(rt, model, layer, local);
      if (status != STATUS_OK) return status;
    }
  }
  return STATUS_OK;
}

status_t model_load(model_t* model, rt_t* rt, uint64_t address) {
  manifest_t* m = &model->m;
  rt_info_t info;
  rt_info(rt, &info);
  if (address == 0) REFUSE("there is no manifest");
  if (address % 8u != 0) REFUSE("manifest address is not a multiple of 8");
  rt_read(rt, address, m, sizeof *m);
  if (m->magic != MANIFEST_MAGIC) REFUSE("no manifest at the address that SYSCTRL gives");
  if (m->version != MANIFEST_VERSION)
    REFUSE("manifest version %u, this firmware reads %u", (unsigned)m->version, MANIFEST_VERSION);
  if (m->layers_address % 8u != 0) REFUSE("layer tables are not aligned to 8 bytes");
  status_t status = check_shape(rt, m, &info);
  if (status != STATUS_OK) return status;

  model->n_local = m->n_slices / m->n_chips;
  model->first_slice = m->chip * model->n_local;
  model->group = m->n_heads / m->n_kv_heads;
  model->first_row = (uint32_t)((uint64_t)m->chip * m->vocab_size / m->n_chips);
  model->output_rows = (uint32_t)(((uint64_t)m->chip + 1) * m->vocab_size / m->n_chips) - model->first_row;
  model->local_kv_heads =
      manifest_kv_head_begin(m->n_kv_heads, m->n_slices, model->first_slice + model->n_local) -
      manifest_kv_head_begin(m->n_kv_heads, m->n_slices, model->first_slice);
  model->attention_slices = model->hidden_slices = 0;
  for (uint32_t s = 0; s < m->n_slices; ++s) {
    if (model_kv_heads(model, s) != 0) model->attention_slices |= 1ull << s;
    if (model_hidden(model, s) != 0) model->hidden_slices |= 1ull << s;
  }

  if (m->token_embedding.format == FORMAT_MXINT8) REFUSE("token embedding in MXINT8");
  status = check_tensor(rt, "token_embedding", &m->token_embedding, m->vocab_size, m->dim);
  if (status == STATUS_OK) status = check_vector(rt, "output_norm", &m->output_norm, m->dim);
  if (status == STATUS_OK) status = check_tensor(rt, "output", &m->output, model->output_rows, m->dim);
  if (status == STATUS_OK)
    status = check_tensor(rt, "rope_table", &m->rope_table, m->max_context, m->head_dim);
  if (status == STATUS_OK && m->rope_table.format != FORMAT_F32) REFUSE("rope_table is not F32");
  if (status != STATUS_OK) return status;
  return load_layers(model, rt);
}
