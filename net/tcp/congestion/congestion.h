#ifndef SO_NET_TCP_CONGESTION_CONGESTION_H_
#define SO_NET_TCP_CONGESTION_CONGESTION_H_

// Congestion control of one connection. What every algorithm shares is here: slow start with
// HyStart++ (RFC 9406), fast recovery by proportional rate reduction (RFC 6937), the loss state
// after a timeout, the answer to ECN (RFC 3168), restart after idleness (RFC 5681 4.1, RFC 7661),
// and taking it all back when the loss was none (F-RTO RFC 5682, Eifel RFC 3522 and 4015, DSACK RFC
// 3708). An algorithm only says how the window grows without loss and what is left of it after one:
// NewReno (RFC 5681, 6582, 3465) and CUBIC (RFC 9438).
//
// All windows are bytes. Flat state but for the pointer to the constant algorithm: a copy is a
// copy.
//
// States:
//   OPEN     --loss--> RECOVERY          --una >= recover--> OPEN
//   OPEN     --ECE---> CWR               --una >= recover--> OPEN
//   CWR      --loss--> RECOVERY            (no second reduction)
//   any      --timeout--> LOSS           --una >= recover--> OPEN
//   RECOVERY, LOSS     --spurious--> OPEN

#include <stdbool.h>
#include <stdint.h>

#include "net/tcp/rtt/rtt.h"
#include "net/tcp/scoreboard/scoreboard.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_TCP_WINDOW_MAX (UINT32_C(1) << 30)  // What window scaling can say (RFC 7323 2.3).

typedef enum so_tcp_phase {
  SO_TCP_OPEN = 0,
  SO_TCP_CWR,
  SO_TCP_RECOVERY,
  SO_TCP_LOSS,
} so_tcp_phase;

typedef struct so_tcp_congestion so_tcp_congestion;

typedef struct so_tcp_algorithm {
  const char *name;
  // Congestion avoidance: `acked` bytes were acknowledged while the window was used fully.
  void (*grow)(so_tcp_congestion *c, uint32_t acked, uint64_t srtt_ns, uint64_t now_ns);
  // A congestion event: remembers what it needs of `flight` and returns the new ssthresh (unbounded
  // below).
  uint32_t (*reduce)(so_tcp_congestion *c, uint32_t flight);
  // A new stage of congestion avoidance begins at the next grow; `timeout`: after a timeout.
  void (*restart)(so_tcp_congestion *c, bool timeout);
} so_tcp_algorithm;

extern const so_tcp_algorithm so_tcp_newreno;
extern const so_tcp_algorithm so_tcp_cubic;

// CUBIC's variables (RFC 9438 4.1), bytes and milliseconds.
typedef struct so_tcp_cubic_state {
  uint32_t w_max;
  uint32_t w_est;
  uint32_t w_epoch;    // cwnd_epoch
  uint32_t cwnd_prior;
  uint32_t k_ms;
  uint32_t est_rest;   // Remainders of the divisions, so that nothing is lost to rounding.
  uint32_t grow_rest;
  bool epoch_valid;
  bool after_timeout;
  uint64_t epoch_ns;
} so_tcp_cubic_state;

struct so_tcp_congestion {
  const so_tcp_algorithm *algorithm;
  uint32_t mss;
  uint32_t cwnd;
  uint32_t ssthresh;
  uint8_t phase;  // An so_tcp_phase.
  bool recover_valid;
  bool cwr_pending;  // The next segment of new data carries CWR.
  bool undo_valid;
  uint32_t recover;  // nxt when the reduction began: the episode ends when it is acknowledged.

  // RFC 6937.
  uint32_t prr_delivered;
  uint32_t prr_out;
  uint32_t recover_fs;

  // To take a reduction back.
  uint32_t undo_cwnd;
  uint32_t undo_ssthresh;
  uint32_t undo_start;        // una when the episode began.
  uint32_t undo_retransmits;  // Segments sent again and not reported as duplicates yet.
  uint64_t retransmit_ns;     // When this episode first sent a segment again; SO_NEVER: not yet.
  bool eifel_done;            // The first ACK that could tell came, and said it was no mistake.
  so_tcp_cubic_state undo_cubic;

  // RFC 9406.
  bool css;
  uint8_t css_rounds;
  uint8_t samples;
  uint32_t window_end;
  uint32_t last_min_us;
  uint32_t current_min_us;
  uint32_t css_baseline_us;

  uint32_t avoid_rest;  // NewReno: bytes acknowledged towards the next segment.
  so_tcp_cubic_state cubic;

  uint64_t last_sent_ns;  // Of data; SO_NEVER: never.
  uint32_t reductions;    // Statistics.
  uint32_t undos;
};

// so_tcp_congestion_init: slow start with the window of RFC 6928 (one segment when the SYN was
// lost). `seq` is snd.nxt.
void so_tcp_congestion_init(so_tcp_congestion *c, const so_tcp_algorithm *algorithm, uint32_t mss,
                            bool syn_lost, uint32_t seq);

// so_tcp_congestion_ack takes the report of every ACK that so_tcp_scoreboard_ack took, or of a
// reordering timeout. True: the loss was spurious; the caller calls so_tcp_scoreboard_unlose and
// so_tcp_rtt_unbackoff.
bool so_tcp_congestion_ack(so_tcp_congestion *c, const so_tcp_ack_report *report,
                           const so_tcp_rtt *rtt, uint64_t now_ns);

// so_tcp_congestion_timeout: the retransmission timer ran out, and the scoreboard was told.
void so_tcp_congestion_timeout(so_tcp_congestion *c, const so_tcp_ack_report *report);

// so_tcp_congestion_sent: `len` bytes of data were sent, new or (`again`) retransmitted.
void so_tcp_congestion_sent(so_tcp_congestion *c, uint32_t len, bool again, uint64_t now_ns);

// so_tcp_congestion_room is how many bytes may be sent now, with `pipe` in flight. The caller may
// round it up to a segment when it is a segment or more, and sends the first segment after a
// timeout or on entering recovery in any case (so_tcp_congestion sees to it that there is room).
uint32_t so_tcp_congestion_room(const so_tcp_congestion *c, uint32_t pipe);

// so_tcp_congestion_idle is to be called before sending when nothing is outstanding: after an idle
// time of more than a timeout the window starts anew.
void so_tcp_congestion_idle(so_tcp_congestion *c, uint64_t rto_ns, uint64_t now_ns);

// so_tcp_congestion_mss: the path's MTU changed; windows keep their number of bytes, but at least
// two segments.
void so_tcp_congestion_mss(so_tcp_congestion *c, uint32_t mss);

static inline bool so_tcp_congestion_recovering(const so_tcp_congestion *c) {
  return c->phase == SO_TCP_RECOVERY || c->phase == SO_TCP_LOSS;
}
static inline bool so_tcp_congestion_slow_start(const so_tcp_congestion *c) {
  return c->cwnd < c->ssthresh;
}

// so_tcp_congestion_check says whether the invariants hold (windows within limits, states legal).
// For tests.
bool so_tcp_congestion_check(const so_tcp_congestion *c);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_TCP_CONGESTION_CONGESTION_H_
