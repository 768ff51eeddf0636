// The hypercall page: executable and never written by us. Xen fills it when its address is written
// to the register that CPUID names; until then it traps.

    .section .text.so_xen_hypercall_page, "ax", @progbits
    .balign 4096
    .globl so_xen_hypercall_page
    .type so_xen_hypercall_page, @object
so_xen_hypercall_page:
    .fill 4096, 1, 0xcc
    .size so_xen_hypercall_page, 4096

    .section .note.GNU-stack, "", @progbits
