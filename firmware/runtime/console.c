/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/console.h"

#include "drivers/uart.h"
#include "hal/event.h"
#include "map/memory_map.h"
#include "runtime/format.h"

static bool interrupts;

static void on_uart(void* context) {
  (void)context;
  uart_interrupt_when_idle(MAP_UART_BASE, false); /* the waiter looks again and asks again */
}

void console_use_interrupts(bool use) {
  if (use) event_attach(IRQ_UART, on_uart, 0);
  interrupts = use;
}

static void wait_idle(void) {
  if (!interrupts) return;
  uart_interrupt_when_idle(MAP_UART_BASE, true);
  (void)event_wait(EVENT_FOREVER);
}

static void put(char c) {
  while (uart_put(MAP_UART_BASE, (uint8_t)c) == STATUS_FULL) wait_idle();
}

void console_print_args(const char* format, va_list args) {
  char line[CONSOLE_LINE];
  format_line(line, sizeof line, format, args);
  for (const char* c = line; *c != 0; ++c) put(*c);
  put('\n');
}

void console_print(const char* format, ...) {
  va_list args;
  va_start(args, format);
  console_print_args(format, args);
  va_end(args);
}

void console_flush(void) {
  while (!uart_is_idle(MAP_UART_BASE)) wait_idle();
}
