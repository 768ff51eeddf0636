// Suspend, and what follows in another domain: of this one nothing is left but memory and
// processor.
#include <stdint.h>
#include <xen/sched.h>

#include "kernel/xen/devices/internal.h"
#include "kernel/xen/hypercall/arch.h"
#include "kernel/xen/hypercall/hypercall.h"

#define QUIET_NS (10 * SO_NS_PER_S)

static void tell_devices(void) {
  for (size_t i = 0; i < XEN_NET_MAX && xen_self.nets[i] != NULL; i++) {
    so_device_resumed(&xen_self.nets[i]->device);
  }
  for (size_t i = 0; i < XEN_BLOCK_MAX && xen_self.blocks[i] != NULL; i++) {
    so_device_resumed(&xen_self.blocks[i]->device);
  }
}

// rejoin sets up again what another domain does not have. Without any of it nothing can go on.
static void rejoin(void) {
  so_xen_arch_resume();
  if (!xen_attach()) {
    so_machine_panic("after a resume: Xen does not give its shared page");
  }
  struct xenstore_domain_interface *ring = NULL;
  if (!xen_attach_store(&ring)) {
    so_machine_panic("after a resume: there is no xenstore for this domain");
  }
  if (!so_ok(so_grant_renew(&xen_self.grants))) {
    so_machine_panic("after a resume: Xen does not give the grant table");
  }
  // Before any fiber runs: rings of before belong to nobody.
  tell_devices();
  so_store_resume(&xen_self.store, ring);
}

// suspended lets the host have the domain. False: this is still the same one (a checkpoint, or a
// migration that failed). Xen's answer alone does not tell: the host changes it only for domains
// that take interrupts from event channels. So a channel is left behind, which another domain does
// not have.
static bool suspended(void) {
  uint32_t marker = 0;
  const bool marked = so_xen_event_open(DOMID_SELF, &marker);
  // What the clock showed last is where it goes on.
  (void)so_machine_now_ns();
  const long how = so_xen_shutdown(SHUTDOWN_suspend);
  if (how < 0) {
    xen_say(NULL, "Xen refuses to suspend");
  }
  const bool same = how != 0 || (marked && so_xen_event_is_open(marker));
  if (same && marked) {
    so_xen_event_close(marker);
  }
  return !same;
}

void xen_suspend(void) {
  const uint64_t now_ns = so_clock_now(&xen_self.config.clock);
  if (!so_ok(so_store_suspend(&xen_self.store, now_ns + QUIET_NS))) {
    xen_say(NULL, "not suspended: xenstore does not come to rest");
    return;
  }
  xen_self.suspends++;
  (void)so_xen_console_flush(&xen_self.console);
  if (suspended()) {
    rejoin();
    xen_self.resumes++;
    xen_say(NULL, "resumed");
  } else {
    so_store_resume(&xen_self.store, NULL);
    xen_say(NULL, "goes on where it was suspended");
  }
}
