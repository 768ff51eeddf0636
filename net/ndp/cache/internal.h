#ifndef SO_NET_NDP_CACHE_INTERNAL_H_
#define SO_NET_NDP_CACHE_INTERNAL_H_

// Where entries live: the hash table, and who gives way when it is full.

#include "net/ndp/cache/cache.h"

#ifdef __cplusplus
extern "C" {
#endif

// so_neighbor_get returns the entry of `address`, or NULL.
so_neighbor *so_neighbor_get(so_neighbors *n, const so_ip *address);

// so_neighbor_make returns a new entry in state NONE; the caller gives it another before the
// next call. `heard`: another's message asks for it, not a packet of ours. NULL: no room.
so_neighbor *so_neighbor_make(so_neighbors *n, const so_ip *address, bool heard, uint64_t now_ns,
                              const so_neighbor_sink *sink);

// so_neighbor_remove frees an entry; what waits goes to `give`, an operation of the sink.
void so_neighbor_remove(so_neighbors *n, so_neighbor *e, void (*give)(void *, so_packet *),
                        void *ctx);

// so_neighbor_enter sets the state and keeps the counts by kind; so_neighbor_use notes that we
// send to it.
void so_neighbor_enter(so_neighbors *n, so_neighbor *e, so_neighbor_state state);
void so_neighbor_use(so_neighbors *n, so_neighbor *e, uint64_t now_ns);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_NDP_CACHE_INTERNAL_H_
