/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Reset and trap entry. Machine mode, interrupts off, one hart; code runs from ROM, data lives in the TCM. */
  .section .text.start, "ax"
  .global _start
_start:
  csrw mie, zero
  csrci mstatus, 8
  la t0, trap_entry
  csrw mtvec, t0
  .option push
  .option norelax
  la gp, __global_pointer$
  .option pop
  la sp, __stack_top
  li tp, 0

  /* Floating point on, round to nearest even, flags clear. */
  li t0, 0x6000
  csrc mstatus, t0
  li t0, 0x2000
  csrs mstatus, t0
  csrw fcsr, zero

  /* .data from ROM; all bounds are multiples of 8. */
  la t0, __data_load
  la t1, __data_start
  la t2, __data_end
1:
  bgeu t1, t2, 2f
  ld t3, 0(t0)
  sd t3, 0(t1)
  addi t0, t0, 8
  addi t1, t1, 8
  j 1b
2:
  la t1, __bss_start
  la t2, __bss_end
3:
  bgeu t1, t2, 4f
  sd zero, 0(t1)
  addi t1, t1, 8
  j 3b
4:
  call main
  tail boot_exit

  /* Saves what C may change, calls trap_handler(frame), restores, returns to mepc. */
  .balign 4
trap_entry:
  addi sp, sp, -256
  .irp n, 1,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
  sd x\n, (\n * 8)(sp)
  .endr
  mv a0, sp
  call trap_handler
  .irp n, 1,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
  ld x\n, (\n * 8)(sp)
  .endr
  addi sp, sp, 256
  mret
