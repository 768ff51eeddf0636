#ifndef SO_KERNEL_UNIX_INTERNAL_H_
#define SO_KERNEL_UNIX_INTERNAL_H_

#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

#include "kernel/fiber/sched.h"
#include "kernel/unix/unix.h"

#define UNIX_WORKERS_MAX 8
#define UNIX_STACKS_KEPT 64
#define UNIX_PATH_CAP 2048  // Terminator included.
#define UNIX_CONSOLE_CAP 4096

// A socket calls that never waited before the fiber lets others run.
#define UNIX_CALLS_MAX 32

// A descriptor in the epoll set. It is edge-triggered: try first, wait for the event when told to.
typedef struct unix_watch {
  int fd;
  so_event readable;
  so_event writable;
  // All that was there has been read and no event came since: another call would find nothing.
  bool drained;
  bool ended;   // The peer's end or an error was seen: no further event need come.
  bool joined;  // Room to write signals `readable` too: for owners with one fiber for both.
} unix_watch;

// Something that a worker thread does while its fiber waits.
typedef struct unix_job {
  struct unix_job *next;
  void (*run)(void *arg);
  void *arg;
  bool done;  // Set in the loop's thread.
  so_event finished;
} unix_job;

typedef struct unix_workers {
  pthread_mutex_t lock;  // Guards everything below.
  pthread_cond_t more;
  pthread_t threads[UNIX_WORKERS_MAX];
  unsigned thread_count;
  unsigned idle_count;
  unix_job *queue_first;
  unix_job *queue_last;
  unix_job *finished;
  bool quit;
} unix_workers;

typedef struct unix_stacks {
  void *kept[UNIX_STACKS_KEPT];
  size_t kept_count;
  size_t page_len;
} unix_stacks;

typedef struct unix_console {
  char line[UNIX_CONSOLE_CAP];
  size_t line_len;
} unix_console;

typedef struct so_unix {
  so_sched sched;
  so_world world;
  int epoll_fd;
  unix_watch signals;
  unix_watch finished;  // An eventfd that workers write.
  bool has_signals;
  sigset_t old_mask;
  unsigned calls;  // Socket calls since the loop last looked at the devices.
  unix_stacks stacks;
  unix_workers workers;
  unix_console console;
} so_unix;

// unix_watch_add puts `fd` (non-blocking) into the epoll set. LIMIT, with the errno.
so_status unix_watch_add(so_unix *u, unix_watch *w, int fd);

// unix_offload runs `run(arg)` on a worker thread while the calling fiber waits, or right here when
// there is no thread to be had. Cannot fail.
void unix_offload(so_unix *u, void (*run)(void *arg), void *arg);
bool unix_workers_init(so_unix *u);
void unix_workers_collect(so_unix *u);
void unix_workers_release(so_unix *u);

void unix_stacks_init(unix_stacks *s);
void *unix_stack_alloc(void *ctx, size_t len);
void unix_stack_free(void *ctx, void *stack, size_t len);
void unix_stacks_release(unix_stacks *s, size_t len);

void unix_host_init(so_unix *u);
void unix_console_flush(unix_console *c);
void unix_net_init(so_unix *u);

// unix_take_turn lets others run when this fiber's sockets have long been ready at once.
void unix_take_turn(so_unix *u);

typedef union unix_address {
  struct sockaddr any;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
} unix_address;

socklen_t unix_address_of(const so_endpoint *e, unix_address *out);
so_endpoint unix_endpoint_of(const unix_address *a);

// unix_bind is so_net.bind.
so_status unix_bind(void *ctx, const so_endpoint *at, so_datagram_socket *out);

// unix_open_block is so_unix_open_block whose flushes wait in a worker when `u` is not NULL.
so_status unix_open_block(so_unix *u, so_bytes path, bool create, so_block *out);

// unix_path copies `path` with a terminator. MALFORMED: empty or a NUL in it; LIMIT: too long.
so_status unix_path(so_bytes path, char out[UNIX_PATH_CAP]);

so_status unix_open_folder(void *ctx, so_bytes name, so_folder *out);
so_status unix_sidecar_read(void *ctx, so_bytes name, so_buf *out);

// unix_sync_parent flushes the directory that holds `path`.
so_status unix_sync_parent(const char *path);

// unix_error maps an errno to the status that callers may rely on.
so_status unix_error(int error);

// unix_crash_init installs the crash report; `u` NULL removes it.
void unix_crash_init(const so_unix *u);

#endif  // SO_KERNEL_UNIX_INTERNAL_H_
