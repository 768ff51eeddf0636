// Names of the run-time ABI (Arm IHI 0043) over our own functions. Clang's calls for Cortex-A7 are these; 32-bit
// division is an instruction there, the others stand for code that is compiled for less.

  .syntax unified
  .arm
  .cpu cortex-a7

  .macro function name
  .section .text.\name, "ax"
  .globl \name
  .type \name, %function
  .p2align 2
\name:
  .endm

// The same arguments as C's.
  .macro alias name, target
  function \name
  b \target
  .endm

  alias __aeabi_memcpy, memcpy
  alias __aeabi_memcpy4, memcpy
  alias __aeabi_memcpy8, memcpy
  alias __aeabi_memmove, memmove
  alias __aeabi_memmove4, memmove
  alias __aeabi_memmove8, memmove

// (to, length, byte): the other way round than memset.
  .macro set name
  function \name
  mov r3, r1
  mov r1, r2
  mov r2, r3
  b memset
  .endm

  set __aeabi_memset
  set __aeabi_memset4
  set __aeabi_memset8

// (to, length).
  .macro clear name
  function \name
  mov r2, r1
  mov r1, #0
  b memset
  .endm

  clear __aeabi_memclr
  clear __aeabi_memclr4
  clear __aeabi_memclr8

  function __aeabi_uidiv
  udiv r0, r0, r1
  bx lr

  function __aeabi_idiv
  sdiv r0, r0, r1
  bx lr

// The quotient in r0, the remainder in r1.
  function __aeabi_uidivmod
  udiv r2, r0, r1
  mls r1, r2, r1, r0
  mov r0, r2
  bx lr

  function __aeabi_idivmod
  sdiv r2, r0, r1
  mls r1, r2, r1, r0
  mov r0, r2
  bx lr

// (n in r0:r1, by in r2:r3) to quotient r0:r1 and remainder r2:r3. The C functions return a struct through a
// pointer in r0, and take the divisor, the second pair of words, from the stack.
  .macro divide name, target
  function \name
  push {r11, lr}
  mov r11, sp
  sub sp, sp, #24
  strd r2, r3, [sp]
  mov r2, r0
  mov r3, r1
  add r0, sp, #8
  bl \target
  ldrd r0, r1, [sp, #8]
  ldrd r2, r3, [sp, #16]
  mov sp, r11
  pop {r11, pc}
  .endm

  divide __aeabi_uldivmod, so_divide
  divide __aeabi_ldivmod, so_divide_signed
