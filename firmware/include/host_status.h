/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/** @file What the host is told of a status: the same on the chips and in the host reference. */
#ifndef MEMWALL_HOST_STATUS_H
#define MEMWALL_HOST_STATUS_H

#include "host_protocol.h"
#include "status.h"

static inline uint32_t host_status(status_t status) {
  switch (status) {
    case STATUS_OK:
      return HOST_STATUS_OK;
    case STATUS_CONTEXT_FULL:
      return HOST_STATUS_CONTEXT_FULL;
    case STATUS_BAD_REQUEST:
      return HOST_STATUS_BAD_REQUEST;
    case STATUS_UNSUPPORTED:
      return HOST_STATUS_UNSUPPORTED;
    default:
      return HOST_STATUS_HARDWARE;
  }
}

#endif
