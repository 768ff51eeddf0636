#ifndef SO_KERNEL_XEN_STORE_STORE_H_
#define SO_KERNEL_XEN_STORE_STORE_H_

// A client of xenstore, the tree of small texts through which a domain and its host configure
// devices (xen/io/xs_wire.h; docs/misc/xenstore.txt and xenstore-ring.txt of Xen). Paths without a
// leading slash are below the domain's own folder.
//
// Any number of fibers call at the same time: a request goes out as soon as the ring has room, and
// replies are matched by number, in any order. so_store_poll is called from the loop and moves
// bytes; all other functions are called from fibers and wait for their reply, at most `answer_ns`.
//
//            attach                 suspend                resume
//     DOWN ---------> UP <------> SUSPENDED (nothing in flight; requests wait)
//                     |  ^
//      nonsense, or   |  | the server said so: watches are set again, transactions are void
//      a stuck server v  |
//                  RECONNECTING ---> BROKEN  (a server that cannot; every request: IO)
//
// Invariants
//   - Everything that the server writes is checked before use: indexes, lengths, numbers, kinds,
//     texts. A reply to nothing is dropped and counted; a stream that makes no sense ends the
//     connection.
//   - A message is written whole or the connection ends: the stream never holds half of one.
//   - A watch fires at least once after it was set, after each change, and after each reconnection.
//     Several changes may show as one.
// Errors: NOT_FOUND, DENIED, CONFLICT (a transaction that has to be repeated; what exists), LIMIT
// (quota, too large), MALFORMED (the server does not like the request, or its reply makes no
// sense), IO (no answer, or the connection is broken).
// Limits: SO_STORE_IN_FLIGHT_MAX requests, paths of SO_STORE_PATH_MAX bytes, payloads of 4096
// bytes.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/io/xs_wire.h>

#include "base/bytes.h"
#include "base/heap.h"
#include "base/status.h"
#include "kernel/ports/clock.h"
#include "kernel/ports/fiber.h"
#include "kernel/ports/metrics.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_STORE_IN_FLIGHT_MAX 32u
#define SO_STORE_PATH_MAX 512u
#define SO_STORE_TRIES_MAX 32u  // Of a transaction.

typedef struct so_store_config {
  so_sched *sched;
  so_clock clock;
  void (*notify)(void *ctx);  // The event channel of the ring that is attached.
  void *ctx;
  uint64_t answer_ns;
} so_store_config;

typedef enum so_store_state {
  SO_STORE_DOWN = 0,
  SO_STORE_UP,
  SO_STORE_SUSPENDED,
  SO_STORE_RECONNECTING,
  SO_STORE_BROKEN,
} so_store_state;

// A transaction. SO_STORE_NO_TX: none, the request stands alone.
typedef struct so_store_tx {
  uint32_t id;
  uint32_t generation;
} so_store_tx;

#define SO_STORE_NO_TX ((so_store_tx){0, 0})

// Owned by the caller, until so_store_unwatch.
typedef struct so_store_watch {
  struct so_store_watch *next;
  const char *path;   // The caller's, for as long as the watch lives.
  so_event *event;    // Signalled when it fires.
  bool fired;         // Set then; the caller clears it before it looks.
  uint32_t token;
} so_store_watch;

typedef struct so_store_stats {
  uint64_t requests;
  uint64_t replies;
  uint64_t errors;        // Replies that were errors.
  uint64_t watch_events;
  uint64_t strays;        // Replies and watch events that belong to nothing.
  uint64_t timeouts;
  uint64_t conflicts;     // Transactions repeated.
  uint64_t reconnects;
} so_store_stats;

typedef struct so_store_request so_store_request;

// Fields are for the module only.
typedef struct so_store {
  so_store_config config;
  so_store_state state;
  const char *why;  // It is broken.
  struct xenstore_domain_interface *ring;
  uint32_t generation;  // Of the connection: watches and transactions belong to one.
  uint32_t watched;     // The generation in which all watches are set.
  // Out.
  uint32_t req_prod;
  bool writing;         // A fiber is in mid-message.
  bool room_wanted;
  so_event writer;      // `writing` became false.
  so_event room;
  // Waiting.
  so_store_request *requests;
  uint32_t in_flight;
  uint32_t next_id;
  so_event change;      // State, or in_flight, became another.
  uint64_t reconnect_by_ns;
  // In.
  uint32_t rsp_cons;
  size_t in_len;        // Bytes of the message being read, header included.
  uint8_t in[sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX];
  so_store_watch *watches;
  uint32_t next_token;
  so_event serve;       // There are watches to set again.
  so_store_stats stats;
} so_store;

void so_store_init(so_store *s, const so_store_config *config);

// so_store_attach begins to talk over `ring`. DOWN before.
void so_store_attach(so_store *s, struct xenstore_domain_interface *ring);

// so_store_poll moves bytes and signals whoever waits for them. From the loop. True: something
// happened.
bool so_store_poll(so_store *s);

// so_store_serve sets watches again after a reconnection; a fiber of its own runs it, for ever.
void so_store_serve(void *store);

// so_store_broken: true once no request can succeed any more. `*out_why` says why.
bool so_store_broken(const so_store *s, const char **out_why);

// --- suspend --------------------------------------------------------------------------------

// so_store_suspend holds new requests back, and waits until none is in flight. AGAIN: the deadline
// came first; everything goes on as before. IO: broken.
SO_MUST_USE so_status so_store_suspend(so_store *s, uint64_t deadline_ns);

// so_store_resume goes on: over `ring`, a new connection, or as before when it is NULL.
void so_store_resume(so_store *s, struct xenstore_domain_interface *ring);

// --- requests -------------------------------------------------------------------------------

// so_store_read appends the value at `path`.
SO_MUST_USE so_status so_store_read(so_store *s, so_store_tx tx, const char *path, so_buf *out);

// so_store_list appends the names in the folder `path`, each with a NUL after it.
SO_MUST_USE so_status so_store_list(so_store *s, so_store_tx tx, const char *path, so_buf *out);

SO_MUST_USE so_status so_store_write(so_store *s, so_store_tx tx, const char *path, so_bytes value);

// so_store_remove takes `path` and all below it away. NOT_FOUND: it was not there.
SO_MUST_USE so_status so_store_remove(so_store *s, so_store_tx tx, const char *path);

SO_MUST_USE so_status so_store_begin(so_store *s, so_store_tx *out);

// so_store_end ends a transaction; CONFLICT: somebody else changed what it read, nothing was done.
SO_MUST_USE so_status so_store_end(so_store *s, so_store_tx tx, bool commit);

// so_store_transact runs `run` in a transaction and commits it, again while that gives CONFLICT, at
// most SO_STORE_TRIES_MAX times. A failure of `run` aborts, and is the result.
SO_MUST_USE so_status so_store_transact(so_store *s,
                                        so_status (*run)(void *ctx, so_store *s, so_store_tx tx),
                                        void *ctx);

// so_store_set_watch sets a watch on `w->path` and all below it; `path` and `event` are the
// caller's. On an error it is not set.
SO_MUST_USE so_status so_store_set_watch(so_store *s, so_store_watch *w);
void so_store_unwatch(so_store *s, so_store_watch *w);

void so_store_metrics(const so_store *s, so_metric_visit *visit, void *visit_ctx);

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_XEN_STORE_STORE_H_
