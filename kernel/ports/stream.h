#ifndef SO_KERNEL_PORTS_STREAM_H_
#define SO_KERNEL_PORTS_STREAM_H_

// A byte stream: a host socket, a connection of our own TCP, an in-memory pipe, or TLS over one of
// these. Calls block the calling fiber until done, failed, or `deadline_ns` (monotonic; SO_NEVER).
// One fiber may read while another writes; two may not do the same.
//
// Errors: AGAIN (the deadline came first; for a write, part of it may be on its way and the stream
// is only fit to be closed), IO (reset, refused, unreachable), DENIED (the peer failed
// authentication), MALFORMED (a layer above TCP saw garbage), LIMIT (no more connections).

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct so_stream_ops {
  // Reads at least 1 byte and at most `cap`. OK with `*out_len` 0 is the orderly end.
  so_status (*read)(void *ctx, uint8_t *buf, size_t cap, uint64_t deadline_ns, size_t *out_len);
  // Writes all of `bytes`: OK means handed to the layer below.
  so_status (*write)(void *ctx, so_bytes bytes, uint64_t deadline_ns);
  // Ends our direction; reading goes on.
  so_status (*shutdown)(void *ctx, uint64_t deadline_ns);
  // Frees the stream. Never blocks; what was not yet sent may be lost.
  void (*close)(void *ctx);
} so_stream_ops;

typedef struct so_stream {
  const so_stream_ops *ops;
  void *ctx;
} so_stream;

SO_MUST_USE static inline so_status so_stream_read(const so_stream *s, uint8_t *buf, size_t cap,
                                                   uint64_t deadline_ns, size_t *out_len) {
  return s->ops->read(s->ctx, buf, cap, deadline_ns, out_len);
}
SO_MUST_USE static inline so_status so_stream_write(const so_stream *s, so_bytes bytes,
                                                    uint64_t deadline_ns) {
  return s->ops->write(s->ctx, bytes, deadline_ns);
}
SO_MUST_USE static inline so_status so_stream_shutdown(const so_stream *s, uint64_t deadline_ns) {
  return s->ops->shutdown(s->ctx, deadline_ns);
}
static inline void so_stream_close(const so_stream *s) { s->ops->close(s->ctx); }

// An IP address and a port. IPv4 is held as the first 4 bytes.
typedef struct so_endpoint {
  uint8_t family;  // 4 or 6.
  uint8_t address[16];
  uint16_t port;
} so_endpoint;

typedef struct so_listener_ops {
  so_status (*accept)(void *ctx, uint64_t deadline_ns, so_stream *out, so_endpoint *out_peer);
  so_status (*local)(void *ctx, so_endpoint *out);  // The address bound, its port resolved.
  void (*close)(void *ctx);  // A pending accept returns IO.
} so_listener_ops;

typedef struct so_listener {
  const so_listener_ops *ops;
  void *ctx;
} so_listener;

SO_MUST_USE static inline so_status so_listener_accept(const so_listener *l, uint64_t deadline_ns,
                                                       so_stream *out, so_endpoint *out_peer) {
  return l->ops->accept(l->ctx, deadline_ns, out, out_peer);
}
SO_MUST_USE static inline so_status so_listener_local(const so_listener *l, so_endpoint *out) {
  return l->ops->local(l->ctx, out);
}
static inline void so_listener_close(const so_listener *l) { l->ops->close(l->ctx); }

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_PORTS_STREAM_H_
