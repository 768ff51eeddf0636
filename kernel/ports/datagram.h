#ifndef SO_KERNEL_PORTS_DATAGRAM_H_
#define SO_KERNEL_PORTS_DATAGRAM_H_

// Datagrams (UDP): a socket of the host, or one of our own stack. Whole datagrams only: one that does
// not fit the buffer offered is dropped and counted by the platform, never cut.
//
// Both calls take a batch, so that a busy server pays for one crossing and not for each datagram.
// Errors: AGAIN (the deadline came first), IO (the socket is closed or the scheduler stops), LIMIT.

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "kernel/ports/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

// The most datagrams that one call takes.
#define SO_DATAGRAM_BATCH_MAX 64

typedef struct so_datagram {
  uint8_t *data;  // The caller's.
  size_t cap;     // Of `data`, for receiving.
  size_t len;     // What was received, or is to be sent.
  so_endpoint peer;
  so_endpoint local;  // Received: the address it came to. Sent: the source, or family 0 for any.
} so_datagram;

typedef struct so_datagram_ops {
  // Waits for at least one datagram, then takes what is there, at most `cap`. A datagram's `data` and
  // `cap` are inputs, the rest is filled in.
  so_status (*receive)(void *ctx, so_datagram *batch, size_t cap, uint64_t deadline_ns,
                       size_t *out_count);
  // Hands all of them to the layer below, waiting while it is full. What the network loses, or a
  // destination that cannot be reached, is no error.
  so_status (*send)(void *ctx, const so_datagram *batch, size_t count, uint64_t deadline_ns);
  so_status (*local)(void *ctx, so_endpoint *out);  // The address bound, its port resolved.
  void (*close)(void *ctx);                         // A pending receive returns IO.
} so_datagram_ops;

typedef struct so_datagram_socket {
  const so_datagram_ops *ops;
  void *ctx;
} so_datagram_socket;

SO_MUST_USE static inline so_status so_datagram_receive(const so_datagram_socket *s,
                                                        so_datagram *batch, size_t cap,
                                                        uint64_t deadline_ns, size_t *out_count) {
  return s->ops->receive(s->ctx, batch, cap, deadline_ns, out_count);
}
SO_MUST_USE static inline so_status so_datagram_send(const so_datagram_socket *s,
                                                     const so_datagram *batch, size_t count,
                                                     uint64_t deadline_ns) {
  return s->ops->send(s->ctx, batch, count, deadline_ns);
}
SO_MUST_USE static inline so_status so_datagram_local(const so_datagram_socket *s,
                                                      so_endpoint *out) {
  return s->ops->local(s->ctx, out);
}
static inline void so_datagram_close(const so_datagram_socket *s) { s->ops->close(s->ctx); }

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_PORTS_DATAGRAM_H_
