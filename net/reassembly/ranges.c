// The pieces of a datagram that are there, as sorted ranges that do not touch.

#include "base/mem.h"
#include "net/reassembly/internal.h"

// Whether [from, to) equals what is already there, byte by byte.
static bool same_bytes(const so_reassembly_entry *e, const so_packet *p, size_t from) {
  size_t at = from;
  for (size_t k = 0; k < p->frag_count; k++) {
    for (size_t n = 0; n < p->frags[k].len; n++, at++) {
      if (e->pages[at / SO_PAGE_LEN].ptr[at % SO_PAGE_LEN] != p->frags[k].ptr[n]) {
        return false;
      }
    }
  }
  return true;
}

so_reassembly_placing so_reassembly_place(const so_reassembly_entry *e, const so_packet *p,
                                          uint16_t from, uint16_t to, size_t *out) {
  size_t k = 0;
  while (k < e->range_count && e->ranges[k].to <= from) {
    k++;
  }
  *out = k;
  if (k < e->range_count && e->ranges[k].from < to) {
    const bool inside = e->ranges[k].from <= from && to <= e->ranges[k].to;
    return inside && same_bytes(e, p, from) ? REASSEMBLY_DUPLICATE : REASSEMBLY_OVERLAP;
  }
  const bool joins = (k > 0 && e->ranges[k - 1].to == from) ||
                     (k < e->range_count && e->ranges[k].from == to);
  return joins || e->range_count < SO_REASSEMBLY_GAPS_MAX ? REASSEMBLY_NEW : REASSEMBLY_LIMIT;
}

static void remove_range(so_reassembly_entry *e, size_t k) {
  e->range_count--;
  memmove(&e->ranges[k], &e->ranges[k + 1], (e->range_count - k) * sizeof e->ranges[0]);
}

void so_reassembly_insert(so_reassembly_entry *e, size_t k, uint16_t from, uint16_t to) {
  const bool left = k > 0 && e->ranges[k - 1].to == from;
  const bool right = k < e->range_count && e->ranges[k].from == to;
  if (left && right) {
    e->ranges[k - 1].to = e->ranges[k].to;
    remove_range(e, k);
  } else if (left) {
    e->ranges[k - 1].to = to;
  } else if (right) {
    e->ranges[k].from = from;
  } else {
    memmove(&e->ranges[k + 1], &e->ranges[k], (e->range_count - k) * sizeof e->ranges[0]);
    e->ranges[k].from = from;
    e->ranges[k].to = to;
    e->range_count++;
  }
}
