// Xen on x86-64: the hypercall page, and waiting by SCHEDOP_poll.
//
// A PVH domain can wait with its interrupts masked: SCHEDOP_poll looks at the pending bits of the
// ports that it is given, whatever is masked, and takes an absolute time. So no vector, no local
// APIC and no timer are ever set up.

#include <stdint.h>
#include <xen/arch-x86/cpuid.h>
#include <xen/xen.h>

#include "kernel/ports/clock.h"
#include "kernel/x86/x86.h"
#include "kernel/xen/hypercall/arch.h"
#include "kernel/xen/hypercall/hypercall.h"
#include "kernel/xen/pvclock/pvclock.h"

#define LEAF_STEP 0x100u
#define LEAF_END 0x40010000u

// In x86_page.S: a page of the text, which Xen fills with its calls, 32 bytes each.
extern const uint8_t so_xen_hypercall_page[SO_PAGE_LEN];

_Static_assert(sizeof(struct vcpu_time_info) == sizeof(so_pvclock), "the same clock");

static uint32_t g_leaf;

static void cpuid(uint32_t leaf, uint32_t out[4]) {
  __asm__ volatile("cpuid"
                   : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3])
                   : "0"(leaf), "2"(0));
}

// find_leaf finds Xen's leaves (xen/arch-x86/cpuid.h): not the first ones where it shows those of
// another hypervisor too.
static uint32_t find_leaf(void) {
  for (uint32_t leaf = XEN_CPUID_FIRST_LEAF; leaf < LEAF_END; leaf += LEAF_STEP) {
    uint32_t r[4];
    cpuid(leaf, r);
    if (r[1] == XEN_CPUID_SIGNATURE_EBX && r[2] == XEN_CPUID_SIGNATURE_ECX &&
        r[3] == XEN_CPUID_SIGNATURE_EDX && r[0] >= leaf + 2) {
      return leaf;
    }
  }
  return 0;
}

static void fill_page(void) {
  uint32_t r[4];
  cpuid(g_leaf + 2, r);
  const uint64_t at = (uintptr_t)so_xen_hypercall_page;
  __asm__ volatile("wrmsr" : : "c"(r[1]), "a"((uint32_t)at), "d"((uint32_t)(at >> 32)) : "memory");
}

bool so_xen_arch_begin(const so_machine_boot *boot) {
  (void)boot;
  g_leaf = find_leaf();
  if (g_leaf == 0) {
    return false;
  }
  fill_page();
  return true;
}

void so_xen_arch_resume(void) { fill_page(); }

static const volatile so_pvclock *clock_of(const struct shared_info *shared) {
  return (const volatile so_pvclock *)(const void *)&shared->vcpu_info[0].time;
}

void so_xen_arch_attach(const struct shared_info *shared) {
  so_x86_use_pvclock(clock_of(shared));
}

long so_xen_arch_call(unsigned number, uintptr_t a, uintptr_t b, uintptr_t c) {
  long result;
  const uint8_t *const entry = so_xen_hypercall_page + (size_t)number * 32;
  __asm__ volatile("call *%[entry]"
                   : "=a"(result), "+D"(a), "+S"(b), "+d"(c)
                   : [entry] "r"(entry)
                   : "rcx", "r8", "r9", "r10", "r11", "memory", "cc");
  return result;
}

bool so_xen_arch_masked(void) { return true; }

static uint64_t ticks(void) { return __builtin_ia32_rdtsc(); }

bool so_xen_arch_system_ns(const struct shared_info *shared, uint64_t *out) {
  return so_pvclock_read(clock_of(shared), ticks, out);
}

void so_xen_arch_wait(struct shared_info *shared, const evtchn_port_t *ports, size_t count,
                      uint64_t deadline_ns) {
  uint64_t timeout_ns = 0;
  if (deadline_ns != SO_NEVER) {
    // The two clocks start at different moments, and Xen's changes where a domain is restored.
    const uint64_t now_ns = so_machine_now_ns();
    uint64_t system_ns = 0;
    if (deadline_ns <= now_ns || !so_xen_arch_system_ns(shared, &system_ns)) {
      return;
    }
    timeout_ns = system_ns + (deadline_ns - now_ns);
  }
  (void)so_xen_poll(ports, count, timeout_ns);
}
