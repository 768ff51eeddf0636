#ifndef SO_KERNEL_XEN_DEVICES_INTERNAL_H_
#define SO_KERNEL_XEN_DEVICES_INTERNAL_H_

// The state of a domain: there is one machine in an image.

#include <xen/xen.h>

#include "kernel/machine/devices.h"
#include "kernel/xen/balloon/balloon.h"
#include "kernel/xen/blkfront/blkfront.h"
#include "kernel/xen/console/console.h"
#include "kernel/xen/control/control.h"
#include "kernel/xen/device/device.h"
#include "kernel/xen/event/event.h"
#include "kernel/xen/grant/grant.h"
#include "kernel/xen/netfront/netfront.h"
#include "kernel/xen/store/store.h"

#define XEN_NET_MAX 4u
#define XEN_BLOCK_MAX 8u
#define XEN_PATH_MAX 32u

#define XEN_NO_EVENT UINT32_MAX

typedef struct xen_net {
  bool used;
  char path[XEN_PATH_MAX];
  so_device device;
  so_netfront front;
  so_netdev port;  // Once `used`.
  uint8_t announce[SO_DEVICE_ANNOUNCE_LEN];
} xen_net;

typedef struct xen_block {
  bool used;
  char path[XEN_PATH_MAX];
  so_device device;
  so_blkfront front;
} xen_block;

typedef struct xen_domain {
  so_devices_config config;
  uint64_t ram_len;        // At the start.
  bool started;
  so_xen_events events;
  so_xen_console console;
  uint32_t console_port;
  uint32_t console_event;  // Index in `events`.
  so_store store;
  uint32_t store_port;
  uint32_t store_event;
  so_grant_table grants;
  void *grant_pages[SO_GRANT_TABLE_PAGES_MAX];
  so_control control;
  so_balloon balloon;
  so_store_watch balloon_watch;
  so_event balloon_event;
  bool asked;
  so_end asked_how;
  so_event asked_event;
  xen_net *nets[XEN_NET_MAX];
  xen_block *blocks[XEN_BLOCK_MAX];
  uint64_t suspends;
  uint64_t resumes;
} xen_domain;

extern xen_domain xen_self;

// early.c
// xen_attach maps the shared page and the console's ring, at the start and after a resume.
bool xen_attach(void);
void xen_say(const char *a, const char *b);  // "xen: a: b"; `a` may be NULL.

// devices.c
bool xen_attach_store(struct xenstore_domain_interface **out_ring);
void *xen_grant_page(void *ctx, uint32_t index);

// resume.c
// xen_suspend lets the host save the domain, and goes on in the one that is restored.
void xen_suspend(void);

// memory.c
void xen_balloon_run(void *arg);
void xen_balloon_begin(void);

#endif  // SO_KERNEL_XEN_DEVICES_INTERNAL_H_
