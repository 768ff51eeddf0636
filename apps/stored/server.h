#ifndef SO_APPS_STORED_SERVER_H_
#define SO_APPS_STORED_SERVER_H_

// The running server: one database, the settings, and the rules by which fibers share it.
//
//   turns   one writer at a time, and one transaction or merge at a time (store/repo takes both);
//   flush   everyone who must not answer before the data is durable shares one flush
//           (group commit): see so_server_make_durable.

#include "kernel/ports/world.h"
#include "store/disk/db.h"
#include "store/repo/repo.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct so_server_stats {
  uint64_t requests;
  uint64_t responses[6];  // By the hundreds of the status.
  uint64_t bytes_in;
  uint64_t bytes_out;
  uint64_t commits;
  uint64_t pushes;
  uint64_t fetches;
  uint64_t flushes;
  uint32_t connections;
} so_server_stats;

#define SO_SERVER_REMEMBERED 1024

// What a transaction with an Idempotency-Key was answered; see idempotency.h.
typedef struct so_server_answer {
  so_oid id;  // None: unused.
  so_oid commit;
  uint16_t http_status;  // 0: still under way.
} so_server_answer;

// A turn that fibers wait for in line.
typedef struct so_server_turn {
  so_sched *sched;
  bool taken;
  so_event freed;
} so_server_turn;

typedef struct so_server {
  const so_world *world;
  so_db *db;
  so_repos repos;
  bool public_read;

  so_server_turn write;
  so_server_turn change;

  bool flushing;
  so_event flushed;
  uint64_t flush_started;  // How many flushes have begun, and how many of these ended well:
  uint64_t flush_done;     // a change made before flush N began is durable when N is done.
  so_status flush_status;  // Sticky: a device that failed to flush stays failed.

  so_server_answer answers[SO_SERVER_REMEMBERED];  // A ring.
  size_t answer_next;

  so_server_stats stats;
} so_server;

// so_server_init ties the parts together. `db` is open.
void so_server_init(so_server *s, const so_world *world, so_db *db, bool public_read);

// so_server_make_durable returns when everything changed before the call is durable. Fibers that
// call it while a flush runs share the next one.
SO_MUST_USE so_status so_server_make_durable(so_server *s);

// so_server_now_ms is the wall clock in milliseconds.
int64_t so_server_now_ms(const so_server *s);

#ifdef __cplusplus
}
#endif
#endif  // SO_APPS_STORED_SERVER_H_
