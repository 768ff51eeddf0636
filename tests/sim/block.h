#ifndef SO_TESTS_SIM_BLOCK_H_
#define SO_TESTS_SIM_BLOCK_H_

// A block device in memory that can lose power. It needs no scheduler: calls return at once, unless
// the test sets a hook that waits.
//
// Model (the weakest device that kernel/ports/block.h allows):
//   - A read sees every write that returned, flushed or not.
//   - A flush makes every write before it durable.
//   - A crash keeps, for each unit on its own, its durable bytes or those of any one write since
//     the last flush. So writes tear between units and reach the medium in any order.
//   - After a failed flush every write and flush fails, until a crash.
// Memory grows with the units really written; the capacity may be huge.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/ports/block.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct so_sim_block so_sim_block;

typedef enum so_sim_block_op {
  SO_SIM_READ,
  SO_SIM_WRITE,
  SO_SIM_FLUSH,
} so_sim_block_op;

// What happens at the I/O that so_sim_block_fault_at names.
typedef enum so_sim_fault {
  SO_SIM_FAULT_IO,     // Returns IO; a write may have happened in part; a flush fails for good.
  SO_SIM_FAULT_POWER,  // A write may have happened in part; this and every later I/O returns IO.
  SO_SIM_FAULT_FULL,   // A write returns LIMIT and leaves nothing. Reads and flushes pass.
  SO_SIM_FAULT_FLIP,   // A read returns OK with one bit wrong. Writes and flushes pass.
} so_sim_fault;

typedef struct so_sim_block_stats {
  uint64_t reads;
  uint64_t writes;
  uint64_t flushes;
  uint64_t bytes_read;
  uint64_t bytes_written;
  uint64_t units_pending;  // Written and not flushed.
} so_sim_block_stats;

// so_sim_block_make returns an empty device of `capacity` bytes with units of `unit_len` (512 or
// 4096). It stops the test when memory ends.
so_sim_block *so_sim_block_make(uint64_t capacity, uint32_t unit_len);
void so_sim_block_free(so_sim_block *b);

// so_sim_block_clone copies the device with its unflushed writes, without faults and hook: take one
// state, crash it many ways.
so_sim_block *so_sim_block_clone(const so_sim_block *b);

// so_sim_block_port gives the port. Its close does nothing, so that a test can open it again; it
// borrows `b`.
so_block so_sim_block_port(so_sim_block *b);

// so_sim_block_crash cuts the power and gives it back: unflushed writes survive or not by `seed`
// (0: none does; 1: all do; otherwise by chance), faults and failures are gone.
void so_sim_block_crash(so_sim_block *b, uint64_t seed);

// so_sim_block_fault_at arms `fault` for the `nth` I/O from now (1 is the next), and what survives
// of a half-done write follows from `seed`. One fault is armed at a time; nth 0 disarms.
// `ops` is a bit set of (1u << so_sim_block_op): only these count; 0 counts all.
void so_sim_block_fault_at(so_sim_block *b, uint64_t nth, unsigned ops, so_sim_fault fault,
                           uint64_t seed);

// so_sim_block_fault_fired is true when the armed fault has happened.
bool so_sim_block_fault_fired(const so_sim_block *b);

// so_sim_block_limit makes writes return LIMIT once they would need more than `bytes` of medium
// (never-written units count; overwriting does not). UINT64_MAX lifts it.
void so_sim_block_limit(so_sim_block *b, uint64_t bytes);

// so_sim_block_flip inverts the bits `mask` of the byte at `offset`, as bad media does.
void so_sim_block_flip(so_sim_block *b, uint64_t offset, uint8_t mask);

// so_sim_block_peek and so_sim_block_poke read and change what the device holds without counting as
// an I/O; any alignment. A poke is durable at once.
void so_sim_block_peek(const so_sim_block *b, uint64_t offset, uint8_t *out, size_t len);
void so_sim_block_poke(so_sim_block *b, uint64_t offset, so_bytes bytes);

// so_sim_block_end returns the offset after the last unit ever written.
uint64_t so_sim_block_end(const so_sim_block *b);

so_sim_block_stats so_sim_block_get_stats(const so_sim_block *b);

// so_sim_block_hook calls `hook` before each I/O: to record a trace, or to let other fibers run.
void so_sim_block_hook(so_sim_block *b,
                       void (*hook)(void *ctx, so_sim_block_op op, uint64_t offset, size_t len),
                       void *ctx);

#ifdef __cplusplus
}
#endif
#endif  // SO_TESTS_SIM_BLOCK_H_
