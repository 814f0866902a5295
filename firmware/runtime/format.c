/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/format.h"

#include <stdbool.h>

typedef struct {
  char* out;
  uint32_t size;
  uint32_t length;
} buffer_t;

static void put(buffer_t* b, char c) {
  if (b->length + 1 < b->size) b->out[b->length++] = c;
}

static void put_number(buffer_t* b, uint64_t value, uint32_t base, uint32_t width, char fill) {
  char digits[24];
  uint32_t n = 0;
  do {
    digits[n++] = "0123456789abcdef"[value % base];
    value /= base;
  } while (value != 0);
  for (; width > n; --width) put(b, fill);
  while (n != 0) put(b, digits[--n]);
}

uint32_t format_line(char* out, uint32_t size, const char* format, va_list args) {
  buffer_t b = {.out = out, .size = size};
  for (; *format != 0; ++format) {
    if (*format != '%') {
      put(&b, *format);
      continue;
    }
    ++format;
    const char fill = *format == '0' ? '0' : ' ';
    uint32_t width = 0, longs = 0;
    for (; *format >= '0' && *format <= '9'; ++format) width = width * 10u + (uint32_t)(*format - '0');
    for (; *format == 'l'; ++format) ++longs;
    switch (*format) {
      case 's':
        for (const char* s = va_arg(args, const char*); *s != 0; ++s) put(&b, *s);
        break;
      case 'c':
        put(&b, (char)va_arg(args, int));
        break;
      case 'd': {
        const int64_t value = longs != 0 ? va_arg(args, long long) : va_arg(args, int);
        if (value < 0) put(&b, '-');
        put_number(&b, value < 0 ? 0u - (uint64_t)value : (uint64_t)value, 10, width, fill);
        break;
      }
      case 'u':
      case 'x': {
        const uint64_t value = longs != 0 ? va_arg(args, unsigned long long) : va_arg(args, unsigned);
        put_number(&b, value, *format == 'x' ? 16 : 10, width, fill);
        break;
      }
      case 0:
        --format;
        break;
      default:
        put(&b, *format);
        break;
    }
  }
  if (size != 0) out[b.length] = 0;
  return b.length;
}
