#ifndef SO_KERNEL_XEN_HYPERCALL_ARCH_H_
#define SO_KERNEL_XEN_HYPERCALL_ARCH_H_

// What differs between architectures under Xen. One file each implements all of it: x86.c, and one
// of arm/.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/event_channel.h>

#include "kernel/machine/machine.h"

#ifdef __cplusplus
extern "C" {
#endif

// so_xen_arch_begin finds Xen and makes hypercalls possible. False: this is not Xen.
bool so_xen_arch_begin(const so_machine_boot *boot);

// so_xen_arch_resume does again what another domain needs.
void so_xen_arch_resume(void);

// so_xen_arch_attach begins to use what stands in a page of shared info that was just mapped: the
// clock.
void so_xen_arch_attach(const struct shared_info *shared);

// so_xen_arch_call is a hypercall: __HYPERVISOR_* of xen/xen.h. The result is negative for errors.
long so_xen_arch_call(unsigned number, uintptr_t a, uintptr_t b, uintptr_t c);

// so_xen_arch_masked: event channels stay masked, since so_xen_arch_wait needs no interrupt.
bool so_xen_arch_masked(void);

// so_xen_arch_wait sleeps until one of the ports is pending or `deadline_ns` (of so_machine_now_ns)
// has come. May return early.
void so_xen_arch_wait(struct shared_info *shared, const evtchn_port_t *ports, size_t count,
                      uint64_t deadline_ns);

// so_xen_arch_system_ns gives the time since Xen's boot, to which its wall clock is relative.
// False: not known.
bool so_xen_arch_system_ns(const struct shared_info *shared, uint64_t *out);

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_XEN_HYPERCALL_ARCH_H_
