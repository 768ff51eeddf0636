#ifndef SO_NET_PMTU_PMTU_H_
#define SO_NET_PMTU_PMTU_H_

// Path MTUs of destinations (RFC 1191, RFC 8201): a bounded table of those below the link's.
//
// Sets of four entries chosen by a keyed hash; in a full set the entry that was lowered longest ago
// gives way, which costs one lost packet, not correctness. An entry ages out after ten minutes
// (RFC 1191 6.3), and the path is then tried again at the link's MTU.
//
// A value only ever goes down here, and never below the family's floor: a lower one would be an
// attack (RFC 5927 7), or a link too narrow for this host. Whether the report is about something we
// sent is the caller's to check before.

#include <stdbool.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/status.h"
#include "net/address/address.h"

#ifdef __cplusplus
extern "C" {
#endif

// RFC 791 demands 68, but 576 is what every host takes; less helps attackers only (RFC 5927 7.2).
#define SO_PMTU_FLOOR_IPV4 576u
#define SO_PMTU_FLOOR_IPV6 1280u  // RFC 8201 4.
#define SO_PMTU_WAYS 4u

typedef struct so_pmtu_entry {
  so_ip dst;  // Family 0: free.
  uint16_t mtu;
  uint64_t lowered_ns;
} so_pmtu_entry;

typedef struct so_pmtu {
  const so_heap *heap;
  so_pmtu_entry *entries;
  uint32_t set_mask;
  uint32_t used;  // Entries taken; 0: a lookup has nothing to look at.
  uint8_t key[16];
  uint64_t lowered;
  uint64_t refused;
  uint64_t evicted;
} so_pmtu;

// so_pmtu_init takes a table of at least `entry_max` destinations from `heap`. LIMIT: it refuses.
SO_MUST_USE so_status so_pmtu_init(so_pmtu *t, const so_heap *heap, const uint8_t key[16],
                                   uint32_t entry_max);
void so_pmtu_release(so_pmtu *t);

// so_pmtu_get is the longest packet for `dst`: what is known of the path, or the link's MTU.
uint32_t so_pmtu_get(so_pmtu *t, const so_ip *dst, uint32_t link_mtu, uint64_t now_ns);

// so_pmtu_propose is the MTU that a report would set: `reported` raised to the floor, or for a
// router that says nothing (0) the plateau below `sent_len` (RFC 1191 7.1). 0: not lower than what
// holds now.
uint32_t so_pmtu_propose(so_pmtu *t, const so_ip *dst, uint32_t link_mtu, uint32_t reported,
                         uint32_t sent_len, uint64_t now_ns);

// so_pmtu_lower sets what so_pmtu_propose said.
void so_pmtu_lower(so_pmtu *t, const so_ip *dst, uint32_t mtu, uint64_t now_ns);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_PMTU_PMTU_H_
