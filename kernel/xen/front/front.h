#ifndef SO_KERNEL_XEN_FRONT_FRONT_H_
#define SO_KERNEL_XEN_FRONT_FRONT_H_

// The seam between a front end (kernel/xen/netfront, kernel/xen/blkfront) and what surrounds it.
//
// A front end is a pure state machine over shared rings. It has no hypercall and no xenstore: it is
// handed grants, pages and a doorbell, is asked what to publish, is told what the back end
// published, and is polled. Whoever drives it (kernel/xen/device) owns all xenstore traffic and the
// states of xen/io/xenbus.h. Simulated back ends (tests/sim/xen) drive it the same way.
//
// The order of calls:
//
//             publish            connect                 poll, poll, ...
//      DOWN ----------> WAITING ---------> CONNECTED ------------------.
//       ^                  |                   |                       | nonsense in shared memory
//       |    disconnect    |    disconnect     |      disconnect       v
//       '------------------'-------------------'--------------------- BROKEN
//
//   publish     the back end has said InitWait (2) or more: its features can be read. The front end
//               takes pages, makes rings, grants them, and says which keys to write. Afterwards the
//               driver writes the state Initialised (3), or Connected (4) with
//               `connected_at_publish`.
//   connect     the back end has said Connected (4): its properties can be read. The driver then
//               writes Connected (4).
//   poll        at every turn of the loop, event or not: it reads two indexes. It looks for answers
//               that are deliberately not announced by an event, too.
//   broken      after each poll: true once the back end wrote nonsense or stopped to answer. The
//               driver reports `why`, closes (Closing 5, Closed 6), calls disconnect and starts
//               again (Initialising 1), or calls fail when it has tried often enough.
//   disconnect  the back end is gone, or the machine comes back from suspend: ends all grants. After
//               suspend it must come before any fiber runs, because time has jumped.
//   fail        nobody will reconnect: everything that waits or comes later gets IO.
//
// A port that was opened on a front end (so_netdev, so_block) stays valid through all of this. It
// is opened by the front end's own functions after the first connect. Nothing here blocks, except
// calls of the opened port. Everything runs on the one processor.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "kernel/machine/devices.h"

#ifdef __cplusplus
extern "C" {
#endif

// Grant references and the pages behind them.
typedef struct so_xen_grants {
  // grant lets `domid` map or copy one page (aligned, SO_PAGE_LEN). False: no reference is free.
  bool (*grant)(void *ctx, uint16_t domid, void *page, bool read_only, uint32_t *out_ref);
  // end withdraws the grant and frees `ref`. False: the other domain still has the page mapped;
  // nothing was changed. The page must then be kept aside and end tried again later.
  bool (*end)(void *ctx, uint32_t ref);
  void *ctx;
  so_pages_port pages;
} so_xen_grants;

// The event channel of one device.
typedef struct so_xen_channel {
  void (*notify)(void *ctx);
  void *ctx;
} so_xen_channel;

// The back end of one connection. Copied by publish; other at the next one.
typedef struct so_xen_peer {
  uint16_t domid;        // `backend-id`.
  uint32_t event_port;   // Allocated for it by the driver; the front end publishes its number.
  so_xen_channel channel;
} so_xen_peer;

// The values below one xenstore folder, by key ("feature-sg"). False: there is no such key. The
// bytes live until the next read. They are another domain's text: whoever uses them checks them.
typedef struct so_xen_keys {
  bool (*read)(void *ctx, const char *key, so_bytes *out);
  void *ctx;
} so_xen_keys;

// Takes what is to be written below the front end's folder. `value` NULL: remove the key if it is
// there. All writes of one publish belong into one transaction with the new state, or at least
// before it.
typedef struct so_xen_writer {
  void (*write)(void *ctx, const char *key, const char *value);
  void *ctx;
} so_xen_writer;

typedef enum so_front_loss {
  SO_FRONT_CLOSED = 0,  // In order: the back end went through Closing, or we asked it to.
  SO_FRONT_SUSPENDED,   // Back from suspend, restore or migration. Old grants are void: this is
                        // another grant table, and so_xen_grants.end must say true for all.
  SO_FRONT_LOST,        // It vanished, or is broken. What it had not made durable may be lost.
} so_front_loss;

typedef struct so_front_ops {
  // LIMIT: no pages or no grant references; UNSUPPORTED: the back end lacks what is needed;
  // MALFORMED: its keys make no sense. `*out_why` then says it in words; nothing stays granted.
  so_status (*publish)(void *ctx, const so_xen_peer *peer, const so_xen_keys *back,
                       const so_xen_keys *front, const so_xen_writer *out, const char **out_why);
  // Errors as above; the driver then disconnects.
  so_status (*connect)(void *ctx, const so_xen_keys *back, const char **out_why);
  bool (*poll)(void *ctx);  // True: something happened.
  bool (*broken)(const void *ctx, const char **out_why);
  void (*disconnect)(void *ctx, so_front_loss how);
  void (*fail)(void *ctx);
} so_front_ops;

typedef struct so_front {
  const so_front_ops *ops;
  void *ctx;
  bool connected_at_publish;  // The state to write after publish is Connected, not Initialised.
} so_front;

SO_MUST_USE static inline so_status so_front_publish(const so_front *f, const so_xen_peer *peer,
                                                     const so_xen_keys *back,
                                                     const so_xen_keys *front,
                                                     const so_xen_writer *out,
                                                     const char **out_why) {
  return f->ops->publish(f->ctx, peer, back, front, out, out_why);
}
SO_MUST_USE static inline so_status so_front_connect(const so_front *f, const so_xen_keys *back,
                                                     const char **out_why) {
  return f->ops->connect(f->ctx, back, out_why);
}
static inline bool so_front_poll(const so_front *f) { return f->ops->poll(f->ctx); }
static inline bool so_front_broken(const so_front *f, const char **out_why) {
  return f->ops->broken(f->ctx, out_why);
}
static inline void so_front_disconnect(const so_front *f, so_front_loss how) {
  f->ops->disconnect(f->ctx, how);
}
static inline void so_front_fail(const so_front *f) { f->ops->fail(f->ctx); }

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_XEN_FRONT_FRONT_H_
