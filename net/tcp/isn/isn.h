#ifndef SO_NET_TCP_ISN_ISN_H_
#define SO_NET_TCP_ISN_ISN_H_

// Numbers that an outsider must not guess: initial sequence numbers (RFC 6528), SYN cookies (RFC
// 4987 3.6), and the offset of a connection's timestamps (RFC 7323 5.4). All are SipHash-2-4 under
// one secret key.
//
// A cookie is an initial sequence number that holds what a listener must remember of a SYN: the top
// 5 bits count periods of 64 s, 3 bits choose one of eight segment sizes, 24 bits are a MAC over
// the connection, the peer's number, the period and the choice; the top byte is masked by the
// connection's hash. One guess in 2^24 is right for one period: a listener only takes cookies while
// its table of half-open connections is full. What else the SYN offered travels in the low bits of
// our timestamp.

#include <stdbool.h>
#include <stdint.h>

#include "net/address/address.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_TCP_SECRET_LEN 16
#define SO_TCP_COOKIE_PERIOD_S 64
#define SO_TCP_COOKIE_PERIODS 2      // A cookie is good for 64 to 128 s.
#define SO_TCP_COOKIE_OPTION_BITS 6  // Of the timestamp.

typedef struct so_tcp_tuple {
  so_ip local;
  so_ip remote;
  uint16_t local_port;
  uint16_t remote_port;
} so_tcp_tuple;

// What a cookie keeps. Window scale and SACK only survive when the peer sends timestamps.
typedef struct so_tcp_cookie {
  uint16_t mss;         // Encoding rounds down to one of eight sizes.
  uint8_t window_scale;  // 0 to 14; 15: not offered.
  bool sack;
  bool ecn;
} so_tcp_cookie;

// so_tcp_isn is the initial sequence number: a clock of 4 microseconds plus the keyed hash of the
// connection.
uint32_t so_tcp_isn(const uint8_t key[SO_TCP_SECRET_LEN], const so_tcp_tuple *t, uint64_t now_ns);

// so_tcp_timestamp_offset is what is added to milliseconds to make the timestamps of a connection.
uint32_t so_tcp_timestamp_offset(const uint8_t key[SO_TCP_SECRET_LEN], const so_tcp_tuple *t);

// so_tcp_hash spreads connections over the buckets of a table.
uint64_t so_tcp_hash(const uint8_t key[SO_TCP_SECRET_LEN], const so_tcp_tuple *t);

// so_tcp_cookie_make is the sequence number for the SYN-ACK that answers a SYN with number
// `peer_isn`.
uint32_t so_tcp_cookie_make(const uint8_t key[SO_TCP_SECRET_LEN], const so_tcp_tuple *t,
                            uint32_t peer_isn, uint16_t mss, uint64_t now_ns);

// so_tcp_cookie_check says whether `cookie` (the ACK's number - 1) is one that we made for this
// connection and `peer_isn` (the ACK's sequence number - 1) in this or the last period, and gives
// its segment size.
bool so_tcp_cookie_check(const uint8_t key[SO_TCP_SECRET_LEN], const so_tcp_tuple *t,
                         uint32_t peer_isn, uint32_t cookie, uint64_t now_ns, uint16_t *mss);

// so_tcp_cookie_timestamp hides the options in the low bits of a timestamp, never making it later
// than `timestamp`.
uint32_t so_tcp_cookie_timestamp(uint32_t timestamp, const so_tcp_cookie *c);

// so_tcp_cookie_options reads them from the echoed timestamp (all but mss). MACs do not cover it: a
// peer only deceives itself.
void so_tcp_cookie_options(uint32_t echoed, so_tcp_cookie *c);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_TCP_ISN_ISN_H_
