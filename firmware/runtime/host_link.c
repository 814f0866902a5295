/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/host_link.h"

#include <string.h>

#include "drivers/mailbox.h"
#include "hal/event.h"
#include "map/memory_map.h"
#include "runtime/console.h"

/* How often idle work is looked for. */
#define IDLE_PERIOD_US 100000u

/* Requests that came while the answer to a load was waited for, oldest first. */
static host_request_t waiting[HOST_RING_ENTRIES];
static uint32_t n_waiting;
static uint32_t load_id;

/* Loads and stores of 32 bits; the hart does not reorder them. */
static volatile host_header_t* header(void) {
  return (volatile host_header_t*)(uintptr_t)(MAP_MAILBOX_RAM_BASE + HOST_HEADER_OFFSET);
}

static void on_mailbox(void* context) {
  (void)context;
  (void)mailbox_take(MAP_MAILBOX_BASE);
}

status_t host_open(uint32_t* ram_bytes) {
  const status_t status =
      mailbox_start(MAP_MAILBOX_BASE, HOST_DOORBELL_REQUEST | HOST_DOORBELL_TAKEN, ram_bytes);
  if (status == STATUS_OK) event_attach(IRQ_MAILBOX, on_mailbox, 0);
  return status;
}

static void post(const host_completion_t* completion) {
  const uint32_t produced = header()->completion_produced;
  /* The host rings when it has taken completions; look again now and then in case it does not. */
  while (produced - header()->completion_consumed >= HOST_RING_ENTRIES) (void)event_wait(event_deadline(100));
  uint32_t words[sizeof *completion / 4];
  memcpy(words, completion, sizeof words);
  volatile uint32_t* entry =
      (volatile uint32_t*)(uintptr_t)(MAP_MAILBOX_RAM_BASE + HOST_COMPLETION_OFFSET +
                                      produced % HOST_RING_ENTRIES * sizeof(host_completion_t));
  for (uint32_t i = 0; i < sizeof words / sizeof words[0]; ++i) entry[i] = words[i];
  header()->completion_produced = produced + 1;
  mailbox_ring_host(MAP_MAILBOX_BASE, HOST_DOORBELL_COMPLETION);
}

void host_complete(uint32_t type, uint32_t id, uint32_t token, uint32_t position, uint32_t status) {
  const host_completion_t completion = {
      .type = type, .id = id, .token = token, .position = position, .status = status};
  post(&completion);
}

static bool take_request(host_request_t* request) {
  const uint32_t consumed = header()->request_consumed;
  if (header()->request_produced == consumed) return false;
  uint32_t words[sizeof *request / 4];
  const volatile uint32_t* entry =
      (const volatile uint32_t*)(uintptr_t)(MAP_MAILBOX_RAM_BASE + HOST_REQUEST_OFFSET +
                                            consumed % HOST_RING_ENTRIES * sizeof *request);
  for (uint32_t i = 0; i < sizeof words / sizeof words[0]; ++i) words[i] = entry[i];
  memcpy(request, words, sizeof *request);
  header()->request_consumed = consumed + 1;
  return true;
}

host_request_t host_next_request(bool (*idle)(void* context), void* context) {
  host_request_t request;
  for (;;) {
    if (n_waiting != 0) {
      request = waiting[0];
      memmove(waiting, waiting + 1, --n_waiting * sizeof waiting[0]);
      return request;
    }
    if (take_request(&request)) {
      if (request.opcode != HOST_REQUEST_LOADED) return request;
      continue; /* the answer to a load that was given up */
    }
    if (idle == 0)
      (void)event_wait(EVENT_FOREVER);
    else if (!idle(context))
      (void)event_wait(event_deadline(IDLE_PERIOD_US));
  }
}

bool host_is_foreign(uint32_t* version) {
  *version = header()->version;
  return *version != HOST_PROTOCOL_VERSION;
}

status_t host_fetch(uint32_t offset, uint64_t source, uint32_t stride, uint32_t bytes) {
  const uint32_t id = ++load_id;
  const host_completion_t load = {.type = HOST_COMPLETION_LOAD,
                                  .id = id,
                                  .token = bytes,
                                  .position = offset,
                                  .reserved = {(uint32_t)source, (uint32_t)(source >> 32), stride}};
  post(&load);
  const uint64_t deadline = event_deadline(HOST_LOAD_TIMEOUT_US);
  for (;;) {
    host_request_t request;
    if (take_request(&request)) {
      if (request.opcode == HOST_REQUEST_LOADED) {
        if (request.id == id) return request.max_new_tokens == 0 ? STATUS_OK : STATUS_NOT_FOUND;
      } else if (n_waiting < HOST_RING_ENTRIES) {
        waiting[n_waiting++] = request;
      }
      continue;
    }
    if (event_wait(deadline) || header()->request_produced != header()->request_consumed) continue;
    console_print("host: does not answer load %u", (unsigned)id);
    return STATUS_TIMEOUT;
  }
}
