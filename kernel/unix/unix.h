#ifndef SO_KERNEL_UNIX_UNIX_H_
#define SO_KERNEL_UNIX_UNIX_H_

// A world made of a Unix process: epoll, host sockets, files, getrandom.
//
// Most programs need nothing from here: they define so_main and link `//kernel/unix:main`. A program
// for this platform only (a command-line tool) calls so_unix_run with a function of its own.
//
// Limits: `fiber_max` fibers of `stack_len` bytes with a guard page below each; UNIX_WORKERS_MAX
// threads for calls that the kernel has no other way to make wait (fdatasync, name lookup).
// One world at a time in a process, because signals are the process's.

#include "kernel/ports/world.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_UNIX_FIBER_MAX 16384
#define SO_UNIX_STACK_LEN (256u * 1024)

// The exit code when no world could be made (sysexits: an operating system error).
#define SO_UNIX_EXIT_NO_WORLD 71

typedef struct so_unix_config {
  size_t fiber_max;   // 0: SO_UNIX_FIBER_MAX.
  size_t stack_len;   // 0: SO_UNIX_STACK_LEN. Rounded up to whole pages.
  bool keep_signals;  // Leave SIGTERM and SIGINT as they are, instead of so_sched_stop.
} so_unix_config;

// so_unix_run makes a world, runs `run(world, arg)` as the first fiber, and returns its result once
// it returns; fibers that still run are dropped. `config` NULL means all defaults. The first
// SIGTERM or SIGINT asks the scheduler to stop, a second one kills as usual. SIGPIPE and SIGXFSZ are
// ignored; a crash prints a report with a backtrace to the standard error.
int so_unix_run(const so_unix_config *config, int (*run)(const so_world *world, void *arg),
                void *arg);

// so_unix_open_block is open_block without a world: every call, flush too, blocks the thread.
// `path` is a file or a block device. With `create` a file that is not there is made (mode 0600)
// and its directory flushed. NOT_FOUND, DENIED, IO; CONFLICT: another process has it open;
// UNSUPPORTED: neither a file nor a block device. `detail` is the errno.
SO_MUST_USE so_status so_unix_open_block(so_bytes path, bool create, so_block *out);

// so_unix_write_file replaces the file `path` by `bytes`, atomically and durably, mode 0600. It is
// what the world's sidecar does. NOT_FOUND (no such directory), DENIED, IO, LIMIT.
SO_MUST_USE so_status so_unix_write_file(so_bytes path, so_bytes bytes);

// so_unix_heap is the host's malloc.
const so_heap *so_unix_heap(void);

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_UNIX_UNIX_H_
