// Time by the generic timer's virtual counter, which a hypervisor keeps going evenly, and sleeping until a tick
// of it. The wall clock is the PL031's, where there is one.

#include "arm/machine/internal.h"
#include "arm/ticks/ticks.h"
#include "kernel/ports/clock.h"

#define PL031_DATA 0x00u

static so_ticks ticks;
static uint64_t entry_ticks;
static int64_t unix_offset_ns = INT64_MIN;  // Added to so_machine_now_ns.

void arm_time_init(void) {
  so_ticks_init(&ticks, so_cpu_counter_hz());
  so_cpu_timer_off();
  if (arm_machine.rtc.len != 0) {
    const uint32_t seconds = so_cpu_read32((uintptr_t)arm_machine.rtc.base + PL031_DATA);
    unix_offset_ns = (int64_t)seconds * (int64_t)SO_NS_PER_S - (int64_t)so_machine_now_ns();
  }
}

void arm_time_entry(void) { entry_ticks = so_cpu_counter(); }

uint64_t so_machine_since_entry_ns(void) {
  return so_machine_now_ns() - so_ticks_ns(&ticks, entry_ticks);
}

uint64_t so_machine_ticks(void) { return so_cpu_counter(); }

uint64_t so_machine_now_ns(void) { return so_ticks_ns(&ticks, so_cpu_counter()); }

int64_t so_machine_unix_ns(void) {
  return unix_offset_ns == INT64_MIN ? INT64_MIN : unix_offset_ns + (int64_t)so_machine_now_ns();
}

void so_machine_wait(uint64_t deadline_ns) {
  if (deadline_ns != SO_NEVER) {
    if (deadline_ns <= so_machine_now_ns()) {
      return;
    }
    so_cpu_timer_at(so_ticks_at(&ticks, deadline_ns));
  }
  so_cpu_sleep();
  so_cpu_timer_off();
  arm_gic_take_all();
}
