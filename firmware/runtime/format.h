/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/** @file The few printf conversions that the console needs, without the C library's state. */
#ifndef MEMWALL_RUNTIME_FORMAT_H
#define MEMWALL_RUNTIME_FORMAT_H

#include <stdarg.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** %s %c %u %d %x %% with optional 0, width and l/ll; cuts at `size`. Returns the length written, without the
 * 0. */
uint32_t format_line(char* out, uint32_t size, const char* format, va_list args);

#ifdef __cplusplus
}
#endif
#endif
