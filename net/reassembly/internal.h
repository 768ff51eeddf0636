#ifndef SO_NET_REASSEMBLY_INTERNAL_H_
#define SO_NET_REASSEMBLY_INTERNAL_H_

#include "net/reassembly/reassembly.h"

// --- table.c ---------------------------------------------------------------------------------

// so_reassembly_entry_of finds the datagram of a fragment, or begins it, at the cost of the oldest
// one of whoever has most.
so_reassembly_entry *so_reassembly_entry_of(so_reassembly *r, const so_reassembly_fragment *f,
                                            uint64_t now_ns);

// so_reassembly_take_pages gives an entry the pages of the bytes [from, to). False: a limit.
bool so_reassembly_take_pages(so_reassembly *r, so_reassembly_entry *e, size_t from, size_t to);

// so_reassembly_close forgets a datagram; so_reassembly_refuse drops what came of it and keeps in
// mind, until it expires, that the rest is not wanted.
void so_reassembly_close(so_reassembly *r, so_reassembly_entry *e);
void so_reassembly_refuse(so_reassembly *r, so_reassembly_entry *e);

// --- ranges.c --------------------------------------------------------------------------------

typedef enum so_reassembly_placing {
  REASSEMBLY_NEW,
  REASSEMBLY_DUPLICATE,  // The same bytes are there already.
  REASSEMBLY_OVERLAP,    // RFC 5722: the datagram is refused.
  REASSEMBLY_LIMIT,      // Too many gaps.
} so_reassembly_placing;

// so_reassembly_place says where [from, to) goes among the sorted ranges.
so_reassembly_placing so_reassembly_place(const so_reassembly_entry *e, const so_packet *p,
                                          uint16_t from, uint16_t to, size_t *out);

// so_reassembly_insert puts a NEW range there, joined with those that it touches.
void so_reassembly_insert(so_reassembly_entry *e, size_t k, uint16_t from, uint16_t to);

#endif  // SO_NET_REASSEMBLY_INTERNAL_H_
