// The local APIC's timer, and the I/O APICs: what ends a hlt on a machine without Xen. Intel SDM volume 3A,
// 11.5.4 (timer); 82093AA datasheet (I/O APIC).
//
// Every input of every I/O APIC but those of the timer, the keyboard and the clock comes in as an edge, to
// one vector whose handler does nothing. A driver acknowledges its device while it looks at its rings, so
// the next interrupt is an edge again, and one that comes between looking and waiting stays pending.

#include "kernel/ports/clock.h"
#include "kernel/x86/internal.h"

#define SPURIOUS 0xf0u
#define LVT_TIMER 0x320u
#define LVT_LINT0 0x350u
#define INITIAL_COUNT 0x380u
#define CURRENT_COUNT 0x390u
#define DIVIDE 0x3e0u

#define APIC_ENABLE 0x100u
#define MASKED 0x10000u
#define TIMER_DEADLINE 0x40000u
#define DIVIDE_BY_1 0xbu

#define GLOBAL_ENABLE (UINT64_C(1) << 11)
#define X2APIC (UINT64_C(1) << 10)

#define IO_APICS_MAX 2u
#define IO_APIC_INPUTS_MAX 64u

#define CPUID1_EDX_APIC (1u << 9)
#define CPUID1_ECX_TSC_DEADLINE (1u << 24)

uintptr_t x86_apic_at;

static bool present;
static bool has_deadline;
static uint64_t timer_hz;

static uint32_t get(uint32_t reg) { return x86_read32(x86_apic_at + reg); }
static void set(uint32_t reg, uint32_t v) { x86_write32(x86_apic_at + reg, v); }

// --- inputs -----------------------------------------------------------------------------------

// The interrupt controllers of a PC of 1981 stay silent.
static void mask_pic(void) {
  x86_out8(0x21, 0xff);
  x86_out8(0xa1, 0xff);
}

static void io_apic_set(uintptr_t at, uint32_t reg, uint32_t v) {
  x86_write32(at, reg);
  x86_write32(at + 0x10, v);
}

static bool is_wanted(unsigned controller, unsigned input) {
  return controller != 0 || (input > 2 && input != 8);
}

static void io_apic_init(unsigned controller) {
  const uintptr_t at = 0xfec00000u + controller * 0x10000u;
  x86_write32(at, 1);
  const uint32_t version = x86_read32(at + 0x10);
  const uint32_t inputs = (version >> 16 & 0xff) + 1;
  if (version == 0 || version == UINT32_MAX || inputs > IO_APIC_INPUTS_MAX) {
    return;
  }
  const uint32_t here = get(0x20) >> 24 << 24;
  for (uint32_t i = 0; i < inputs; i++) {
    io_apic_set(at, 0x11 + 2 * i, here);
    io_apic_set(at, 0x10 + 2 * i, is_wanted(controller, i) ? X86_VECTOR_DEVICE : MASKED);
  }
}

// --- timer ------------------------------------------------------------------------------------

#define SAMPLES 8u
#define LOOKS_MAX 1000000u

// Both counters at one moment: of several tries the one in which the least time passed between two reads.
static uint32_t sample(uint64_t *out_tsc) {
  uint64_t best = UINT64_MAX;
  uint32_t at = 0;
  for (unsigned i = 0; i < SAMPLES; i++) {
    const uint64_t before = x86_rdtsc();
    const uint32_t count = get(CURRENT_COUNT);
    const uint64_t took = x86_rdtsc() - before;
    if (took < best) {
      best = took;
      at = count;
      *out_tsc = before + took / 2;
    }
  }
  return at;
}

// A host that is busy may stop this processor at any point. So nothing waits for an end: both counters run on,
// and what counts is how far each has come.
uint64_t x86_apic_measure(uint32_t count) {
  uint64_t start_tsc = 0;
  uint64_t tsc = 0;
  set(INITIAL_COUNT, UINT32_MAX);
  const uint32_t start = sample(&start_tsc);
  uint32_t now = start;
  for (unsigned i = 0; i < LOOKS_MAX && start - now < count; i++) {
    now = sample(&tsc);
  }
  set(INITIAL_COUNT, 0);
  // It counts down, and stands still at 0.
  return now >= start || now == 0 ? 0 : (tsc - start_tsc) * count / (start - now);
}

static uint64_t find_timer_hz(void) {
  const x86_hypervisor kind = x86_hypervisor_kind();
  if (kind == X86_KVM || kind == X86_TCG) {
    return SO_NS_PER_S;  // QEMU's and KVM's count nanoseconds.
  }
  const uint32_t count = 100000;
  const uint64_t ticks = x86_apic_measure(count);
  return ticks == 0 ? SO_NS_PER_S : count * (x86_tsc_hz() / 1000) / (ticks / 1000 + 1);
}

void x86_apic_init(void) {
  const x86_cpuid_result one = x86_cpuid(1, 0);
  mask_pic();
  if ((one.d & CPUID1_EDX_APIC) == 0 || x86_hypervisor_kind() == X86_XEN) {
    return;
  }
  const uint64_t base = x86_rdmsr(X86_MSR_APIC_BASE);
  if ((base & X2APIC) != 0) {
    return;  // No loader leaves it so.
  }
  x86_wrmsr(X86_MSR_APIC_BASE, base | GLOBAL_ENABLE);
  x86_apic_at = (uintptr_t)(base & UINT64_C(0xffffff000));
  present = true;
  set(SPURIOUS, APIC_ENABLE | X86_VECTOR_SPURIOUS);
  set(LVT_LINT0, MASKED);
  set(DIVIDE, DIVIDE_BY_1);
  set(LVT_TIMER, MASKED | X86_VECTOR_TIMER);
  has_deadline = (one.c & CPUID1_ECX_TSC_DEADLINE) != 0;
  for (unsigned i = 0; i < IO_APICS_MAX; i++) {
    io_apic_init(i);
  }
}

void x86_apic_start(void) {
  if (present) {
    timer_hz = find_timer_hz();
    set(LVT_TIMER, (has_deadline ? TIMER_DEADLINE : 0) | X86_VECTOR_TIMER);
  }
}

bool x86_apic_present(void) { return present; }

static uint64_t ticks_of(uint64_t ns, uint64_t hz) {
  const uint64_t seconds = ns / SO_NS_PER_S;
  const uint64_t rest = ns % SO_NS_PER_S;
  return seconds > 3600 ? 3600 * hz : seconds * hz + rest * (hz / 1000) / (SO_NS_PER_S / 1000);
}

bool x86_apic_arm(uint64_t ns) {
  if (!present) {
    return false;
  }
  if (has_deadline) {
    const uint64_t at = ns == UINT64_MAX ? 0 : x86_rdtsc() + ticks_of(ns, x86_tsc_hz()) + 1;
    x86_wrmsr(X86_MSR_TSC_DEADLINE, at);
    return true;
  }
  const uint64_t ticks = ns == UINT64_MAX ? 0 : ticks_of(ns, timer_hz) + 1;
  set(INITIAL_COUNT, ticks < UINT32_MAX ? (uint32_t)ticks : UINT32_MAX);
  return true;
}
