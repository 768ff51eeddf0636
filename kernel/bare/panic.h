#ifndef SO_KERNEL_BARE_PANIC_H_
#define SO_KERNEL_BARE_PANIC_H_

#include "kernel/bare/internal.h"

// bare_panic_init says which machine a panic speaks of.
void bare_panic_init(const bare *b);

#endif  // SO_KERNEL_BARE_PANIC_H_
