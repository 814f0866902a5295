/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * How every firmware function that can fail says so. A status must be used: MUST_USE makes the compiler
 * refuse a call that drops it.
 */
#ifndef MEMWALL_STATUS_H
#define MEMWALL_STATUS_H

#define MUST_USE __attribute__((warn_unused_result))

typedef enum {
  STATUS_OK = 0,
  STATUS_BAD_ARGUMENT, /**< a driver was called outside its contract; nothing was written */
  STATUS_NOT_FOUND,    /**< the block's ID register is not what the driver expects */
  STATUS_FULL,         /**< a queue or FIFO has no room now */
  STATUS_TIMEOUT,      /**< the hardware did not answer in the stated time */
  STATUS_HARDWARE,     /**< an engine, a memory or a link reported an error that retries did not cure */
  STATUS_UNSUPPORTED,  /**< model or configuration that this firmware refuses; the console says why */
  STATUS_CONTEXT_FULL, /**< the KV cache has no room for another token */
  STATUS_BAD_REQUEST,  /**< a request field is outside its range */
  STATUS_STOPPED,      /**< chip 0 told its peers to stop */
  STATUS_RESET         /**< the device was reset or lost its power under the operation */
} status_t;

#endif
