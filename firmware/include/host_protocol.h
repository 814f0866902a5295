/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What host and chips say to each other, each chip through its mailbox RAM and its doorbells. Little endian.
 * Offsets are relative to the mailbox RAM. The producer of a ring writes the entry first, then its index,
 * then rings. Requests to generate go to chip 0; every chip may ask its host for the contents of its HBF
 * cubes.
 *
 *   0x0000 host_header_t
 *   0x0100 request ring   (host -> chip), HOST_RING_ENTRIES entries of host_request_t
 *   0x1000 completion ring (chip -> host), HOST_RING_ENTRIES entries of host_completion_t
 *   0x8000 token area: prompts, u32 token ids
 *   0x80000 staging area: contents for HBF, to the end of the RAM
 */
#ifndef MEMWALL_HOST_PROTOCOL_H
#define MEMWALL_HOST_PROTOCOL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HOST_PROTOCOL_VERSION 2u
#define HOST_RING_ENTRIES 16u
#define HOST_HEADER_OFFSET 0x0000u
#define HOST_REQUEST_OFFSET 0x0100u
#define HOST_COMPLETION_OFFSET 0x1000u
#define HOST_TOKENS_OFFSET 0x8000u
#define HOST_STAGING_OFFSET 0x80000u

typedef struct {
  uint32_t version;             /**< written by the host before the first doorbell */
  uint32_t request_produced;    /**< free running, host writes */
  uint32_t request_consumed;    /**< free running, chip writes */
  uint32_t completion_produced; /**< free running, chip writes */
  uint32_t completion_consumed; /**< free running, host writes */
} host_header_t;

/** Doorbell bits of the mailbox block. */
#define HOST_DOORBELL_REQUEST 0x1u /**< host to chip: a request was produced */
#define HOST_DOORBELL_TAKEN \
  0x2u /**< host to chip: completions were consumed (needed only when the ring was full) */
#define HOST_DOORBELL_COMPLETION 0x1u /**< chip to host: a completion was produced */

enum {
  HOST_REQUEST_GENERATE = 1,
  HOST_REQUEST_SHUTDOWN = 2,
  HOST_REQUEST_FREEZE = 4, /**< prefills the prompt and keeps its keys and values in HBF; DONE */
  HOST_REQUEST_LOADED = 3  /**< the contents of LOAD `id` are in the staging area; max_new_tokens: 1 if the
                              host does not have them */
};

typedef struct {
  uint32_t opcode;
  uint32_t id;             /**< copied into completions */
  uint32_t prompt_offset;  /**< of u32 token ids in the mailbox RAM */
  uint32_t prompt_tokens;  /**< at least 1 */
  uint32_t max_new_tokens; /**< stop after this many */
  uint32_t eos_token;      /**< stop when sampled (not reported as a TOKEN); 0xffffffff: never */
  float temperature;       /**< 0: greedy */
  float top_p;             /**< nucleus within the top_k candidates; 1: off */
  uint32_t top_k;          /**< candidates kept, 1..256 */
  uint32_t
      frozen_tokens; /**< GENERATE: so many tokens of the prompt are those that FREEZE has kept; 0: none */
  uint64_t seed;
} host_request_t; /* 48 bytes */

enum {
  HOST_COMPLETION_READY = 1,
  HOST_COMPLETION_PREFILL_DONE = 2,
  HOST_COMPLETION_TOKEN = 3,
  HOST_COMPLETION_DONE = 4,
  HOST_COMPLETION_ERROR = 5,
  /** The chip wants `token` bytes of what belongs into its HBF, from chip address {reserved[0], reserved[1]}
   * (low word first) on, at mailbox RAM offset `position`. reserved[2] = 0: one piece; else pages of 4096
   * bytes, so many bytes apart at the source. The host answers with HOST_REQUEST_LOADED and the same id. */
  HOST_COMPLETION_LOAD = 6,
  HOST_COMPLETION_PROGRESS = 7 /**< of loading: `token` percent, `position` MiB so far */
};

/** Why a request ended (DONE) or failed (ERROR). */
enum {
  HOST_STATUS_OK = 0,           /**< eos or max_new_tokens */
  HOST_STATUS_CONTEXT_FULL = 1, /**< the KV cache has no room; tokens so far are valid */
  HOST_STATUS_BAD_REQUEST = 2,
  HOST_STATUS_HARDWARE = 3,   /**< an engine, memory or link error that could not be recovered; see UART */
  HOST_STATUS_UNSUPPORTED = 4 /**< model or configuration the firmware refuses; see UART */
};

typedef struct {
  uint32_t type;
  uint32_t id;
  uint32_t token;       /**< TOKEN: the token id */
  uint32_t position;    /**< TOKEN: its position in the sequence */
  uint32_t status;      /**< DONE, ERROR */
  uint32_t reserved[3]; /**< LOAD: source address, stride */
} host_completion_t;    /* 32 bytes */

#ifdef __cplusplus
}
#endif
#endif
