#ifndef SO_NET_DHCP_DHCP_H_
#define SO_NET_DHCP_DHCP_H_

// A DHCPv4 client (RFC 2131, 2132; long options RFC 3396, classless routes RFC 3442, client
// identifiers RFC 4361, search lists RFC 3397): from nothing to a lease, and keeping it.
//
// Pure: time and datagrams come in, at most one message to send and one event go out of each call.
// The owner calls so_dhcp_tick when the deadline is due and so_dhcp_input for each datagram to port
// 68, then takes so_dhcp_message and so_dhcp_event. Messages without a source address go out from
// 0.0.0.0 to 255.255.255.255 before the interface has an address; answers come to the broadcast
// address (the flag for it is set, so that no address that is not configured has to be received).
//
// Whether the address is free is checked by who configures it (ARP probes, RFC 5227): the owner
// puts the address of SO_DHCP_BOUND on the interface, and says so_dhcp_conflict when somebody has
// it.
//
// No memory but the struct itself. Views borrow it until the next call.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "crypto/rng/rng.h"
#include "net/address/address.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_DHCP_SERVER_PORT 67
#define SO_DHCP_CLIENT_PORT 68
// Read; longer ones are cut by no server that honours option 57.
#define SO_DHCP_MESSAGE_LEN_MAX 1500
#define SO_DHCP_SEND_LEN_MAX 576      // What every relay passes on.
#define SO_DHCP_HOSTNAME_LEN_MAX 63
#define SO_DHCP_DOMAIN_LEN_MAX 255
#define SO_DHCP_SEARCH_LEN_MAX 512
#define SO_DHCP_ROUTERS_MAX 4
#define SO_DHCP_DNS_MAX 4
#define SO_DHCP_NTP_MAX 4
#define SO_DHCP_ROUTES_MAX 32
// 255, identity association (4), DUID-LL of an Ethernet address (10).
#define SO_DHCP_CLIENT_ID_LEN 15

typedef struct so_dhcp_route {
  so_ip destination;
  uint8_t prefix_len;
  so_ip gateway;  // 0.0.0.0: on the link.
} so_dhcp_route;

typedef struct so_dhcp_lease {
  so_ip address;
  so_ip server;
  uint8_t prefix_len;
  uint8_t router_count;  // Ignore them when there are classless routes (RFC 3442): then it is 0.
  uint8_t dns_count;
  uint8_t ntp_count;
  uint8_t route_count;
  uint8_t domain_len;
  uint16_t mtu;         // 0: not told.
  uint32_t lease_s;     // UINT32_MAX: for ever.
  uint32_t renew_s;     // T1
  uint32_t rebind_s;    // T2
  so_ip routers[SO_DHCP_ROUTERS_MAX];
  so_ip dns[SO_DHCP_DNS_MAX];
  so_ip ntp[SO_DHCP_NTP_MAX];
  so_dhcp_route routes[SO_DHCP_ROUTES_MAX];
  uint16_t search_len;
  uint8_t domain[SO_DHCP_DOMAIN_LEN_MAX];  // Text, as the server sent it.
  // Option 119 with its pieces joined, for net/dns/search; a longer one is cut.
  uint8_t search[SO_DHCP_SEARCH_LEN_MAX];
} so_dhcp_lease;

// --- wire format
// ----------------------------------------------------------------------------------

typedef enum so_dhcp_type {
  SO_DHCP_NO_TYPE,  // A BOOTP message.
  SO_DHCP_DISCOVER,
  SO_DHCP_OFFER,
  SO_DHCP_REQUEST,
  SO_DHCP_DECLINE,
  SO_DHCP_ACK,
  SO_DHCP_NAK,
  SO_DHCP_RELEASE,
  SO_DHCP_INFORM,
} so_dhcp_type;

// What the client reads of a server's message.
typedef struct so_dhcp_reply {
  so_dhcp_type type;
  uint32_t xid;
  uint8_t hardware[6];
  bool has_server;
  bool has_client_id;  // RFC 6842: then it is ours, or the message is for another.
  bool client_id_is_ours;
  so_dhcp_lease lease;  // Times are 0 where the server told none.
} so_dhcp_reply;

// so_dhcp_reply_parse reads a server's message. Options may be cut in pieces (RFC 3396) and
// overflow into `file` and `sname` (option 52). MALFORMED: truncated, an option that runs out of
// its field, a length that its option cannot have, no or several message types. UNSUPPORTED: not
// Ethernet, or not from a server. `client_id` is what we sent.
SO_MUST_USE so_status so_dhcp_reply_parse(so_bytes message, so_bytes client_id,
                                          so_dhcp_reply *out);

// --- client
// ---------------------------------------------------------------------------------------

typedef enum so_dhcp_state {
  SO_DHCP_INIT,         // Waits a little before it begins, also after a NAK or DECLINE.
  SO_DHCP_SELECTING,    // DISCOVER was sent.
  SO_DHCP_REQUESTING,   // REQUEST for an offer was sent.
  SO_DHCP_REBOOTING,    // REQUEST for the address of an earlier run was sent.
  SO_DHCP_HOLDING,      // BOUND of RFC 2131.
  SO_DHCP_RENEWING,     // Past T1: asks its server.
  SO_DHCP_REBINDING,    // Past T2: asks anybody.
  SO_DHCP_STOPPED,      // After so_dhcp_stop.
} so_dhcp_state;
#define SO_DHCP_STATES 8

typedef enum so_dhcp_event_kind {
  SO_DHCP_NONE,
  SO_DHCP_BOUND,    // There is a lease: configure it.
  SO_DHCP_RENEWED,  // The same address for longer; the rest of the lease may have changed.
  SO_DHCP_LOST,     // The address must not be used any more.
} so_dhcp_event_kind;

typedef struct so_dhcp_out {
  so_ip src;  // 0.0.0.0 or the leased address.
  so_ip dst;  // 255.255.255.255 or a server.
  so_bytes payload;  // For UDP from port 68 to port 67.
} so_dhcp_out;

typedef struct so_dhcp_stats {
  uint64_t sent[9];      // By so_dhcp_type.
  uint64_t received[9];  // By so_dhcp_type, those meant for us.
  uint64_t malformed;
  uint64_t other;        // For another client, another transaction, or of no use in this state.
  uint64_t timeouts;
  uint64_t bound;
  uint64_t lost;
  uint64_t conflicts;
} so_dhcp_stats;

typedef struct so_dhcp_config {
  uint8_t mac[6];
  // Sent as option 12; empty: none. Copied, at most SO_DHCP_HOSTNAME_LEN_MAX bytes.
  so_bytes hostname;
  so_ip previous;     // The address of an earlier run, asked for first; family 0: none.
  uint8_t seed[SO_RNG_SEED_LEN];
} so_dhcp_config;

typedef struct so_dhcp {
  so_dhcp_state state;
  so_dhcp_event_kind event;
  bool has_message;
  uint8_t attempt;        // Of the present exchange.
  uint8_t hostname_len;
  uint8_t mac[6];
  uint8_t client_id[SO_DHCP_CLIENT_ID_LEN];
  uint8_t hostname[SO_DHCP_HOSTNAME_LEN_MAX];
  uint32_t xid;
  uint64_t begun_ns;      // The exchange, for `secs`.
  uint64_t requested_ns;  // When the request was first sent: from then on a lease counts.
  uint64_t resend_ns;     // SO_NEVER: nothing to send again.
  uint64_t renew_ns;      // T1, T2 and the end of the lease on the clock.
  uint64_t rebind_ns;
  uint64_t expire_ns;
  so_ip wanted;           // Requested address; family 0: none.
  so_ip wanted_server;
  so_dhcp_lease lease;
  so_rng rng;
  so_dhcp_stats stats;
  so_ip out_src;
  so_ip out_dst;
  size_t out_len;
  uint8_t out[SO_DHCP_SEND_LEN_MAX];
} so_dhcp;

// so_dhcp_init sets up a client that begins within a second (RFC 2131 4.4.1 wants a random wait of
// 1 to 10 s against many hosts that start together; guests of one machine need less).
void so_dhcp_init(so_dhcp *d, const so_dhcp_config *config, uint64_t now_ns);

uint64_t so_dhcp_deadline(const so_dhcp *d);
void so_dhcp_tick(so_dhcp *d, uint64_t now_ns);

// so_dhcp_input takes the payload of a datagram to port 68. What is of no use is counted.
void so_dhcp_input(so_dhcp *d, so_bytes payload, uint64_t now_ns);

// so_dhcp_message gives what is to be sent, once. Ask after each call that takes `now_ns`.
bool so_dhcp_message(so_dhcp *d, so_dhcp_out *out);

// so_dhcp_event gives what happened, once. BOUND and RENEWED: see d->lease.
so_dhcp_event_kind so_dhcp_event(so_dhcp *d);

// so_dhcp_conflict: somebody else has the address. Declines it, and begins again after 10 s.
void so_dhcp_conflict(so_dhcp *d, uint64_t now_ns);

// so_dhcp_link_up: the cable was plugged in again; the present address is asked for anew
// (INIT-REBOOT). It stays in use until the server says no.
void so_dhcp_link_up(so_dhcp *d, uint64_t now_ns);

// so_dhcp_stop gives the lease back (RELEASE) and stays silent.
void so_dhcp_stop(so_dhcp *d, uint64_t now_ns);

const char *so_dhcp_state_name(so_dhcp_state state);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_DHCP_DHCP_H_
