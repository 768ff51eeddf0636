// The first instructions, and those of every exception.
//
// Entered as the PVH boot ABI says (Xen's docs/misc/pvh.pandoc): 32-bit protected mode, flat segments, no
// paging, the physical address of `struct hvm_start_info` in ebx. Low 4 GiB are mapped with pages of 2 MiB
// here, everything writable and executable; memory.c draws the real boundaries.

  .section .note.Xen, "a", @note
  .balign 4
  .long 4, 8, 18                    // Lengths of name and value; XEN_ELFNOTE_PHYS32_ENTRY.
  .asciz "Xen"
  .quad x86_start                   // QEMU reads 8 bytes, Xen takes 4 or 8.

  .section .text.entry, "ax"
  .code32
  .globl x86_start
x86_start:
  cld
  cli
  movl $x86_boot_stack_end, %esp
  movl $x86_pml4, %eax
  movl $x86_pdpt + 3, (%eax)
  movl $x86_pdpt, %eax
  movl $x86_pd + 3, %edx
  movl $4, %ecx
1:
  movl %edx, (%eax)
  addl $8, %eax
  addl $4096, %edx
  loop 1b
  movl $x86_pd, %eax
  movl $0x83, %edx                  // Present, writable, 2 MiB.
  movl $2048, %ecx
2:
  movl %edx, (%eax)
  addl $8, %eax
  addl $0x200000, %edx
  loop 2b
  movl %cr4, %eax
  orl $0x20, %eax                   // PAE.
  movl %eax, %cr4
  movl $x86_pml4, %eax
  movl %eax, %cr3
  movl $0xc0000080, %ecx            // EFER: LME.
  rdmsr
  orl $0x100, %eax
  wrmsr
  movl %cr0, %eax
  orl $0x80000000, %eax             // PG.
  movl %eax, %cr0
  lgdt boot_gdtr
  ljmp $8, $start64

  .code64
start64:
  movl $16, %eax
  movl %eax, %ds
  movl %eax, %es
  movl %eax, %ss
  xorl %eax, %eax
  movl %eax, %fs
  movl %eax, %gs
  // SSE, before any compiled code: EM off, MP on; OSFXSR and OSXMMEXCPT.
  movq %cr0, %rax
  andq $~0x0c, %rax
  orq $0x22, %rax
  movq %rax, %cr0
  movq %cr4, %rax
  orq $0x600, %rax
  movq %rax, %cr4
  xorl %ebp, %ebp
  movl %ebx, %edi
  callq x86_main
  ud2

  .balign 8
boot_gdt:
  .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff
boot_gdtr:
  .word 23
  .long boot_gdt

// x86_load_segments(gdtr, idtr, tss selector).
  .section .text.x86_load_segments, "ax"
  .globl x86_load_segments
  .type x86_load_segments, @function
x86_load_segments:
  lgdt (%rdi)
  lidt (%rsi)
  pushq $8
  leaq 1f(%rip), %rax
  pushq %rax
  lretq
1:
  movl $16, %eax
  movl %eax, %ds
  movl %eax, %es
  movl %eax, %ss
  ltr %dx
  retq
  .size x86_load_segments, .-x86_load_segments

// One stub a vector, 16 bytes each; processors push an error code for some of them only.
  .section .text.exceptions, "ax"
  .balign 16
  .globl x86_exception_stubs
x86_exception_stubs:
  vector = 0
  .rept 32
  .balign 16
  .if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30)
  pushq $0
  .endif
  pushq $vector
  jmp exception
  vector = vector + 1
  .endr

// Lays out `struct x86_frame` (exception.c), and stays on this stack.
  .balign 16
exception:
  cld
  pushq %r15
  pushq %r14
  pushq %r13
  pushq %r12
  pushq %r11
  pushq %r10
  pushq %r9
  pushq %r8
  pushq %rbp
  pushq %rdi
  pushq %rsi
  pushq %rdx
  pushq %rcx
  pushq %rbx
  pushq %rax
  movq %rsp, %rdi
  andq $-16, %rsp
  xorl %ebp, %ebp
  callq x86_exception
  ud2

// Interrupts only end a hlt: say that it was seen, and go on.
  .balign 16
  .globl x86_wake
x86_wake:
  pushq %rax
  movq x86_apic_at(%rip), %rax
  movl $0, 0xb0(%rax)               // The local APIC's EOI register.
  popq %rax
  iretq
  .balign 16
  .globl x86_spurious
x86_spurious:
  iretq

  .section .note.GNU-stack, "", %progbits
