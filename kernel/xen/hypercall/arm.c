// Xen on ARM: hypercalls by hvc, and waiting for the interrupt that stands for all event channels.
//
// Xen raises that interrupt (a private one, named in the device tree) when a port that is not
// masked becomes pending, once until evtchn_upcall_pending is cleared. It is masked at the
// processor as all are, and ends the sleep of so_machine_wait.

#include <stdint.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/xen.h>

#include "arm/machine/machine.h"
#include "kernel/xen/hypercall/arch.h"
#include "kernel/xen/hypercall/hypercall.h"

#define WORD_BITS (8 * sizeof(xen_ulong_t))

// Pages of Xen's lie outside of what the device tree calls memory.
static void reach(unsigned param) {
  uint64_t frame = 0;
  if (so_xen_param(param, &frame) && frame != 0 && frame < UINT64_MAX / SO_PAGE_LEN) {
    // Unreachable pages end in a page fault, whose report names the address.
    (void)so_arm_share(frame * SO_PAGE_LEN, SO_PAGE_LEN);
  }
}

bool so_xen_arch_begin(const so_machine_boot *boot) {
  (void)boot;
  if (!so_arm_machine_found()->xen.present) {
    return false;
  }
  so_xen_arch_resume();
  return true;
}

void so_xen_arch_resume(void) {
  reach(HVM_PARAM_CONSOLE_PFN);
  reach(HVM_PARAM_STORE_PFN);
}

void so_xen_arch_attach(const struct shared_info *shared) { (void)shared; }

// xen/arch-arm.h: the number in x16 or r12, arguments from x0 or r0; argument registers may change.
long so_xen_arch_call(unsigned number, uintptr_t a, uintptr_t b, uintptr_t c) {
#if defined(__aarch64__)
  register uintptr_t r0 __asm__("x0") = a;
  register uintptr_t r1 __asm__("x1") = b;
  register uintptr_t r2 __asm__("x2") = c;
  register uintptr_t call __asm__("x16") = number;
  __asm__ volatile("hvc #0xea1" : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(call) : : "x3", "x4", "memory");
#else
  register uintptr_t r0 __asm__("r0") = a;
  register uintptr_t r1 __asm__("r1") = b;
  register uintptr_t r2 __asm__("r2") = c;
  register uintptr_t call __asm__("r12") = number;
  __asm__ volatile(".arch_extension virt\n hvc #0xea1"
                   : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(call)
                   :
                   : "r3", "r4", "memory");
#endif
  return (long)r0;
}

bool so_xen_arch_masked(void) { return false; }

// The virtual counter begins with the domain, and Xen's wall clock on ARM is relative to that.
bool so_xen_arch_system_ns(const struct shared_info *shared, uint64_t *out) {
  (void)shared;
  *out = so_machine_now_ns();
  return true;
}

static bool is_pending(const struct shared_info *shared, evtchn_port_t port) {
  const xen_ulong_t word = __atomic_load_n(&shared->evtchn_pending[port / WORD_BITS], __ATOMIC_ACQUIRE);
  return (word >> port % WORD_BITS & 1) != 0;
}

// What becomes pending after the two words were cleared raises the interrupt anew, and before, is
// seen here.
void so_xen_arch_wait(struct shared_info *shared, const evtchn_port_t *ports, size_t count,
                      uint64_t deadline_ns) {
  struct vcpu_info *const vcpu = &shared->vcpu_info[0];
  __atomic_store_n(&vcpu->evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST);
  __atomic_store_n(&vcpu->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);
  for (size_t i = 0; i < count; i++) {
    if (is_pending(shared, ports[i])) {
      return;
    }
  }
  so_machine_wait(deadline_ns);
}
