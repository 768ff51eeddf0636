#ifndef SO_NET_ARP_INTERNAL_H_
#define SO_NET_ARP_INTERNAL_H_

// Between the table of neighbours, our own addresses, and the input that serves both.

#include "kernel/ports/clock.h"
#include "net/arp/arp.h"

extern const uint8_t so_arp_broadcast[SO_MAC_LEN];

// so_arp_spend takes one request from the rate; false: none is left.
bool so_arp_spend(so_arp *a, uint64_t now_ns);

// so_arp_request sends a request for `target`; `source` 0.0.0.0 makes it a probe (RFC 5227 1.1).
void so_arp_request(so_arp *a, const uint8_t source[4], const uint8_t target[4],
                    const uint8_t dst[SO_MAC_LEN]);

// so_arp_learn takes what a message says of its sender. `create`: it was for us, so we will likely
// answer. `solicited`: it is a reply sent to us.
void so_arp_learn(so_arp *a, const so_arp_message *m, bool create, bool solicited, uint64_t now_ns);

// so_arp_own_input lets our addresses see a message. True: it was a conflict, and is not to be
// learned from.
bool so_arp_own_input(so_arp *a, const so_arp_message *m, uint64_t now_ns);

// so_arp_answers_for says whether `ip` is an address that we answer for.
bool so_arp_answers_for(const so_arp *a, const uint8_t ip[4]);

// so_arp_any_own writes an address to ask with, preferring one; 0.0.0.0 when there is none.
void so_arp_any_own(const so_arp *a, uint8_t out[4]);

void so_arp_own_tick(so_arp *a, uint64_t now_ns);
uint64_t so_arp_own_deadline(const so_arp *a);

#endif  // SO_NET_ARP_INTERNAL_H_
