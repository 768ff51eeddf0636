#if defined(__arm__)
// AAPCS. Callee-saved: r4-r11, and d8-d15 where there is a floating-point unit. The frame is
// described in context.c; the word of padding keeps the stack aligned to 8.
  .syntax unified
  .arm
  .text
  .globl so_context_switch
  .type so_context_switch, %function
  .p2align 2
so_context_switch:
  sub sp, sp, #4
  push {r4-r11, lr}
#if defined(__ARM_FP)
  vpush {d8-d15}
#endif
  str sp, [r0]
  mov sp, r1
#if defined(__ARM_FP)
  vpop {d8-d15}
#endif
  pop {r4-r11, lr}
  add sp, sp, #4
  bx lr
  .size so_context_switch, .-so_context_switch

// r4 holds the argument and r5 the entry.
  .globl so_context_entry
  .type so_context_entry, %function
  .p2align 2
so_context_entry:
  mov r11, #0
  mov lr, #0
  mov r0, r4
  blx r5
  udf #0
  .size so_context_entry, .-so_context_entry
#endif
#if defined(__linux__) && defined(__ELF__)
  .section .note.GNU-stack, "", %progbits
#endif
