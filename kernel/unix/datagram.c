// Datagrams on host sockets, a batch a system call.

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "kernel/unix/internal.h"

#define BATCH SO_DATAGRAM_BATCH_MAX
// Room in the kernel for bursts while the loop does something else; it grants what it allows.
#define SOCKET_BUFFER_LEN (1 << 20)

// Room for the one control message that we ask for: the local address.
typedef union control {
  struct cmsghdr header;
  uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
} control;

typedef struct batch {
  struct mmsghdr messages[BATCH];
  struct iovec pieces[BATCH];
  unix_address addresses[BATCH];
  control controls[BATCH];
} batch;

typedef struct unix_datagrams {
  unix_watch watch;
  so_unix *u;
  so_endpoint bound;
  bool is_any;          // Bound to no one address: each datagram tells its own.
  bool closed;
  unsigned inside;      // Fibers in a call: the last one frees a closed socket.
  batch in;
  batch out;
} unix_datagrams;

static so_status closed_status(void) { return so_status_make(SO_IO, ECANCELED); }

static void leave(unix_datagrams *d) {
  d->inside--;
  if (d->closed && d->inside == 0) {
    free(d);
  }
}

// --- local addresses --------------------------------------------------------------------------

static so_endpoint local_of(const unix_datagrams *d, struct msghdr *m) {
  so_endpoint e = d->bound;
  for (struct cmsghdr *c = CMSG_FIRSTHDR(m); d->is_any && c != NULL; c = CMSG_NXTHDR(m, c)) {
    if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
      struct in_pktinfo info;
      memcpy(&info, CMSG_DATA(c), sizeof info);
      memcpy(e.address, &info.ipi_addr, 4);
    } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
      struct in6_pktinfo info;
      memcpy(&info, CMSG_DATA(c), sizeof info);
      memcpy(e.address, &info.ipi6_addr, 16);
    }
  }
  return e;
}

static void put_local(const so_endpoint *local, control *room, struct msghdr *m) {
  memset(room, 0, sizeof *room);
  m->msg_control = room;
  m->msg_controllen = sizeof *room;
  struct cmsghdr *const c = CMSG_FIRSTHDR(m);
  if (local->family == 4) {
    struct in_pktinfo info = {0};
    memcpy(&info.ipi_spec_dst, local->address, 4);
    c->cmsg_level = IPPROTO_IP;
    c->cmsg_type = IP_PKTINFO;
    c->cmsg_len = CMSG_LEN(sizeof info);
    memcpy(CMSG_DATA(c), &info, sizeof info);
    m->msg_controllen = CMSG_SPACE(sizeof info);
  } else {
    struct in6_pktinfo info = {0};
    memcpy(&info.ipi6_addr, local->address, 16);
    c->cmsg_level = IPPROTO_IPV6;
    c->cmsg_type = IPV6_PKTINFO;
    c->cmsg_len = CMSG_LEN(sizeof info);
    memcpy(CMSG_DATA(c), &info, sizeof info);
    m->msg_controllen = CMSG_SPACE(sizeof info);
  }
}

// --- receiving --------------------------------------------------------------------------------

static void offer(unix_datagrams *d, const so_datagram *datagrams, size_t cap) {
  batch *const b = &d->in;
  for (size_t i = 0; i < cap; i++) {
    b->pieces[i] = (struct iovec){datagrams[i].data, datagrams[i].cap};
    struct msghdr *const m = &b->messages[i].msg_hdr;
    m->msg_name = &b->addresses[i];
    m->msg_namelen = sizeof b->addresses[i];
    m->msg_iov = &b->pieces[i];
    m->msg_iovlen = 1;
    m->msg_control = d->is_any ? &b->controls[i] : NULL;
    m->msg_controllen = d->is_any ? sizeof b->controls[i] : 0;
  }
}

// collect fills in what came, without the datagrams that were cut: their buffers change places with
// those of later ones.
static size_t collect(unix_datagrams *d, so_datagram *datagrams, size_t count) {
  size_t kept = 0;
  for (size_t i = 0; i < count; i++) {
    struct msghdr *const m = &d->in.messages[i].msg_hdr;
    if ((m->msg_flags & MSG_TRUNC) != 0) {
      continue;
    }
    const so_datagram buffer = datagrams[i];
    datagrams[i] = datagrams[kept];
    so_datagram *const to = &datagrams[kept++];
    to->data = buffer.data;
    to->cap = buffer.cap;
    to->len = d->in.messages[i].msg_len;
    to->peer = unix_endpoint_of(&d->in.addresses[i]);
    to->local = local_of(d, m);
  }
  return kept;
}

static so_status receive_some(unix_datagrams *d, so_datagram *datagrams, size_t cap,
                              uint64_t deadline_ns, size_t *out_count) {
  so_sched *const sched = &d->u->sched;
  while (!d->closed && !so_sched_stopping(sched)) {
    if (d->watch.drained) {
      SO_TRY(so_event_wait(sched, &d->watch.readable, deadline_ns));
      d->watch.drained = false;
      continue;
    }
    offer(d, datagrams, cap);
    const int n = recvmmsg(d->watch.fd, d->in.messages, (unsigned)cap, MSG_DONTWAIT, NULL);
    if (n >= 0) {
      d->watch.drained = (size_t)n < cap;
      *out_count = collect(d, datagrams, (size_t)n);
      if (*out_count != 0) {
        return so_done();
      }
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      d->watch.drained = true;
    } else if (errno != EINTR && errno != ECONNREFUSED) {
      return unix_error(errno);
    }
  }
  return closed_status();
}

static so_status datagrams_receive(void *ctx, so_datagram *datagrams, size_t cap,
                                   uint64_t deadline_ns, size_t *out_count) {
  unix_datagrams *const d = ctx;
  so_sched *const sched = &d->u->sched;
  unix_take_turn(d->u);
  d->inside++;
  const bool before = so_fiber_wake_on_stop(sched, true);
  const so_status s =
      receive_some(d, datagrams, cap < BATCH ? cap : BATCH, deadline_ns, out_count);
  (void)so_fiber_wake_on_stop(sched, before);
  leave(d);
  return s;
}

// --- sending ----------------------------------------------------------------------------------

static void load(unix_datagrams *d, const so_datagram *datagrams, size_t count) {
  batch *const b = &d->out;
  for (size_t i = 0; i < count; i++) {
    const so_datagram *const from = &datagrams[i];
    b->pieces[i] = (struct iovec){from->data, from->len};
    struct msghdr *const m = &b->messages[i].msg_hdr;
    *m = (struct msghdr){.msg_name = &b->addresses[i], .msg_iov = &b->pieces[i], .msg_iovlen = 1};
    m->msg_namelen = unix_address_of(&from->peer, &b->addresses[i]);
    if (d->is_any && from->local.family != 0) {
      put_local(&from->local, &b->controls[i], m);
    }
  }
}

static so_status send_all(unix_datagrams *d, const so_datagram *datagrams, size_t count,
                          uint64_t deadline_ns) {
  size_t sent = 0;
  while (sent < count && !d->closed) {
    const size_t now = count - sent < BATCH ? count - sent : BATCH;
    // Other fibers may have used the arrays while this one waited.
    load(d, datagrams + sent, now);
    const int n = sendmmsg(d->watch.fd, d->out.messages, (unsigned)now, MSG_DONTWAIT);
    if (n >= 0) {
      sent += (size_t)n;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      SO_TRY(so_event_wait(&d->u->sched, &d->watch.writable, deadline_ns));
    } else if (errno != EINTR) {
      sent++;  // That one cannot be sent: unreachable, too long, forbidden. The network loses it.
    }
  }
  return d->closed ? closed_status() : so_done();
}

static so_status datagrams_send(void *ctx, const so_datagram *datagrams, size_t count,
                                uint64_t deadline_ns) {
  unix_datagrams *const d = ctx;
  d->inside++;
  const so_status s = send_all(d, datagrams, count, deadline_ns);
  leave(d);
  return s;
}

// --- life cycle -------------------------------------------------------------------------------

static so_status datagrams_local(void *ctx, so_endpoint *out) {
  const unix_datagrams *const d = ctx;
  *out = d->bound;
  return so_done();
}

static void datagrams_close(void *ctx) {
  unix_datagrams *const d = ctx;
  (void)close(d->watch.fd);
  d->closed = true;
  so_event_signal(&d->u->sched, &d->watch.readable);
  so_event_signal(&d->u->sched, &d->watch.writable);
  if (d->inside == 0) {
    free(d);
  }
}

static void set_options(int fd, const so_endpoint *at, bool is_any) {
  const int on = 1;
  const int len = SOCKET_BUFFER_LEN;
  (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &len, sizeof len);
  (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &len, sizeof len);
  // Forged "fragmentation needed" messages must not make us fragment: the path's MTU is not looked
  // at.
  if (at->family == 4) {
    const int omit = IP_PMTUDISC_OMIT;
    (void)setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &omit, sizeof omit);
  } else {
    const int omit = IPV6_PMTUDISC_OMIT;
    (void)setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &omit, sizeof omit);
    (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  }
  if (is_any && at->family == 4) {
    (void)setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
  } else if (is_any) {
    (void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
  }
}

static so_status bind_socket(unix_datagrams *d, int fd, const so_endpoint *at) {
  static const uint8_t any[16];
  d->is_any = memcmp(at->address, any, at->family == 4 ? 4 : 16) == 0;
  set_options(fd, at, d->is_any);
  unix_address a;
  socklen_t len = unix_address_of(at, &a);
  if (bind(fd, &a.any, len) != 0 || getsockname(fd, &a.any, &len) != 0) {
    return unix_error(errno);
  }
  d->bound = unix_endpoint_of(&a);
  return unix_watch_add(d->u, &d->watch, fd);
}

so_status unix_bind(void *ctx, const so_endpoint *at, so_datagram_socket *out) {
  static const so_datagram_ops ops = {datagrams_receive, datagrams_send, datagrams_local,
                                      datagrams_close};
  unix_datagrams *const d = calloc(1, sizeof *d);
  if (d == NULL) {
    return so_status_make(SO_LIMIT, ENOMEM);
  }
  d->u = ctx;
  const int family = at->family == 4 ? AF_INET : AF_INET6;
  const int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  so_status s = fd >= 0 ? bind_socket(d, fd, at) : unix_error(errno);
  if (!so_ok(s)) {
    if (fd >= 0) {
      (void)close(fd);
    }
    free(d);
    return s;
  }
  *out = (so_datagram_socket){&ops, d};
  return so_done();
}
