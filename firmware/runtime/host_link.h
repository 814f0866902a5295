/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The chip's end of the rings that it shares with its host (include/host_protocol.h): completions, requests,
 * and contents that the host keeps for this chip's HBF.
 */
#ifndef MEMWALL_RUNTIME_HOST_LINK_H
#define MEMWALL_RUNTIME_HOST_LINK_H

#include <stdbool.h>

#include "host_protocol.h"
#include "status.h"

/** A host that does not serve a load within this is gone. */
#define HOST_LOAD_TIMEOUT_US 1000000u

/** Starts the mailbox. NOT_FOUND: there is none. */
status_t host_open(uint32_t* ram_bytes) MUST_USE;

/** Posts a completion; waits while the ring is full. */
void host_complete(uint32_t type, uint32_t id, uint32_t token, uint32_t position, uint32_t status);

/** The next request other than LOADED. While there is none calls idle(context), which says whether it has
 * done anything, and sleeps once it has not; idle may be null. */
host_request_t host_next_request(bool (*idle)(void* context), void* context);

/** The host has written its protocol version and it is not this firmware's. */
bool host_is_foreign(uint32_t* version);

/**
 * Has the host put `bytes` bytes of what belongs at chip address `source` at `offset` of the mailbox RAM.
 * `stride` 0: one piece; else pages of 4096 bytes, so many bytes apart at the source. NOT_FOUND: the host
 * does not have them; TIMEOUT.
 */
status_t host_fetch(uint32_t offset, uint64_t source, uint32_t stride, uint32_t bytes) MUST_USE;

#endif
