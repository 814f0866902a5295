/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/** @file Lines on the UART. */
#ifndef MEMWALL_RUNTIME_CONSOLE_H
#define MEMWALL_RUNTIME_CONSOLE_H

#include <stdarg.h>
#include <stdbool.h>

/** Longest line; the rest is cut. */
#define CONSOLE_LINE 240u

/** false (the state at boot): polls while the FIFO is full. true, once interrupts are set up: sleeps. */
void console_use_interrupts(bool use);
/** One line; adds the line end. */
void console_print(const char* format, ...) __attribute__((format(printf, 1, 2)));
void console_print_args(const char* format, va_list args);
/** Waits until everything has left the line. */
void console_flush(void);

#endif
