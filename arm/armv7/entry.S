// Where a loader enters a 32-bit image, and the header of a zImage by which it knows one (Linux kernel,
// Documentation/arch/arm/booting.rst): SVC mode, MMU and data cache off, interrupts masked, r2 = device tree.
//
// The image is linked for one address, and says so as its start.

  .syntax unified
  .arm
  .arch armv7-a
  .arch_extension virt
  .fpu neon-vfpv4

  .section .head, "ax"
  .globl so_image_start
so_image_start:
  .rept 8
  mov r0, r0
  .endr
  b enter
  .word 0x016f2818
  .word so_image_start
  .word so_image_file_end
enter:
  cpsid aif
  mov r4, r2
  adr r1, so_image_start
  ldr r2, =so_image_start
  cmp r1, r2
  bne misplaced
  ldr r1, =so_image_file_end        // Page-aligned, as so_image_end is.
  ldr r2, =so_image_end
  mov r3, #0
1:
  str r3, [r1], #4
  cmp r1, r2
  blo 1b
  mrc p15, 0, r1, c1, c0, 2         // CPACR: floating point and vectors are ours.
  orr r1, r1, #(15 << 20)
  mcr p15, 0, r1, c1, c0, 2
  isb
  mov r1, #0x40000000               // FPEXC.EN
  vmsr fpexc, r1
  ldr r1, =so_arm_vectors
  mcr p15, 0, r1, c12, c0, 0        // VBAR
  isb
  // Exceptions come with a stack pointer of their mode: it points to where the registers go.
  ldr r1, =so_arm_exception_frame
  cps #0x11
  mov sp, r1
  cps #0x12
  mov sp, r1
  cps #0x17
  mov sp, r1
  cps #0x1b
  mov sp, r1
  cps #0x13
  ldr sp, =so_arm_boot_stack_end
  mov r11, #0
  mov lr, #0
  mov r0, r4
  bl so_arm_early
  mov r0, r4
  bl so_arm_boot
  udf #0

// Loaded where it cannot run. There is no console yet; the end of the machine is all that can be shown.
misplaced:
  ldr r0, =0x84000008               // PSCI SYSTEM_OFF.
  hvc #0
2:
  wfi
  b 2b
  .ltorg

// Lays out so_arm_frame (exception.c): r0-r12, then the number of the vector, the return address and the
// status of what was interrupted. Goes on in that mode with a stack of its own.
  .macro vector number
  .balign 32
  stmia sp, {r0-r12}
  mov r0, #\number
  b exception
  .endm

  .section .text.vectors, "ax"
  .balign 32
  .globl so_arm_vectors
so_arm_vectors:
  b vector0
  b vector1
  b vector2
  b vector3
  b vector4
  b vector5
  b vector6
  b vector7
vector0:
  b vector0                         // Reset: not taken here.
vector1:
  vector 1
vector2:
  ldr sp, =so_arm_exception_frame   // A call of SVC: the mode is the program's own, whose stack is lost.
  vector 2
vector3:
  vector 3
vector4:
  vector 4
vector5:
  vector 5
vector6:
  vector 6
vector7:
  vector 7

exception:
  mov r5, sp
  mrs r1, spsr
  str r0, [r5, #52]
  str lr, [r5, #56]
  str r1, [r5, #60]
  mrs r2, cpsr
  cps #0x13                         // The stack pointer and link register of the program.
  mov r3, sp
  mov r4, lr
  msr cpsr_c, r2
  str r3, [r5, #64]
  str r4, [r5, #68]
  mrc p15, 0, r1, c5, c0, 0         // DFSR, DFAR, IFSR, IFAR
  str r1, [r5, #72]
  mrc p15, 0, r1, c6, c0, 0
  str r1, [r5, #76]
  mrc p15, 0, r1, c5, c0, 1
  str r1, [r5, #80]
  mrc p15, 0, r1, c6, c0, 2
  str r1, [r5, #84]
  ldr sp, =so_arm_exception_stack_end
  mov r11, #0
  mov r0, r5
  bl so_arm_exception
  udf #0
  .ltorg
