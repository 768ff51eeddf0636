#ifndef SO_KERNEL_XEN_STORE_INTERNAL_H_
#define SO_KERNEL_XEN_STORE_INTERNAL_H_

#include "kernel/xen/store/store.h"

#define SO_STORE_HEADER_LEN sizeof(struct xsd_sockmsg)

// Lives on the stack of the fiber that waits for it.
struct so_store_request {
  so_store_request *next;
  uint32_t id;
  uint32_t type;
  so_buf *out;       // May be NULL.
  bool done;
  so_status result;  // AGAIN: the connection is another; send it again.
  so_event event;
};

// ring.c

// so_store_put writes bytes, waiting for room. The caller holds `writing`. False: the connection
// ended meanwhile.
bool so_store_put(so_store *s, so_bytes bytes, uint64_t deadline_ns);
void so_store_show(so_store *s);

// so_store_break ends a connection that makes no sense, and begins another where the server can.
void so_store_break(so_store *s, const char *why);

// so_store_enter starts over on s->ring.
void so_store_enter(so_store *s);

// message.c

// so_store_message takes one whole message of the server.
void so_store_message(so_store *s, const struct xsd_sockmsg *header, so_bytes payload);
so_status so_store_error(so_bytes text);

// request.c

so_status so_store_talk(so_store *s, uint32_t type, so_store_tx tx, const so_bytes *parts,
                        size_t part_count, so_buf *out);

#endif  // SO_KERNEL_XEN_STORE_INTERNAL_H_
