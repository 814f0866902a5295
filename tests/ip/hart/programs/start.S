# SPDX-FileCopyrightText: The Memwall authors
# SPDX-License-Identifier: Apache-2.0
# Start-up of the bare test programs: stack, floating point on, main(), exit code to the HTIF mailbox.
  .section .text.start, "ax"
  .globl _start
_start:
  .option push
  .option norelax
  la gp, __global_pointer$
  .option pop
  la sp, _stack_top
  li t0, 0x2000            # mstatus.FS = initial
  csrs mstatus, t0
  la t0, trap
  csrw mtvec, t0
  call main
exit:
  slli a0, a0, 1
  ori a0, a0, 1
  la t0, tohost
  sd a0, 0(t0)
1:
  j 1b

  .align 2
trap:                       # an unexpected trap ends with code 64 + cause
  csrr a0, mcause
  addi a0, a0, 64
  j exit

  .section .tohost, "aw"
  .align 6
  .globl tohost
tohost:
  .dword 0
  .align 6
  .globl fromhost
fromhost:
  .dword 0
