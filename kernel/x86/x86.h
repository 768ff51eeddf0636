#ifndef SO_KERNEL_X86_X86_H_
#define SO_KERNEL_X86_X86_H_

// What a device family may tell this processor, beyond kernel/machine/machine.h.

#include <stdint.h>

#include "kernel/xen/pvclock/pvclock.h"

#ifdef __cplusplus
extern "C" {
#endif

// so_x86_use_pvclock makes `clock` the source of so_machine_now_ns: Xen's vcpu_info.time, once the shared
// page is mapped. It must stay where it is. The first time so_machine_now_ns becomes Xen's system time (it
// jumps forward); later, after a resume, it goes on from where it was, so that deadlines of Xen (absolute
// system time) are then `so_x86_pvclock_of(deadline)`.
void so_x86_use_pvclock(const volatile so_pvclock *clock);

// so_x86_pvclock_of turns a moment of so_machine_now_ns into one of the clock in use.
uint64_t so_x86_pvclock_of(uint64_t machine_ns);

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_X86_X86_H_
