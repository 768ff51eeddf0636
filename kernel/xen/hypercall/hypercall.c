#include "kernel/xen/hypercall/hypercall.h"

#include <xen/grant_table.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/version.h>

#include "base/mem.h"
#include "kernel/machine/machine.h"
#include "kernel/xen/hypercall/arch.h"

// call2 is a hypercall with a command and a structure.
static long call2(unsigned number, unsigned command, void *arg) {
  return so_xen_arch_call(number, command, (uintptr_t)arg, 0);
}

bool so_xen_event_open(uint16_t domid, uint32_t *out_port) {
  evtchn_alloc_unbound_t op = {.dom = DOMID_SELF, .remote_dom = domid};
  if (call2(__HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, &op) != 0) {
    return false;
  }
  *out_port = op.port;
  return true;
}

void so_xen_event_close(uint32_t port) {
  evtchn_close_t op = {.port = port};
  (void)call2(__HYPERVISOR_event_channel_op, EVTCHNOP_close, &op);
}

bool so_xen_event_is_open(uint32_t port) {
  evtchn_status_t op = {.dom = DOMID_SELF, .port = port};
  return call2(__HYPERVISOR_event_channel_op, EVTCHNOP_status, &op) == 0 &&
         op.status == EVTCHNSTAT_unbound;
}

void so_xen_event_send(uint32_t port) {
  evtchn_send_t op = {.port = port};
  (void)call2(__HYPERVISOR_event_channel_op, EVTCHNOP_send, &op);
}

bool so_xen_poll(const evtchn_port_t *ports, size_t count, uint64_t timeout_ns) {
  evtchn_port_t copy[64];
  const size_t n = count < 64 ? count : 64;
  for (size_t i = 0; i < n; i++) {
    copy[i] = ports[i];
  }
  sched_poll_t op = {.nr_ports = (unsigned)n, .timeout = timeout_ns};
  set_xen_guest_handle(op.ports, copy);
  return call2(__HYPERVISOR_sched_op, SCHEDOP_poll, &op) == 0;
}

long so_xen_shutdown(unsigned reason) {
  sched_shutdown_t op = {.reason = reason};
  return call2(__HYPERVISOR_sched_op, SCHEDOP_shutdown, &op);
}

bool so_xen_map(unsigned space, unsigned long index, void *page) {
  xen_add_to_physmap_t op;
  memset(&op, 0, sizeof op);
  op.domid = DOMID_SELF;
  op.space = space;
  op.idx = index;
  op.gpfn = (uintptr_t)page / SO_PAGE_LEN;
  return call2(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, &op) == 0;
}

static size_t change_frames(unsigned command, const uint64_t *frames, size_t count) {
  // Xen writes back into the list of populate_physmap what a translated domain has no use for.
  xen_pfn_t copy[256];
  const size_t n = count < 256 ? count : 256;
  for (size_t i = 0; i < n; i++) {
    copy[i] = (xen_pfn_t)frames[i];
  }
  xen_memory_reservation_t op;
  memset(&op, 0, sizeof op);
  op.nr_extents = n;
  op.domid = DOMID_SELF;
  set_xen_guest_handle(op.extent_start, copy);
  const long done = call2(__HYPERVISOR_memory_op, command, &op);
  return done < 0 ? 0 : (size_t)done < n ? (size_t)done : n;
}

size_t so_xen_give_frames(const uint64_t *frames, size_t count) {
  return change_frames(XENMEM_decrease_reservation, frames, count);
}

size_t so_xen_take_frames(const uint64_t *frames, size_t count) {
  return change_frames(XENMEM_populate_physmap, frames, count);
}

uint64_t so_xen_pages(void) {
  domid_t self = DOMID_SELF;
  const long pages = call2(__HYPERVISOR_memory_op, XENMEM_current_reservation, &self);
  return pages < 0 ? 0 : (uint64_t)pages;
}

uint32_t so_xen_grant_pages_max(void) {
  gnttab_query_size_t op = {.dom = DOMID_SELF};
  const long result = so_xen_arch_call(__HYPERVISOR_grant_table_op, GNTTABOP_query_size,
                                       (uintptr_t)&op, 1);
  return result == 0 && op.status == GNTST_okay ? op.max_nr_frames : 1;
}

bool so_xen_param(unsigned index, uint64_t *out) {
  xen_hvm_param_t op = {.domid = DOMID_SELF, .index = index};
  if (call2(__HYPERVISOR_hvm_op, HVMOP_get_param, &op) != 0) {
    return false;
  }
  *out = op.value;
  return true;
}

uint32_t so_xen_version(void) {
  const long version = call2(__HYPERVISOR_xen_version, XENVER_version, NULL);
  return version < 0 ? 0 : (uint32_t)version;
}
