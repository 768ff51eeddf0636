// Byte streams on host sockets.

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "kernel/unix/internal.h"

#define BACKLOG 1024
#define NAME_CAP 256
// How long an acceptor waits for descriptors to be given back.
#define ACCEPT_PAUSE_NS (20 * SO_NS_PER_MS)

typedef struct unix_socket {
  unix_watch watch;
  so_unix *u;
} unix_socket;

typedef struct unix_listener {
  unix_watch watch;
  so_unix *u;
  unsigned accepting;  // Fibers in accept: the last one frees a closed listener.
  bool closed;
} unix_listener;

static so_status io_error(int error) { return so_status_make(SO_IO, (uint16_t)error); }

static bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

void unix_take_turn(so_unix *u) {
  if (++u->calls >= UNIX_CALLS_MAX) {
    u->calls = 0;
    so_fiber_yield(&u->sched);
  }
}

// --- streams ----------------------------------------------------------------------------------

static so_status socket_read(void *ctx, uint8_t *buf, size_t cap, uint64_t deadline_ns,
                             size_t *out_len) {
  unix_socket *const s = ctx;
  unix_take_turn(s->u);
  for (;;) {
    if (s->watch.drained) {
      SO_TRY(so_event_wait(&s->u->sched, &s->watch.readable, deadline_ns));
    }
    const ssize_t n = recv(s->watch.fd, buf, cap, 0);
    if (n >= 0) {
      // Fewer bytes than asked for were all there were (epoll(7)): what comes later is an event.
      s->watch.drained = n != 0 && (size_t)n < cap && !s->watch.ended;
      *out_len = (size_t)n;
      return so_done();
    }
    if (would_block(errno)) {
      s->watch.drained = true;
    } else if (errno != EINTR) {
      return io_error(errno);
    }
  }
}

static so_status socket_write(void *ctx, so_bytes bytes, uint64_t deadline_ns) {
  unix_socket *const s = ctx;
  unix_take_turn(s->u);
  while (bytes.len != 0) {
    const ssize_t n = send(s->watch.fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
    if (n >= 0) {
      bytes = so_bytes_from(bytes, (size_t)n);
    } else if (would_block(errno)) {
      SO_TRY(so_event_wait(&s->u->sched, &s->watch.writable, deadline_ns));
    } else if (errno != EINTR) {
      return io_error(errno);
    }
  }
  return so_done();
}

static so_status socket_shutdown(void *ctx, uint64_t deadline_ns) {
  unix_socket *const s = ctx;
  (void)deadline_ns;
  return shutdown(s->watch.fd, SHUT_WR) == 0 ? so_done() : io_error(errno);
}

static void socket_close(void *ctx) {
  unix_socket *const s = ctx;
  (void)close(s->watch.fd);
  free(s);
}

// adopt makes a stream of `fd` and owns it also when it fails.
static so_status adopt(so_unix *u, int fd, so_stream *out) {
  static const so_stream_ops ops = {socket_read, socket_write, socket_shutdown, socket_close};
  const int on = 1;
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  unix_socket *const s = calloc(1, sizeof *s);
  so_status status = so_status_make(SO_LIMIT, ENOMEM);
  if (s != NULL) {
    s->u = u;
    status = unix_watch_add(u, &s->watch, fd);
  }
  if (!so_ok(status)) {
    free(s);
    (void)close(fd);
    return status;
  }
  *out = (so_stream){&ops, s};
  return so_done();
}

// --- accepting --------------------------------------------------------------------------------

static void free_if_unused(unix_listener *l) {
  if (l->closed && l->accepting == 0) {
    free(l);
  }
}

// accept_wait waits for a connection, for descriptors, or for nothing, as `error` asks.
static so_status accept_wait(unix_listener *l, int error, uint64_t deadline_ns) {
  so_sched *const sched = &l->u->sched;
  switch (error) {
    case EAGAIN:
      return so_event_wait(sched, &l->watch.readable, deadline_ns);
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM: {
      const uint64_t soon = so_clock_now(&l->u->world.clock) + ACCEPT_PAUSE_NS;
      so_fiber_sleep_until(sched, soon < deadline_ns ? soon : deadline_ns);
      return soon < deadline_ns ? so_done() : so_status_make(SO_AGAIN, 0);
    }
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case EPERM:
    case ENETDOWN:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENETUNREACH:
      return so_done();  // That one connection is gone already.
    default:
      return io_error(error);
  }
}

static so_status accept_one(unix_listener *l, uint64_t deadline_ns, so_stream *out,
                            so_endpoint *out_peer) {
  while (!l->closed && !so_sched_stopping(&l->u->sched)) {
    unix_address peer;
    socklen_t len = sizeof peer;
    memset(&peer, 0, sizeof peer);
    const int fd = accept4(l->watch.fd, &peer.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      *out_peer = unix_endpoint_of(&peer);
      return adopt(l->u, fd, out);
    }
    const so_status s = accept_wait(l, errno, deadline_ns);
    if (!so_ok(s) && !l->closed && !so_sched_stopping(&l->u->sched)) {
      return s;
    }
  }
  return io_error(ECANCELED);
}

static so_status listener_accept(void *ctx, uint64_t deadline_ns, so_stream *out,
                                 so_endpoint *out_peer) {
  unix_listener *const l = ctx;
  so_sched *const sched = &l->u->sched;
  unix_take_turn(l->u);
  l->accepting++;
  const bool before = so_fiber_wake_on_stop(sched, true);
  const so_status s = accept_one(l, deadline_ns, out, out_peer);
  (void)so_fiber_wake_on_stop(sched, before);
  l->accepting--;
  free_if_unused(l);
  return s;
}

static so_status listener_local(void *ctx, so_endpoint *out) {
  const unix_listener *const l = ctx;
  unix_address a;
  socklen_t len = sizeof a;
  if (getsockname(l->watch.fd, &a.any, &len) != 0) {
    return io_error(errno);
  }
  *out = unix_endpoint_of(&a);
  return so_done();
}

static void listener_close(void *ctx) {
  unix_listener *const l = ctx;
  (void)close(l->watch.fd);
  l->closed = true;
  so_event_signal(&l->u->sched, &l->watch.readable);
  free_if_unused(l);
}

static so_status bind_and_listen(int fd, const so_endpoint *at) {
  unix_address a;
  const socklen_t len = unix_address_of(at, &a);
  const int on = 1;
  (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (at->family == 6) {
    (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  }
  return bind(fd, &a.any, len) == 0 && listen(fd, BACKLOG) == 0 ? so_done() : unix_error(errno);
}

static so_status make_socket(const so_endpoint *e, int *fd) {
  const int family = e->family == 4 ? AF_INET : AF_INET6;
  *fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  return *fd >= 0 ? so_done() : unix_error(errno);
}

static so_status net_listen(void *ctx, const so_endpoint *at, so_listener *out) {
  static const so_listener_ops ops = {listener_accept, listener_local, listener_close};
  unix_listener *const l = calloc(1, sizeof *l);
  if (l == NULL) {
    return so_status_make(SO_LIMIT, ENOMEM);
  }
  l->u = ctx;
  int fd;
  so_status s = make_socket(at, &fd);
  if (so_ok(s)) {
    s = bind_and_listen(fd, at);
    if (so_ok(s)) {
      s = unix_watch_add(l->u, &l->watch, fd);
    }
    if (!so_ok(s)) {
      (void)close(fd);
    }
  }
  if (!so_ok(s)) {
    free(l);
    return s;
  }
  *out = (so_listener){&ops, l};
  return so_done();
}

// --- connecting -------------------------------------------------------------------------------

static so_status await_connected(so_unix *u, unix_socket *s, uint64_t deadline_ns) {
  for (;;) {
    int error = 0;
    socklen_t len = sizeof error;
    unix_address peer;
    socklen_t peer_len = sizeof peer;
    if (getsockopt(s->watch.fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0) {
      return io_error(error != 0 ? error : errno);
    }
    if (getpeername(s->watch.fd, &peer.any, &peer_len) == 0) {
      return so_done();
    }
    SO_TRY(so_event_wait(&u->sched, &s->watch.writable, deadline_ns));
  }
}

static so_status net_connect(void *ctx, const so_endpoint *to, uint64_t deadline_ns,
                             so_stream *out) {
  so_unix *const u = ctx;
  unix_address a;
  const socklen_t len = unix_address_of(to, &a);
  int fd;
  SO_TRY(make_socket(to, &fd));
  const bool under_way = connect(fd, &a.any, len) == 0 || errno == EINPROGRESS || errno == EINTR;
  const int error = errno;
  SO_TRY(adopt(u, fd, out));
  const so_status s = under_way ? await_connected(u, out->ctx, deadline_ns) : io_error(error);
  if (!so_ok(s)) {
    so_stream_close(out);
  }
  return s;
}

// --- names ------------------------------------------------------------------------------------

typedef struct lookup {
  char name[NAME_CAP];
  int flags;
  int error;
  so_endpoint found;
} lookup;

static void look_up(void *arg) {
  lookup *const l = arg;
  const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = l->flags};
  struct addrinfo *list = NULL;
  l->error = getaddrinfo(l->name, NULL, &hints, &list);
  if (l->error != 0) {
    return;
  }
  l->error = EAI_NONAME;
  for (const struct addrinfo *i = list; i != NULL && l->error != 0; i = i->ai_next) {
    if (i->ai_family == AF_INET || i->ai_family == AF_INET6) {
      unix_address a;
      memset(&a, 0, sizeof a);
      memcpy(&a, i->ai_addr, i->ai_addrlen < sizeof a ? i->ai_addrlen : sizeof a);
      l->found = unix_endpoint_of(&a);
      l->error = 0;
    }
  }
  freeaddrinfo(list);
}

static so_status lookup_status(int error) {
  if (error == 0) {
    return so_done();
  }
  const bool passing = error == EAI_AGAIN || error == EAI_SYSTEM || error == EAI_MEMORY;
  return so_status_make(passing ? SO_IO : SO_NOT_FOUND, (uint16_t)-error);
}

// A look-up in progress cannot be broken off, so the deadline is not kept.
static so_status net_resolve(void *ctx, so_bytes name, uint64_t deadline_ns, so_endpoint *out) {
  (void)deadline_ns;
  lookup l = {.flags = AI_NUMERICHOST};
  if (name.len == 0 || name.len >= sizeof l.name || so_bytes_find(name, 0) != name.len) {
    return so_status_make(SO_NOT_FOUND, 0);
  }
  memcpy(l.name, name.ptr, name.len);
  look_up(&l);  // A literal address needs no thread.
  if (l.error != 0) {
    l.flags = AI_ADDRCONFIG;
    unix_offload(ctx, look_up, &l);
  }
  SO_TRY(lookup_status(l.error));
  *out = l.found;
  return so_done();
}

void unix_net_init(so_unix *u) {
  u->world.net = (so_net){net_listen, net_connect, net_resolve, unix_bind, u};
}
