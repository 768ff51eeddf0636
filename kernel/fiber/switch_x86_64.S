#if defined(__x86_64__)
// System V ABI. Callee-saved: rbx rbp r12-r15. The frame is described in context.c.
  .text
  .globl so_context_switch
  .type so_context_switch, @function
  .p2align 4
so_context_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  retq
  .size so_context_switch, .-so_context_switch

// r12 holds the entry and r13 its argument. The return address is undefined, so that a backtrace
// ends here.
  .globl so_context_entry
  .type so_context_entry, @function
  .p2align 4
so_context_entry:
  .cfi_startproc
  .cfi_undefined %rip
  xorl %ebp, %ebp
  movq %r13, %rdi
  callq *%r12
  ud2
  .cfi_endproc
  .size so_context_entry, .-so_context_entry
#endif
#if defined(__linux__) && defined(__ELF__)
  .section .note.GNU-stack, "", %progbits
#endif
