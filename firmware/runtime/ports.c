/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/ports.h"

#include <string.h>

#include "drivers/link.h"
#include "hal/event.h"
#include "map/memory_map.h"
#include "runtime/console.h"
#include "runtime/ops.h"

static void on_interrupt(void* context) { link_clear_interrupt(*(const mmio_t*)context); }

static uint32_t port_of(const ports_t* ports, uint32_t peer) { return peer < ports->chip ? peer : peer - 1; }

status_t ports_open(ports_t* ports, uint32_t chip, uint32_t n_chips, uint32_t n_links) {
  memset(ports, 0, sizeof *ports);
  ports->chip = chip;
  ports->n_ports = n_chips - 1;
  if (ports->n_ports > PORTS_MAX || ports->n_ports > n_links) {
    console_print("%u chips need %u link ports to every peer, at most %u; this chip has %u",
                  (unsigned)n_chips, (unsigned)ports->n_ports, PORTS_MAX, (unsigned)n_links);
    return STATUS_UNSUPPORTED;
  }
  for (uint32_t i = 0; i < ports->n_ports; ++i) {
    ports->registers[i] = MAP_LINK_BASE(i);
    if (link_start(ports->registers[i]) != STATUS_OK) {
      console_print("link%u: not found", (unsigned)i);
      return STATUS_NOT_FOUND;
    }
    event_attach(IRQ_LINK(i), on_interrupt, &ports->registers[i]);
  }
  return STATUS_OK;
}

/* What was in flight is lost with the port, and the peer cannot know which of it arrived: the chips are out
 * of step for good. One reset tells a broken cable from a burst of errors. */
static status_t report_down(ports_t* ports, uint32_t port, uint32_t peer) {
  const mmio_t link = ports->registers[port];
  const link_counters_t c = link_counters(link);
  ports->lost[port] = true;
  link_reset(link);
  const uint64_t deadline = event_deadline(1000);
  while (!link_status(link).up && event_wait(deadline)) {
  }
  console_print(
      "link%u: DOWN towards chip %u: %u replays, %u CRC errors, %u of %u messages acknowledged; %s after a "
      "reset",
      (unsigned)port, (unsigned)peer, (unsigned)c.replays, (unsigned)c.crc_errors, (unsigned)c.acked,
      (unsigned)c.posted, link_status(link).up ? "trains again" : "stays down");
  return STATUS_HARDWARE;
}

static status_t report_silence(ports_t* ports, uint32_t port, uint32_t peer, const char* what, uint32_t us) {
  ports->lost[port] = true;
  console_print("link%u: chip %u: %s for %u us", (unsigned)port, (unsigned)peer, what, (unsigned)us);
  return STATUS_TIMEOUT;
}

static uint32_t piece_of(uint32_t bytes) { return bytes < LINK_MAX_MESSAGE ? bytes : LINK_MAX_MESSAGE; }

status_t ports_send(ports_t* ports, uint32_t peer, uint64_t src, uint32_t offset, uint32_t bytes,
                    uint32_t signal) {
  const uint32_t port = port_of(ports, peer);
  const mmio_t link = ports->registers[port];
  uint64_t deadline = 0;
  uint32_t pause = 2;
  if (ports->lost[port]) return STATUS_HARDWARE;
  while (bytes != 0) {
    const uint32_t piece = piece_of(bytes);
    const status_t status = link_post(link, src, offset, piece, signal);
    if (status == STATUS_OK) {
      src += piece;
      offset += piece;
      bytes -= piece;
      continue;
    }
    if (status == STATUS_BAD_ARGUMENT) return status;
    if (link_status(link).down) return report_down(ports, port, peer);
    if (deadline == 0) deadline = event_deadline(PORTS_SEND_TIMEOUT_US);
    /* Still training, or no room: neither raises an interrupt when it ends. */
    const uint64_t soon = event_deadline(pause);
    if (pause < 10000u) pause *= 2;
    (void)event_wait(soon < deadline ? soon : deadline);
    if (event_now() >= deadline)
      return report_silence(ports, port, peer, "takes no message", PORTS_SEND_TIMEOUT_US);
  }
  return STATUS_OK;
}

/* Somebody gave up: its hello area says nothing, its signal is enough. */
static bool anyone_gave_up(const ports_t* ports) {
  for (uint32_t i = 0; i < ports->n_ports; ++i) {
    if (link_signal_count(ports->registers[i], RT_SIGNAL_ABORT) == 0) continue;
    console_print("chip %u: chip %u has given up", (unsigned)ports->chip,
                  (unsigned)(i < ports->chip ? i : i + 1));
    return true;
  }
  return false;
}

status_t ports_receive(ports_t* ports, uint32_t peer, uint32_t bytes, uint32_t signal, bool forever) {
  const uint32_t port = port_of(ports, peer);
  const mmio_t link = ports->registers[port];
  uint64_t deadline = 0;
  if (ports->lost[port]) return STATUS_HARDWARE;
  while (bytes != 0) {
    if (link_signal_count(link, signal) - ports->seen[port][signal] != 0) {
      ++ports->seen[port][signal];
      bytes -= piece_of(bytes);
      continue;
    }
    if (deadline == 0) deadline = forever ? EVENT_FOREVER : event_deadline(PORTS_TIMEOUT_US);
    if (anyone_gave_up(ports)) return STATUS_HARDWARE;
    if (link_status(link).down) return report_down(ports, port, peer);
    if (!event_wait(deadline) && link_signal_count(link, signal) == ports->seen[port][signal])
      return report_silence(ports, port, peer, "no message", PORTS_TIMEOUT_US);
  }
  return STATUS_OK;
}
