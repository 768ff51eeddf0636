// What is set up once memory and fibers are there, the loop's view of it, and settings.
#include "kernel/machine/devices.h"

#include <xen/hvm/params.h>
#include <xen/memory.h>

#include "base/fmt.h"
#include "base/mem.h"
#include "kernel/machine/metric_sum.h"
#include "kernel/xen/devices/internal.h"
#include "kernel/xen/hypercall/arch.h"
#include "kernel/xen/hypercall/hypercall.h"

#define ANSWER_NS (60 * SO_NS_PER_S)  // Of xenstored: hosts are slow while many domains start.
#define SETTING_PATH_MAX 128u

// --- xenstore -------------------------------------------------------------------------------

static void store_notify(void *ctx) {
  (void)ctx;
  so_xen_event_send(xen_self.store_port);
}

bool xen_attach_store(struct xenstore_domain_interface **out_ring) {
  uint64_t frame = 0;
  uint64_t port = 0;
  if (!so_xen_param(HVM_PARAM_STORE_PFN, &frame) || frame == 0 ||
      !so_xen_param(HVM_PARAM_STORE_EVTCHN, &port) || port == 0 || port >= SO_XEN_PORT_MAX) {
    return false;
  }
  xen_self.store_port = (uint32_t)port;
  *out_ring = (struct xenstore_domain_interface *)(uintptr_t)(frame * SO_PAGE_LEN);
  return so_ok(so_xen_events_add(&xen_self.events, xen_self.store_port, NULL,
                                 &xen_self.store_event));
}

// --- grants ---------------------------------------------------------------------------------

void *xen_grant_page(void *ctx, uint32_t index) {
  (void)ctx;
  const so_pages_port *const pages = &xen_self.config.pages;
  void **const page = &xen_self.grant_pages[index];
  const bool first = *page == NULL;
  if (first) {
    *page = pages->take(pages->ctx, 1);
  }
  if (*page == NULL) {
    return NULL;
  }
  if (!so_xen_map(XENMAPSPACE_grant_table, index, *page)) {
    if (first) {
      pages->give(pages->ctx, *page, 1);
      *page = NULL;
    }
    return NULL;
  }
  return *page;
}

// --- what the host asks ---------------------------------------------------------------------

static void end_asked(so_end how) {
  xen_self.asked = true;
  xen_self.asked_how = how;
  so_event_signal(xen_self.config.sched, &xen_self.asked_event);
}

static void asked(void *ctx, so_control_request request) {
  (void)ctx;
  switch (request) {
    case SO_CONTROL_POWEROFF:
    case SO_CONTROL_HALT:
      end_asked(SO_END_POWEROFF);
      break;
    case SO_CONTROL_REBOOT:
      end_asked(SO_END_REBOOT);
      break;
    case SO_CONTROL_SUSPEND:
      xen_suspend();
      break;
    case SO_CONTROL_CRASH:
      so_machine_panic("the host asked for a crash");
    case SO_CONTROL_UNKNOWN:
      xen_say(NULL, "the host asks for something unknown in control/shutdown");
      break;
    case SO_CONTROL_NONE:
      break;
  }
}

bool so_devices_asked(so_end *out_how) {
  if (xen_self.asked) {
    *out_how = xen_self.asked_how;
  }
  return xen_self.asked;
}

so_event *so_devices_asked_event(void) { return &xen_self.asked_event; }

// --- start ----------------------------------------------------------------------------------

static so_status start_store(struct xenstore_domain_interface *ring) {
  const so_store_config config = {xen_self.config.sched, xen_self.config.clock, store_notify,
                                  NULL, ANSWER_NS};
  so_store_init(&xen_self.store, &config);
  so_store_attach(&xen_self.store, ring);
  return so_fiber_spawn(xen_self.config.sched, "xenstore", so_store_serve, &xen_self.store);
}

static so_status start_grants(void) {
  const so_grant_ops ops = {xen_grant_page, NULL};
  const so_status status =
      so_grant_init(&xen_self.grants, xen_self.config.heap, &ops, so_xen_grant_pages_max());
  if (!so_ok(status)) {
    xen_say(NULL, "the grant table cannot be had");
  }
  return status;
}

so_status so_devices_start(const so_devices_config *config) {
  xen_self.config = *config;
  xen_self.events.sched = config->sched;
  struct xenstore_domain_interface *ring = NULL;
  if (!xen_attach_store(&ring)) {
    // Xen without dom0 is like that. What needs a device says so itself.
    xen_say(NULL, "there is no xenstore for this domain, so it has no devices");
    return so_done();
  }
  SO_TRY(start_store(ring));
  xen_self.started = true;
  SO_TRY(start_grants());
  const so_control_ops ops = {asked, NULL};
  so_control_init(&xen_self.control, config->sched, config->clock, &xen_self.store, &ops);
  SO_TRY(so_fiber_spawn(config->sched, "control", so_control_run, &xen_self.control));
  xen_balloon_begin();
  return so_fiber_spawn(config->sched, "balloon", xen_balloon_run, NULL);
}

// --- the loop -------------------------------------------------------------------------------

bool so_devices_poll(void) {
  // The bits first: what comes after they are cleared sets them again.
  bool any = so_xen_events_scan(&xen_self.events);
  if (!xen_self.started) {
    return any;
  }
  any |= so_store_poll(&xen_self.store);
  for (size_t i = 0; i < XEN_NET_MAX && xen_self.nets[i] != NULL; i++) {
    any |= so_device_poll(&xen_self.nets[i]->device);
  }
  for (size_t i = 0; i < XEN_BLOCK_MAX && xen_self.blocks[i] != NULL; i++) {
    any |= so_device_poll(&xen_self.blocks[i]->device);
  }
  // All ports were looked at; a flag that stays would keep the loop from sleeping.
  for (uint32_t i = 0; i < xen_self.events.used; i++) {
    (void)so_xen_events_take(&xen_self.events, i);
  }
  return any;
}

// --- settings -------------------------------------------------------------------------------

// A key is one name: letters, digits and a few signs, so that it cannot lead out of the folder. A dot becomes
// an underscore: xenstored takes none in a path (xen/docs/misc/xenstore.txt), and names of files have one.
static bool is_key(so_bytes key) {
  for (size_t i = 0; i < key.len; i++) {
    const uint8_t c = key.ptr[i];
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!letter && !(c >= '0' && c <= '9') && c != '-' && c != '_' && c != '.') {
      return false;
    }
  }
  return key.len != 0 && key.len < SETTING_PATH_MAX - 8;
}

so_status so_devices_setting(so_bytes key, so_buf *out) {
  if (!xen_self.started || !is_key(key)) {
    return so_status_make(SO_NOT_FOUND, 0);
  }
  uint8_t path[SETTING_PATH_MAX];
  so_writer w = so_writer_of(path, sizeof path);
  so_write_printf(&w, "data/");
  for (size_t i = 0; i < key.len; i++) {
    so_write_u8(&w, key.ptr[i] == '.' ? '_' : key.ptr[i]);
  }
  so_write_u8(&w, 0);
  return so_store_read(&xen_self.store, SO_STORE_NO_TX, (const char *)path, out);
}

// Xen offers a guest no device for this.
size_t so_devices_random(uint8_t *out, size_t len) {
  (void)out, (void)len;
  return 0;
}

// --- metrics --------------------------------------------------------------------------------

void so_devices_metrics(so_metric_visit *visit, void *visit_ctx) {
  visit(visit_ctx, "xen_suspends", SO_METRIC_COUNTER, xen_self.suspends);
  visit(visit_ctx, "xen_resumes", SO_METRIC_COUNTER, xen_self.resumes);
  so_xen_events_metrics(&xen_self.events, visit, visit_ctx);
  so_xen_console_metrics(&xen_self.console, visit, visit_ctx);
  if (!xen_self.started) {
    return;
  }
  so_store_metrics(&xen_self.store, visit, visit_ctx);
  so_grant_metrics(&xen_self.grants, visit, visit_ctx);
  so_balloon_metrics(&xen_self.balloon, visit, visit_ctx);
  so_metric_sum net = {.count = 0};
  so_metric_sum block = {.count = 0};
  for (size_t i = 0; i < XEN_NET_MAX && xen_self.nets[i] != NULL; i++) {
    so_netfront_metrics(&xen_self.nets[i]->front, so_metric_sum_visit, &net);
  }
  for (size_t i = 0; i < XEN_BLOCK_MAX && xen_self.blocks[i] != NULL; i++) {
    so_blkfront_metrics(&xen_self.blocks[i]->front, so_metric_sum_visit, &block);
  }
  so_metric_sum_each(&net, visit, visit_ctx);
  so_metric_sum_each(&block, visit, visit_ctx);
}
