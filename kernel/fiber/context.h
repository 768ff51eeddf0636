#ifndef SO_KERNEL_FIBER_CONTEXT_H_
#define SO_KERNEL_FIBER_CONTEXT_H_

// The machine-dependent part: one switch, and a first frame to switch to.

#include <stddef.h>
#include <stdint.h>

// so_context_switch saves the callee-saved registers on the current stack and its pointer in
// `*save_sp`, then goes on where `load_sp` was saved. Floating-point control words are not part of
// a context: all fibers share them.
void so_context_switch(void **save_sp, void *load_sp);

// so_context_make writes a first frame below `top` (aligned to 16) and returns its stack pointer;
// switching to it calls `entry(arg)`, which must not return.
void *so_context_make(void *top, void (*entry)(void *arg), void *arg);

// Where a first frame returns to; never called from C.
void so_context_entry(void);

#endif  // SO_KERNEL_FIBER_CONTEXT_H_
