// What works before memory and fibers: hypercalls, the shared page, the console; and the end.
#include <stdint.h>
#include <xen/hvm/params.h>
#include <xen/memory.h>
#include <xen/sched.h>

#include "base/mem.h"
#include "kernel/xen/devices/internal.h"
#include "kernel/xen/hypercall/arch.h"
#include "kernel/xen/hypercall/hypercall.h"

#define CONSOLE_PATIENCE_NS (2 * SO_NS_PER_S)

xen_domain xen_self;

// Xen puts its own page here; the one of ours is lost.
static uint8_t g_shared[SO_PAGE_LEN] __attribute__((aligned(4096)));

static struct shared_info *shared(void) { return (struct shared_info *)(void *)g_shared; }

// --- console --------------------------------------------------------------------------------

static void console_notify(void *ctx) {
  (void)ctx;
  so_xen_event_send(xen_self.console_port);
}

static void console_pause(void *ctx) {
  (void)ctx;
  const evtchn_port_t port = xen_self.console_port;
  // Its bit would end the sleep at once; what it stands for is looked at after it.
  (void)so_xen_events_scan(&xen_self.events);
  so_xen_arch_wait(shared(), &port, 1, so_machine_now_ns() + SO_NS_PER_MS);
}

static uint64_t console_now(void *ctx) {
  (void)ctx;
  return so_machine_now_ns();
}

static void attach_console(void) {
  uint64_t frame = 0;
  uint64_t port = 0;
  xen_self.console_event = XEN_NO_EVENT;
  if (!so_xen_param(HVM_PARAM_CONSOLE_PFN, &frame) || frame == 0 ||
      !so_xen_param(HVM_PARAM_CONSOLE_EVTCHN, &port) || port == 0 || port >= SO_XEN_PORT_MAX) {
    so_xen_console_attach(&xen_self.console, NULL);
    return;
  }
  xen_self.console_port = (uint32_t)port;
  so_xen_console_attach(&xen_self.console,
                        (struct xencons_interface *)(uintptr_t)(frame * SO_PAGE_LEN));
  // A full table would only mean that typing does not end a sleep.
  (void)!so_ok(so_xen_events_add(&xen_self.events, xen_self.console_port, NULL,
                                 &xen_self.console_event));
}

bool xen_attach(void) {
  if (!so_xen_map(XENMAPSPACE_shared_info, 0, g_shared)) {
    return false;
  }
  so_xen_arch_attach(shared());
  so_xen_events_attach(&xen_self.events, shared());
  attach_console();
  return true;
}

bool so_devices_early(const so_machine_boot *boot) {
  if (!so_xen_arch_begin(boot)) {
    return false;
  }
  for (size_t i = 0; i < boot->ram_count; i++) {
    xen_self.ram_len += boot->ram[i].len;
  }
  so_xen_events_init(&xen_self.events, NULL, so_xen_arch_masked());
  const so_xen_console_ops ops = {console_notify, console_pause, console_now, NULL};
  so_xen_console_init(&xen_self.console, &ops, CONSOLE_PATIENCE_NS);
  return xen_attach();
}

// A domain that was started without dom0 has no ring; it may have a UART that Xen emulates.
void so_devices_console_write(so_bytes text) {
  if (xen_self.console.ring == NULL) {
    so_machine_debug_write(text);
    return;
  }
  so_xen_console_write(&xen_self.console, text);
}

size_t so_devices_console_read(uint8_t *out, size_t cap) {
  return so_xen_console_read(&xen_self.console, out, cap);
}

void xen_say(const char *a, const char *b) {
  so_devices_console_write(so_str("xen: "));
  if (a != NULL) {
    so_devices_console_write(so_str(a));
    so_devices_console_write(so_str(": "));
  }
  so_devices_console_write(so_str(b));
  so_devices_console_write(so_str("\n"));
}

// --- time -----------------------------------------------------------------------------------

void so_devices_wait(uint64_t deadline_ns) {
  if (so_xen_events_any(&xen_self.events)) {
    return;
  }
  evtchn_port_t ports[SO_XEN_EVENTS_MAX];
  const size_t count = so_xen_events_ports(&xen_self.events, ports);
  so_xen_arch_wait(shared(), ports, count, deadline_ns);
}

int64_t so_devices_unix_ns(void) {
  const struct shared_info *const s = shared();
  uint64_t system_ns = 0;
  if (xen_self.events.shared == NULL || !so_xen_arch_system_ns(s, &system_ns)) {
    return INT64_MIN;
  }
  // wc_version is odd while Xen writes. It does so when somebody sets the host's clock.
  for (int i = 0; i < 1000; i++) {
    const uint32_t before = __atomic_load_n(&s->wc_version, __ATOMIC_ACQUIRE);
    const uint64_t high = s->wc_sec_hi;
    const uint64_t seconds = high << 32 | s->wc_sec;
    const uint64_t ns = s->wc_nsec;
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    if ((before & 1u) != 0 || __atomic_load_n(&s->wc_version, __ATOMIC_RELAXED) != before) {
      continue;
    }
    // Up to the year 2200: what is more would overflow, and is nonsense.
    if (seconds == 0 || seconds > UINT64_C(7258118400) || ns >= SO_NS_PER_S) {
      return INT64_MIN;
    }
    return (int64_t)(seconds * SO_NS_PER_S + ns + system_ns);
  }
  return INT64_MIN;
}

// --- the end --------------------------------------------------------------------------------

static unsigned reason_of(so_end how) {
  switch (how) {
    case SO_END_POWEROFF:
      return SHUTDOWN_poweroff;
    case SO_END_REBOOT:
      return SHUTDOWN_reboot;
    case SO_END_CRASH:
      break;
  }
  return SHUTDOWN_crash;
}

_Noreturn void so_devices_end(so_end how) {
  (void)so_xen_console_flush(&xen_self.console);
  (void)so_xen_shutdown(reason_of(how));
  so_machine_end(how);
}
