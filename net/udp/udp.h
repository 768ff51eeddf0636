#ifndef SO_NET_UDP_UDP_H_
#define SO_NET_UDP_UDP_H_

// UDP (RFC 768) over either family: the header, and a host's table of sockets.
//
// A socket is a local port, maybe a local address, maybe one peer, and a bounded queue of
// datagrams. A datagram goes to the socket that says most about it: one connected to its sender
// before one bound to its destination before one bound to any address. Without a socket the sender
// is told, through IP.
//
// Ownership: sockets live in the table until so_udp_close; packets received belong to the caller.
// Queues are bounded by socket and altogether, because what waits in them are pages of the pool.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/heap.h"
#include "base/status.h"
#include "crypto/rng/rng.h"
#include "net/address/address.h"
#include "net/icmp/error.h"
#include "net/packet/packet.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_UDP_HEADER_LEN 8u
#define SO_UDP_PAYLOAD_LEN_MAX 65507u  // IPv4's 65535 without its header and UDP's.
#define SO_UDP_EPHEMERAL_MIN 49152u    // RFC 6335 6.
#define SO_UDP_NONE UINT32_MAX

typedef struct so_udp_header {
  uint16_t src_port;
  uint16_t dst_port;
  uint16_t len;       // Header and payload.
  uint16_t checksum;  // 0: the sender made none.
} so_udp_header;

// so_udp_parse reads the 8 bytes in front of `datagram` (of which only those need be given);
// `packet_len` is what IP says the datagram has. MALFORMED: short, or a length that cannot be.
SO_MUST_USE so_status so_udp_parse(so_bytes datagram, size_t packet_len, so_udp_header *out);
void so_udp_emit(const so_udp_header *h, uint8_t out[SO_UDP_HEADER_LEN]);

// What is below: so_interface's functions, or a test's.
typedef struct so_udp_lower {
  so_status (*send)(void *ctx, so_packet *p, uint64_t now_ns);  // Takes p.
  void (*unreachable)(void *ctx, const so_packet *p, uint64_t now_ns);
  void *ctx;
} so_udp_lower;

typedef struct so_udp_config {
  so_udp_lower lower;
  uint8_t seed[SO_RNG_SEED_LEN];  // Ports that nobody guesses (RFC 6056).
  uint32_t sockets_max;      // 0: 256. At most 32768.
  uint32_t queue_max;        // Datagrams that wait at one socket. 0: 256.
  uint32_t queue_total_max;  // At all. 0: 1024.
} so_udp_config;

typedef struct so_udp_stats {
  uint64_t rx;
  uint64_t rx_malformed;
  uint64_t rx_checksum;
  uint64_t rx_no_port;
  uint64_t rx_queue_full;
  uint64_t rx_no_buffer;
  uint64_t rx_errors;          // ICMP errors for a socket of ours.
  uint64_t rx_errors_ignored;  // About nothing that we sent.
  uint64_t tx;
  uint64_t tx_failed;
} so_udp_stats;

typedef struct so_udp so_udp;

typedef struct so_udp_socket {
  so_udp *owner;      // NULL: free.
  uint32_t next;      // In its bucket, or the free list.
  so_ip local;        // Family 0: any address of either family; so_ip_any: any of one family.
  so_ip peer;         // Family 0: anybody.
  uint16_t local_port;
  uint16_t peer_port;
  uint32_t queue_count;
  so_packet *queue_first;
  so_packet *queue_last;
  uint8_t error;      // An so_ip_error_kind that so_udp_receive has not said yet.
  void (*ready)(void *ctx);
  void *ready_ctx;
} so_udp_socket;

struct so_udp {
  so_udp_lower lower;
  so_packet_pool *pool;
  const so_heap *heap;
  so_rng rng;
  so_udp_socket *sockets;
  uint32_t *buckets;
  uint32_t bucket_mask;
  uint32_t sockets_max;
  uint32_t free;
  uint32_t queue_max;
  uint32_t queue_total_max;
  uint32_t queued;
  so_udp_stats stats;
};

// so_udp_init takes the table from `heap`. LIMIT: it refuses. The so_udp must not move.
SO_MUST_USE so_status so_udp_init(so_udp *u, const so_udp_config *config, so_packet_pool *pool,
                                  const so_heap *heap);
void so_udp_release(so_udp *u);

// so_udp_open binds a socket. `local` as in so_udp_socket; `port` 0 chooses a random free one.
// `ready` (may be NULL) is called when something came that so_udp_receive would say; it must not
// close the socket. LIMIT: no socket or port is free. CONFLICT: a socket without peer has the same
// address and port.
SO_MUST_USE so_status so_udp_open(so_udp *u, so_ip local, uint16_t port, void (*ready)(void *ctx),
                                  void *ready_ctx, so_udp_socket **out);

// so_udp_connect lets only one peer's datagrams in (family 0: anybody's again).
void so_udp_connect(so_udp_socket *s, so_ip peer, uint16_t port);

// so_udp_close frees the socket and what waits at it.
void so_udp_close(so_udp_socket *s);

typedef struct so_udp_peer {
  so_ip ip;
  uint16_t port;
  // Received: the address it was sent to. To send: the source, family 0: as bound or chosen.
  so_ip local;
} so_udp_peer;

// so_udp_send takes `payload`, always. `to` NULL: the connected peer. LIMIT: too long, or no
// buffers. CONFLICT: no peer. Otherwise as so_interface_send.
SO_MUST_USE so_status so_udp_send(so_udp_socket *s, const so_udp_peer *to, so_packet *payload,
                                  uint64_t now_ns);

// so_udp_send_bytes copies the payload.
SO_MUST_USE so_status so_udp_send_bytes(so_udp_socket *s, const so_udp_peer *to, so_bytes payload,
                                        uint64_t now_ns);

// so_udp_receive gives the next datagram's payload (the caller frees it with the pool) and who sent
// it. AGAIN: none waits. IO: an ICMP error came; detail is its so_ip_error_kind, said once.
SO_MUST_USE so_status so_udp_receive(so_udp_socket *s, so_packet **out, so_udp_peer *from);

// so_udp_input takes a packet that so_interface_upper.deliver handed up with protocol 17.
void so_udp_input(so_udp *u, so_packet *p, uint64_t now_ns);

// so_udp_error reads an error about a datagram. True: it quotes one of a socket of ours. A
// connected socket hears of it; others are not told, as they may have sent to many.
bool so_udp_error(so_udp *u, const so_ip_error *e, uint64_t now_ns);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_UDP_UDP_H_
