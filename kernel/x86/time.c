// Time. Every source is brought into the form of a pvclock: a moment, and how fast the timestamp counter
// runs since. On Xen the frequency stands in CPUID until kernel/xen has mapped the real clock; KVM writes
// one for us; else it comes from CPUID leaf 0x15, or a timer of known frequency measures it: QEMU's local APIC,
// for 2 ms, or the PIT, for 5 ms.

#include "base/assert.h"
#include "kernel/ports/clock.h"
#include "kernel/x86/internal.h"
#include "kernel/x86/x86.h"

#define PIT_HZ 1193182u
#define PIT_COUNT 5966u  // 5 ms.
#define PIT_LOOKS_MAX 400000u

#define KVM_FEATURE_CLOCK (1u << 3)
#define KVM_MSR_WALL_CLOCK 0x4b564d00u
#define KVM_MSR_SYSTEM_TIME 0x4b564d01u

static so_pvclock own __attribute__((aligned(64)));
static const volatile so_pvclock *source = &own;
static uint64_t offset_ns;  // Added to the source's time.
static uint64_t last_ns;
static int64_t unix_offset_ns = INT64_MIN;  // Added to so_machine_now_ns.
static uint64_t entry_ticks;

uint64_t so_machine_ticks(void) { return x86_rdtsc(); }

void x86_time_entry(void) { entry_ticks = x86_rdtsc(); }

uint64_t so_machine_since_entry_ns(void) {
  const uint64_t hz = x86_tsc_hz();
  const uint64_t ticks = x86_rdtsc() - entry_ticks;
  return ticks / hz * SO_NS_PER_S + ticks % hz * SO_NS_PER_S / hz;
}

uint64_t so_machine_now_ns(void) {
  uint64_t ns;
  if (so_pvclock_read(source, so_machine_ticks, &ns) && ns + offset_ns > last_ns) {
    last_ns = ns + offset_ns;
  }
  return last_ns;
}

void so_x86_use_pvclock(const volatile so_pvclock *clock) {
  const bool first = source == &own;
  // Later, the page of the source shows another domain's time already: what was shown last counts.
  const uint64_t before = first ? so_machine_now_ns() : last_ns;
  uint64_t ns;
  if (!so_pvclock_read(clock, so_machine_ticks, &ns)) {
    return;
  }
  source = clock;
  offset_ns = first ? 0 : before - ns;
  if (unix_offset_ns != INT64_MIN) {
    unix_offset_ns -= (int64_t)(so_machine_now_ns() - before);
  }
}

uint64_t so_x86_pvclock_of(uint64_t machine_ns) {
  return machine_ns == SO_NEVER ? SO_NEVER : machine_ns - offset_ns;
}

uint64_t x86_tsc_hz(void) { return so_pvclock_hz(source); }

// --- the frequency ----------------------------------------------------------------------------

static uint64_t hz_from_xen(void) {
  const uint32_t leaf = x86_hypervisor_leaf();
  return x86_hypervisor_kind() == X86_XEN && x86_cpuid(leaf, 0).a >= leaf + 3
             ? x86_cpuid(leaf + 3, 0).c * UINT64_C(1000)
             : 0;
}

static uint64_t hz_from_cpuid(void) {
  const x86_hypervisor kind = x86_hypervisor_kind();
  if (kind == X86_KVM || kind == X86_OTHER) {
    const uint32_t leaf = x86_hypervisor_leaf();
    if (leaf != 0 && x86_cpuid(leaf, 0).a >= leaf + 0x10) {
      return x86_cpuid(leaf + 0x10, 0).a * UINT64_C(1000);
    }
  }
  if (x86_cpuid(0, 0).a < 0x15) {
    return 0;
  }
  const x86_cpuid_result r = x86_cpuid(0x15, 0);
  return r.a == 0 || r.b == 0 ? 0 : (uint64_t)r.c * r.b / r.a;
}

// Channel 2 of the PIT counts down once; bit 5 of port 0x61 says when it is done.
static uint64_t hz_from_pit(void) {
  x86_out8(0x61, (uint8_t)((x86_in8(0x61) & 0xfc) | 1));
  x86_out8(0x43, 0xb0);
  x86_out8(0x42, PIT_COUNT & 0xff);
  const uint64_t start = x86_rdtsc();
  x86_out8(0x42, PIT_COUNT >> 8);
  unsigned looks = 0;
  while ((x86_in8(0x61) & 0x20) == 0 && looks < PIT_LOOKS_MAX) {
    looks++;
  }
  const uint64_t ticks = x86_rdtsc() - start;
  // A machine without a PIT reads all ones, at once.
  return looks < 4 || looks == PIT_LOOKS_MAX ? 0 : ticks * PIT_HZ / PIT_COUNT;
}

// QEMU's local APIC counts nanoseconds.
static uint64_t hz_from_apic(void) {
  const uint32_t count = 2000000;
  const x86_hypervisor kind = x86_hypervisor_kind();
  if (!x86_apic_present() || (kind != X86_KVM && kind != X86_TCG)) {
    return 0;
  }
  return x86_apic_measure(count) * (SO_NS_PER_S / count);
}

static void set_own(uint64_t hz) {
  own.ticks = x86_rdtsc();
  own.ns = 0;
  own.shift = 0;
  // A multiplier of 2^32 or more (below 1 GHz) does not fit: shift first.
  while (hz <= SO_NS_PER_S) {
    hz *= 2;
    own.shift++;
  }
  own.mul = (uint32_t)((SO_NS_PER_S << 32) / hz);
}

static bool use_kvm(void) {
  const uint32_t leaf = x86_hypervisor_leaf();
  if (x86_hypervisor_kind() != X86_KVM || (x86_cpuid(leaf + 1, 0).a & KVM_FEATURE_CLOCK) == 0) {
    return false;
  }
  static struct {
    volatile uint32_t version, seconds, nanoseconds;
  } wall __attribute__((aligned(16)));
  x86_wrmsr(KVM_MSR_SYSTEM_TIME, (uintptr_t)&own | 1);
  x86_wrmsr(KVM_MSR_WALL_CLOCK, (uintptr_t)&wall);
  uint64_t ns;
  if (!so_pvclock_read(&own, so_machine_ticks, &ns)) {
    return false;
  }
  if (wall.seconds != 0) {  // The wall clock when the system time was 0.
    unix_offset_ns = (int64_t)wall.seconds * (int64_t)SO_NS_PER_S + (int64_t)wall.nanoseconds;
  }
  return true;
}

void x86_time_init(void) {
  if (use_kvm()) {
    return;
  }
  uint64_t hz = hz_from_xen();
  hz = hz != 0 ? hz : hz_from_cpuid();
  hz = hz != 0 ? hz : hz_from_apic();
  hz = hz != 0 ? hz : hz_from_pit();
  set_own(hz > 10000000 ? hz : SO_NS_PER_S);
}

// --- the wall clock ---------------------------------------------------------------------------

int64_t so_machine_unix_ns(void) {
  static bool asked;
  if (unix_offset_ns == INT64_MIN && !asked && x86_hypervisor_kind() != X86_XEN) {
    asked = true;
    const int64_t seconds = x86_rtc_read();
    if (seconds != INT64_MIN) {
      unix_offset_ns = seconds * (int64_t)SO_NS_PER_S - (int64_t)so_machine_now_ns();
    }
  }
  return unix_offset_ns == INT64_MIN ? INT64_MIN : unix_offset_ns + (int64_t)so_machine_now_ns();
}

// --- waiting ----------------------------------------------------------------------------------

void so_machine_wait(uint64_t deadline_ns) {
  const uint64_t now = so_machine_now_ns();
  if (deadline_ns <= now) {
    return;
  }
  if (!x86_apic_arm(deadline_ns == SO_NEVER ? UINT64_MAX : deadline_ns - now)) {
    __asm__ volatile("pause");
    return;
  }
  // sti takes effect after the next instruction: nothing is lost between the two.
  __asm__ volatile("sti; hlt; cli" : : : "memory");
}
