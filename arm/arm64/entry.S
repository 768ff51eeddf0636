// Where a loader enters an arm64 image, and the header by which it knows one (Linux kernel,
// Documentation/arch/arm64/booting.rst): MMU and data cache off, interrupts masked, x0 = device tree.
//
// The image is linked for one address. text_offset is 2 MiB, so that Xen (memory at 1 GiB) and QEMU's `virt`,
// which both add it to the beginning of memory, come to the same one.

  .section .head, "ax"
  .globl so_image_start
so_image_start:
  b enter
  .long 0
  .quad 0x200000                    // text_offset
  .quad so_image_size               // With what is cleared here.
  .quad 0xa                         // Little-endian, pages of 4 KiB, anywhere in memory.
  .quad 0, 0, 0
  .ascii "ARM\x64"
  .long 0

enter:
  msr daifset, #15
  mov x19, x0
  adr x1, so_image_start
  ldr x2, =so_image_start
  cmp x1, x2
  b.ne misplaced
  adrp x1, so_image_file_end        // Page-aligned, as so_image_end is.
  adrp x2, so_image_end
1:
  stp xzr, xzr, [x1], #16
  cmp x1, x2
  b.lo 1b
  mov x1, #(3 << 20)                // CPACR_EL1.FPEN: floating point and vectors are ours.
  msr cpacr_el1, x1
  adrp x1, so_arm_vectors
  add x1, x1, :lo12:so_arm_vectors
  msr vbar_el1, x1
  isb
  adrp x1, so_arm_boot_stack_end
  add x1, x1, :lo12:so_arm_boot_stack_end
  mov sp, x1
  mov x29, xzr
  mov x30, xzr
  mov x0, x19
  bl so_arm_early
  mov x0, x19
  bl so_arm_boot
  brk #1

// Loaded where it cannot run. There is no console yet; the end of the machine is all that can be shown.
misplaced:
  movz w0, #0x8400, lsl #16
  movk w0, #0x0008                  // PSCI SYSTEM_OFF.
  hvc #0
2:
  wfi
  b 2b
  .ltorg

// One entry a kind of exception (Arm ARM D1.3.1.3). x0 and x1 are put aside in registers that nobody uses.
  .macro vector number
  .balign 128
  msr tpidr_el1, x0
  mov x0, #\number
  b exception
  .endm

  .section .text.vectors, "ax"
  .balign 2048
  .globl so_arm_vectors
so_arm_vectors:
  vector 0
  vector 1
  vector 2
  vector 3
  vector 4
  vector 5
  vector 6
  vector 7
  vector 8
  vector 9
  vector 10
  vector 11
  vector 12
  vector 13
  vector 14
  vector 15

// Lays out so_arm_frame (exception.c), and goes on with a stack of its own: the other one may be what
// failed.
  .balign 128
exception:
  msr tpidrro_el0, x1
  adrp x1, so_arm_exception_frame
  add x1, x1, :lo12:so_arm_exception_frame
  stp x2, x3, [x1, #16]
  stp x4, x5, [x1, #32]
  stp x6, x7, [x1, #48]
  stp x8, x9, [x1, #64]
  stp x10, x11, [x1, #80]
  stp x12, x13, [x1, #96]
  stp x14, x15, [x1, #112]
  stp x16, x17, [x1, #128]
  stp x18, x19, [x1, #144]
  stp x20, x21, [x1, #160]
  stp x22, x23, [x1, #176]
  stp x24, x25, [x1, #192]
  stp x26, x27, [x1, #208]
  stp x28, x29, [x1, #224]
  mov x2, sp
  stp x30, x2, [x1, #240]
  mrs x2, tpidr_el1
  mrs x3, tpidrro_el0
  stp x2, x3, [x1]
  mrs x2, elr_el1
  mrs x3, spsr_el1
  stp x2, x3, [x1, #256]
  mrs x2, esr_el1
  mrs x3, far_el1
  stp x2, x3, [x1, #272]
  str x0, [x1, #288]
  adrp x2, so_arm_exception_stack_end
  add x2, x2, :lo12:so_arm_exception_stack_end
  mov sp, x2
  mov x29, xzr
  mov x0, x1
  bl so_arm_exception
  brk #1
