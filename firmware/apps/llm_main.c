/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The inference firmware, the same on every chip. Chip 0 serves the host's requests; the others follow it.
 */
#include <string.h>

#include "boot/boot.h"
#include "drivers/sysctrl.h"
#include "hal/event.h"
#include "host_status.h"
#include "llm/decode.h"
#include "map/memory_map.h"
#include "runtime/console.h"
#include "runtime/cubes.h"
#include "runtime/device.h"
#include "runtime/host_link.h"
#include "runtime/ports.h"

/* Exit codes of the chip. */
enum { EXIT_OK = 0, EXIT_NO_PLATFORM = 1, EXIT_REFUSED = 2, EXIT_HARDWARE = 3 };

static decoder_t decoder;

/* ---- One request. ---- */

static void on_prefill_done(void* context) {
  host_complete(HOST_COMPLETION_PREFILL_DONE, *(const uint32_t*)context, 0, 0, 0);
}

static void on_token(void* context, uint32_t token, uint32_t position) {
  host_complete(HOST_COMPLETION_TOKEN, *(const uint32_t*)context, token, position, 0);
}

/* The console's last line is the reason of a failure. */
static bool failed;

static void finish(uint32_t id, status_t status) {
  failed = failed || (status != STATUS_OK && status != STATUS_CONTEXT_FULL);
  const bool done = status == STATUS_OK || status == STATUS_CONTEXT_FULL;
  host_complete(done ? HOST_COMPLETION_DONE : HOST_COMPLETION_ERROR, id, 0, 0, host_status(status));
}

static bool prompt_is_there(const host_request_t* r, uint32_t ram_bytes) {
  return r->prompt_offset % 4u == 0 && r->prompt_offset >= HOST_TOKENS_OFFSET &&
         r->prompt_offset <= ram_bytes && r->prompt_tokens <= (ram_bytes - r->prompt_offset) / 4u;
}

MUST_USE static status_t freeze(const host_request_t* r, uint32_t ram_bytes) {
  if (!prompt_is_there(r, ram_bytes)) return STATUS_BAD_REQUEST;
  return decoder_freeze(&decoder, (const uint32_t*)(uintptr_t)(MAP_MAILBOX_RAM_BASE + r->prompt_offset),
                        r->prompt_tokens);
}

MUST_USE static status_t generate(const host_request_t* r, uint32_t ram_bytes) {
  if (!prompt_is_there(r, ram_bytes)) return STATUS_BAD_REQUEST;
  const generate_request_t request = {
      .prompt = (const uint32_t*)(uintptr_t)(MAP_MAILBOX_RAM_BASE + r->prompt_offset),
      .prompt_tokens = r->prompt_tokens,
      .frozen_tokens = r->frozen_tokens,
      .max_new_tokens = r->max_new_tokens,
      .eos_token = r->eos_token,
      .temperature = r->temperature,
      .top_p = r->top_p,
      .top_k = r->top_k,
      .seed = r->seed};
  uint32_t id = r->id;
  const generate_sink_t sink = {.context = &id, .prefill_done = on_prefill_done, .token = on_token};
  return decoder_generate(&decoder, &request, &sink);
}

/* Between requests nothing reads the weights. */
static bool on_idle(void* context) {
  (void)context;
  return cubes_idle();
}

/* Serves requests until the host says shutdown. `ready`: why this chip can or cannot generate. */
static int serve(status_t ready, uint32_t ram_bytes) {
  if (ready == STATUS_OK)
    host_complete(HOST_COMPLETION_READY, 0, 0, 0, HOST_STATUS_OK);
  else
    host_complete(HOST_COMPLETION_ERROR, 0, 0, 0, host_status(ready));
  for (;;) {
    const host_request_t request = host_next_request(on_idle, 0);
    /* The host has written its version by now, but perhaps not when this chip came up. */
    uint32_t version;
    if (host_is_foreign(&version)) {
      console_print("host protocol version %u, this firmware speaks %u", (unsigned)version,
                    HOST_PROTOCOL_VERSION);
      ready = STATUS_UNSUPPORTED;
    }
    if (request.opcode == HOST_REQUEST_SHUTDOWN) break;
    if (request.opcode == HOST_REQUEST_GENERATE)
      finish(request.id, ready == STATUS_OK ? generate(&request, ram_bytes) : ready);
    else if (request.opcode == HOST_REQUEST_FREEZE)
      finish(request.id, ready == STATUS_OK ? freeze(&request, ram_bytes) : ready);
    else
      finish(request.id, STATUS_BAD_REQUEST);
  }
  if (ready != STATUS_OK) return ready == STATUS_UNSUPPORTED ? EXIT_REFUSED : EXIT_HARDWARE;
  if (!failed) cubes_print_wear();
  return decoder.broken || decoder_stop(&decoder) != STATUS_OK ? EXIT_HARDWARE : EXIT_OK;
}

static void on_load(void* context, uint32_t percent, uint32_t mib) {
  (void)context;
  host_complete(HOST_COMPLETION_PROGRESS, 0, percent, mib, 0);
}

/* What the manifest wants in HBF. model_load() checks the rest of it. */
MUST_USE static status_t load(rt_t* rt, uint64_t address) {
  manifest_t* m = &decoder.model.m;
  if (address == 0 || address % 8u != 0 || cubes_count() == 0) return STATUS_OK;
  rt_read(rt, address, m, sizeof *m);
  if (m->magic != MANIFEST_MAGIC || m->version != MANIFEST_VERSION) return STATUS_OK;
  return cubes_load(m, on_load, 0);
}

static void print_chip(const sysctrl_inventory_t* chip) {
  console_print("memwall chip %u of %u: %u HBM, %u HBF, %u PNM, %u KiB scratchpad", (unsigned)chip->chip,
                (unsigned)chip->n_chips, (unsigned)chip->n_hbm, (unsigned)chip->n_hbf, (unsigned)chip->n_pnm,
                (unsigned)(chip->sram_bytes / 1024u));
}

static void print_model(void) {
  const manifest_t* m = &decoder.model.m;
  console_print("model: dim %u, hidden %u, layers %u, heads %u/%u x %u, vocab %u, slices %u",
                (unsigned)m->dim, (unsigned)m->hidden_dim, (unsigned)m->n_layers, (unsigned)m->n_heads,
                (unsigned)m->n_kv_heads, (unsigned)m->head_dim, (unsigned)m->vocab_size,
                (unsigned)m->n_slices);
  console_print("ready: %u tokens per pass, context %u, attention %s", (unsigned)decoder.at.batch,
                (unsigned)decoder.capacity, decoder.kv.near_memory ? "near memory" : "on the accelerator");
}

int main(void) {
  sysctrl_inventory_t chip;
  if (sysctrl_read_inventory(MAP_SYSCTRL_BASE, &chip) != STATUS_OK) {
    console_print("sysctrl: not found");
    return EXIT_NO_PLATFORM;
  }
  event_init(chip.timebase_hz);
  console_use_interrupts(true);
  if (boot_open_pmp() != STATUS_OK) {
    console_print("pmp: entry 0 does not hold its value");
    return EXIT_NO_PLATFORM;
  }
  uint32_t ram_bytes = 0;
  if (host_open(&ram_bytes) != STATUS_OK) {
    console_print("mailbox: not found");
    return EXIT_NO_PLATFORM;
  }

  print_chip(&chip);
  rt_t* rt;
  status_t status = device_open(&chip, &rt);
  if (status == STATUS_OK) status = load(rt, chip.manifest);
  if (status == STATUS_OK) status = decoder_init(&decoder, rt, chip.manifest);
  if (status == STATUS_OK) status = decoder_learn(&decoder);
  if (status == STATUS_OK) print_model();

  if (chip.chip == 0) return serve(status, ram_bytes);
  if (status == STATUS_OK) status = decoder_follow(&decoder);
  if (status == STATUS_STOPPED) return EXIT_OK;
  console_print("chip %u: gives up", (unsigned)chip.chip);
  /* Chip 0 is to tell the host and to end the run; should it be lost too, this chip's exit does. */
  const uint64_t patience = event_deadline(2u * PORTS_TIMEOUT_US);
  while (event_wait(patience)) {
  }
  return status == STATUS_UNSUPPORTED ? EXIT_REFUSED : EXIT_HARDWARE;
}
