#ifndef SO_NET_NDP_INTERNAL_H_
#define SO_NET_NDP_INTERNAL_H_

// What the sources of net/ndp share.

#include "net/ndp/ndp.h"

#ifdef __cplusplus
extern "C" {
#endif

// The sink of the neighbour cache, over the one that the caller gave.
typedef struct so_ndp_bridge {
  so_ndp *n;
  const so_ndp_sink *sink;
  uint64_t now_ns;
  so_neighbor_sink cache;
} so_ndp_bridge;

void so_ndp_bridge_init(so_ndp_bridge *b, so_ndp *n, uint64_t now_ns, const so_ndp_sink *sink);

// so_ndp_draw returns a number from [0, below).
uint64_t so_ndp_draw(so_ndp *n, uint64_t below);

// so_ndp_emit sends a message.
void so_ndp_emit(const so_nd_message *m, const so_ip *src, const so_ip *dst, const uint8_t *mac,
                 const so_ndp_sink *sink);

// so_ndp_time adds seconds to a time; SO_ND_INFINITE_S gives SO_NEVER.
uint64_t so_ndp_time(uint64_t now_ns, uint32_t seconds);

// --- address.c
so_ndp_address *so_ndp_address_of(so_ndp *n, const so_ip *address);
void so_ndp_duplicate(so_ndp *n, so_ndp_address *a, uint64_t now_ns, const so_ndp_sink *sink);
void so_ndp_make_link_local(so_ndp *n, uint64_t now_ns, const so_ndp_sink *sink);
void so_ndp_autoconfigure(so_ndp *n, const so_nd_prefix *p, uint64_t now_ns,
                          const so_ndp_sink *sink);
void so_ndp_addresses_tick(so_ndp *n, uint64_t now_ns, const so_ndp_sink *sink);
uint64_t so_ndp_addresses_deadline(const so_ndp *n);

// --- router.c
void so_ndp_router_advert(so_ndp *n, const so_nd_message *m, const so_ip *src, uint64_t now_ns,
                          const so_ndp_sink *sink);
void so_ndp_redirected(so_ndp *n, const so_nd_message *m, const so_ip *src, uint64_t now_ns,
                       const so_ndp_sink *sink);
void so_ndp_router_lost(so_ndp *n, const so_ip *address, bool no_router);
void so_ndp_solicit_routers(so_ndp *n, uint64_t now_ns);
void so_ndp_routers_tick(so_ndp *n, uint64_t now_ns, const so_ndp_sink *sink);
so_status so_ndp_prefix_add(so_ndp *n, const so_ip *prefix, uint8_t len, bool manual,
                            uint64_t until_ns, uint64_t now_ns);
bool so_ndp_is_router(const so_ndp *n, const so_ip *address);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_NDP_INTERNAL_H_
