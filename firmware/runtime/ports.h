/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Messages between chips. Fully connected: the port to peer p is p, or p - 1 above this chip's own number.
 * A message longer than a port takes goes in pieces, each with its signal, so both ends must know the length.
 */
#ifndef MEMWALL_RUNTIME_PORTS_H
#define MEMWALL_RUNTIME_PORTS_H

#include <stdbool.h>
#include <stdint.h>

#include "hal/mmio.h"
#include "status.h"

#define PORTS_MAX 3u
#define PORTS_SIGNALS 8u
/** A peer that says nothing for so long is lost. Peers compute in step, so this covers one layer of a pass.
 */
#define PORTS_TIMEOUT_US 2000000u
/** A port that takes no message for so long (does not train, or acknowledges nothing) is lost. */
#define PORTS_SEND_TIMEOUT_US 100000u

typedef struct {
  uint32_t chip;
  uint32_t n_ports;
  mmio_t registers[PORTS_MAX];
  bool lost[PORTS_MAX];                    /**< reported as DOWN or silent; not used again */
  uint32_t seen[PORTS_MAX][PORTS_SIGNALS]; /**< signals consumed */
} ports_t;

/** Starts a port per peer. */
status_t ports_open(ports_t* ports, uint32_t chip, uint32_t n_chips, uint32_t n_links) MUST_USE;
status_t ports_send(ports_t* ports, uint32_t peer, uint64_t src, uint32_t offset, uint32_t bytes,
                    uint32_t signal) MUST_USE;
/** HARDWARE: the port is down, or the peer has given up; TIMEOUT: nothing came. Both are reported. */
status_t ports_receive(ports_t* ports, uint32_t peer, uint32_t bytes, uint32_t signal, bool forever) MUST_USE;

#endif
