// The hypercall page: executable and never written by us. Xen fills it when its address is written
// to the register that CPUID names. The image has room for it and no bytes (kernel/x86/image.lds).

    .section .code_room, "ax", @nobits
    .balign 4096
    .globl so_xen_hypercall_page
    .type so_xen_hypercall_page, @object
so_xen_hypercall_page:
    .skip 4096
    .size so_xen_hypercall_page, 4096

    .section .note.GNU-stack, "", @progbits
