#ifndef SO_NET_TCP_RTT_RTT_H_
#define SO_NET_TCP_RTT_RTT_H_

// Round-trip time and retransmission timeout of one connection (RFC 6298), with the weights of RFC
// 7323 appendix G for several samples a round trip, and the windowed minimum that RACK needs (RFC
// 8985).
//
// Karn's rule is the caller's: a sample is only given for data that was sent once, or whose echoed
// timestamp says which transmission was acknowledged. A backed-off timeout stays until a sample or
// so_tcp_rtt_unbackoff.
//
// Flat, no pointers: a copy is a copy.

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SO_TCP_RTO_INITIAL_MS 1000u  // RFC 6298 (2.1).
// Above 1 s, which (2.4) asks for, is what no stack in use keeps; 200 ms covers the delayed
// acknowledgements in use (40 to 200 ms) because it is added to SRTT, not a floor for the sum.
#define SO_TCP_RTO_MIN_MS 200u
#define SO_TCP_RTO_MAX_MS 120000u    // (2.5): at least 60 s.
#define SO_TCP_RTO_AFTER_SYN_MS 3000u  // (5.7): when the SYN's timer ran out.
#define SO_TCP_RTT_MIN_WINDOW_MS 10000u  // How long a minimum counts at least; twice that at most.

typedef struct so_tcp_rtt {
  uint64_t srtt_ns;  // 0: no sample yet.
  uint64_t rttvar_ns;
  uint32_t min_us;       // Of this half of the window; UINT32_MAX: none.
  uint32_t min_last_us;  // Of the half before.
  uint32_t min_start_ms;
  uint16_t initial_ms;   // The timeout while there is no sample.
  uint8_t backoff;       // Doublings.
  bool stale;            // The next sample counts like the first.
} so_tcp_rtt;

// so_tcp_rtt_init: no samples, the initial timeout.
void so_tcp_rtt_init(so_tcp_rtt *r);

// so_tcp_rtt_sample takes one measurement and ends the back-off. `samples_per_rtt` is how many
// samples a round trip brings (RFC 7323 appendix G: ceil(FlightSize / (2 * SMSS)); 1 when measured
// once).
void so_tcp_rtt_sample(so_tcp_rtt *r, uint64_t rtt_ns, uint32_t samples_per_rtt, uint64_t now_ns);

// so_tcp_rtt_established applies (5.7): a handshake whose SYN had to be sent again and that gave no
// sample starts with 3 s. Clears the back-off.
void so_tcp_rtt_established(so_tcp_rtt *r, bool syn_timed_out);

// so_tcp_rtt_backoff doubles the timeout (5.5); after three it also forgets SRTT's weight, so that
// the next sample starts anew (5.7's note on clearing SRTT).
void so_tcp_rtt_backoff(so_tcp_rtt *r);

// so_tcp_rtt_unbackoff: new data was acknowledged, or the timeout was spurious.
void so_tcp_rtt_unbackoff(so_tcp_rtt *r);

uint64_t so_tcp_rtt_rto_ns(const so_tcp_rtt *r);   // With back-off, within the limits.
uint64_t so_tcp_rtt_srtt_ns(const so_tcp_rtt *r);  // 0: no sample yet.
uint64_t so_tcp_rtt_var_ns(const so_tcp_rtt *r);
uint64_t so_tcp_rtt_min_ns(const so_tcp_rtt *r);   // SO_NEVER: no sample yet.

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_TCP_RTT_RTT_H_
