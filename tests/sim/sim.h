#ifndef SO_TESTS_SIM_SIM_H_
#define SO_TESTS_SIM_SIM_H_

// A whole world in memory that a seed determines: virtual time, seeded entropy, a network of
// in-memory streams, block devices from tests/sim/block.h, and fibers on the real scheduler.
//
//   so_sim *sim = so_sim_make(NULL);
//   SO_ASSERT_OK(so_fiber_spawn(so_sim_world(sim)->sched, "test", body, arg));
//   SO_ASSERT_OK(so_sim_run(sim));
//   so_sim_free(sim);
//
// Time stands still while a fiber runs and jumps to the next deadline when all wait, so a test that
// waits for hours takes no time. Nothing here fails for lack of memory: it stops the test.

#include "kernel/ports/world.h"
#include "tests/sim/block.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct so_sim so_sim;

typedef struct so_sim_config {
  uint64_t seed;      // Entropy, and everything that is left to chance.
  size_t pipe_cap;    // Bytes in flight in each direction of a stream. 0: 64 KiB.
  size_t fiber_max;   // 0: 4096.
  size_t stack_len;   // 0: 256 KiB.
  bool chop;          // Streams deliver in random pieces after random delays, as networks do.
  bool paint_stacks;  // See so_sim_stack_used_max.
} so_sim_config;

// so_sim_make returns a world; `config` NULL means all zeros.
so_sim *so_sim_make(const so_sim_config *config);

// so_sim_free frees it. Streams and listeners that are still open are freed with it.
void so_sim_free(so_sim *sim);

const so_world *so_sim_world(so_sim *sim);

// so_sim_run runs until no fiber is left. INTERNAL: the fibers that are left wait for each other.
SO_MUST_USE so_status so_sim_run(so_sim *sim);

// --- time -------------------------------------------------------------------------------------

uint64_t so_sim_now(const so_sim *sim);

// so_sim_set_unix_ns sets the wall clock, which goes on from there. At first it is
// 2026-01-01T00:00:00Z.
void so_sim_set_unix_ns(so_sim *sim, int64_t unix_ns);

// --- streams and network ----------------------------------------------------------------------

// so_sim_pipe makes two ends of one connection. Closing an end with unread bytes, or writing to a
// closed one, resets the connection, as TCP does.
void so_sim_pipe(so_sim *sim, so_stream *a, so_stream *b);

// so_sim_stream_cut resets the connection once `s` (an end of a stream of this world) has written
// `after` more bytes: those arrive or not, later ones do not.
void so_sim_stream_cut(const so_stream *s, uint64_t after);

// so_sim_add_name makes `name` resolve to `at`. Literal addresses and "localhost" always do.
void so_sim_add_name(so_sim *sim, const char *name, const so_endpoint *at);

// --- what a program left behind ---------------------------------------------------------------

// so_sim_add_block gives open_block("name") the device `b`, which the caller owns. A second opening
// before the close is CONFLICT, as on Unix; with `create`, an unknown name gets a fresh device of
// 1 TiB that the world owns.
void so_sim_add_block(so_sim *sim, const char *name, so_sim_block *b);

// so_sim_block_named returns the device called `name`, or NULL.
so_sim_block *so_sim_block_named(so_sim *sim, const char *name);

// so_sim_console returns everything printed; valid until the next print.
so_bytes so_sim_console(const so_sim *sim);

// so_sim_sidecar finds what was last written under `name`; false when nothing was.
bool so_sim_sidecar(const so_sim *sim, const char *name, so_bytes *out);

// --- memory -----------------------------------------------------------------------------------

// so_sim_heap_used returns the bytes of the world's heap that nobody gave back.
size_t so_sim_heap_used(const so_sim *sim);

// so_sim_heap_fail_at makes the `nth` allocation or growth from now fail (1 is the next), and only
// that. 0 disarms.
void so_sim_heap_fail_at(so_sim *sim, uint64_t nth);

size_t so_sim_stack_used_max(const so_sim *sim);

#ifdef __cplusplus
}
#endif
#endif  // SO_TESTS_SIM_SIM_H_
