#ifndef SO_NET_TCP_SCOREBOARD_SCOREBOARD_H_
#define SO_NET_TCP_SCOREBOARD_SCOREBOARD_H_

// What a TCP sender has outstanding: ranges of sequence numbers with the time they were last sent,
// whether the receiver has them (RFC 2018), and whether they count as lost (RACK-TLP, RFC 8985). It
// knows snd.una and snd.nxt, what is in flight ("pipe" of RFC 6675), what to send again, and when
// the next of its three timers runs out: reordering, tail-loss probe, retransmission.
//
// Invariants (so_tcp_scoreboard_check): the ranges are in order and cover [una, nxt) without a gap;
// a range is never SACKed and lost; sacked and lost are the sums of what is marked so; pipe =
// outstanding - sacked - dup_bytes - lost. A lost range that is sent again is not lost any more (it
// carries the new time and the mark `retransmitted`).
//
// Memory: an array of ranges from the heap that grows with what is outstanding and goes back when
// nothing is. Neighbours in the same state are joined where no information that matters goes lost
// (bytes sent at the same time; all that is SACKed). At `range_max` ranges, or when the heap
// refuses, new bytes join the last range and a SACK that would have to cut a range is taken only
// for whole ranges: less precise, never wrong.
//
// Without SACK (so_tcp_scoreboard.sack false) each duplicate ACK stands for one segment that
// arrived, the third marks the first segment lost, and a partial ACK the next one (RFC 6582).
//
// Order of calls on an ACK: so_tcp_scoreboard_ack, then so_tcp_congestion_ack with its report; then
// send: while so_tcp_congestion_room allows, first so_tcp_scoreboard_next_lost, then new data.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/status.h"
#include "net/tcp/rtt/rtt.h"
#include "net/tcp/sequence/sequence.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_TCP_RANGES_MAX 1024u  // Default for range_max: 24 KiB.
#define SO_TCP_SACK_BLOCKS_MAX 4

typedef struct so_tcp_sent {
  uint32_t seq;
  uint32_t len;
  uint64_t sent_ns;  // The last time.
  uint8_t flags;     // SO_TCP_SENT_*
  uint8_t reserved[7];
} so_tcp_sent;

#define SO_TCP_SENT_SACKED 1u
#define SO_TCP_SENT_LOST 2u
#define SO_TCP_SENT_RETRANSMITTED 4u

typedef enum so_tcp_timer {
  SO_TCP_TIMER_NONE = 0,
  SO_TCP_TIMER_REORDER,     // Call so_tcp_scoreboard_reorder_timeout.
  SO_TCP_TIMER_PROBE,       // Send new data or so_tcp_scoreboard_last; so_tcp_scoreboard_probed.
  SO_TCP_TIMER_RETRANSMIT,  // Call so_tcp_scoreboard_timeout.
} so_tcp_timer;

typedef struct so_tcp_scoreboard {
  const so_heap *heap;
  so_tcp_sent *ranges;
  uint32_t first;  // Index of the oldest range.
  uint32_t count;
  uint32_t cap;
  uint32_t range_max;
  uint32_t mss;
  bool sack;  // Negotiated.

  uint32_t una;
  uint32_t nxt;
  uint32_t sacked;
  uint32_t lost;
  uint32_t lost_total;  // Ever marked lost; wraps.
  uint32_t lost_hint;  // No range before this one (counted from `first`) is lost.
  uint32_t dup_acks;   // Without SACK: since una moved,
  uint32_t dup_bytes;  // and what they say has arrived.

  // RFC 8985 6.1.
  uint64_t rack_sent_ns;
  uint32_t rack_end;
  uint32_t rack_rtt_us;
  uint32_t fack;
  uint32_t dsack_round;
  uint64_t reorder_ns;  // When the reordering timer runs out; SO_NEVER.
  bool rack_valid;
  bool reordering_seen;
  bool dsack_round_valid;
  bool in_recovery;       // As so_tcp_scoreboard_recovery said.
  uint8_t reo_wnd_mult;
  uint8_t reo_wnd_persist;

  // 7: the probe.
  bool probe_out;
  bool probe_retransmitted;
  bool probe_needs_sample;  // At most one probe for each RTT sample.
  uint32_t probe_end;

  uint64_t timer_start_ns;  // Where the retransmission timer started (RFC 6298 5).
  uint64_t last_sent_ns;

  uint64_t reneged;       // Statistics.
  uint64_t sack_ignored;  // Blocks that could not be.
} so_tcp_scoreboard;

// What an ACK says about, parsed. `sacks` as on the wire: the first may be a duplicate report (RFC
// 2883).
typedef struct so_tcp_ack {
  uint32_t ack;
  so_seq_range sacks[SO_TCP_SACK_BLOCKS_MAX];
  size_t sack_count;
  // When, by our clock, the segment was sent whose timestamp is echoed (so a whole millisecond,
  // rounded down); SO_NEVER without timestamps.
  uint64_t echo_ns;
  // RFC 5681 "duplicate": nothing but an acknowledgement of una, same window, no data, SYN or FIN.
  // Only looked at without SACK.
  bool duplicate;
  bool ece;  // RFC 3168: the receiver saw congestion.
} so_tcp_ack;

// What came of it; what so_tcp_congestion_ack takes.
typedef struct so_tcp_ack_report {
  uint32_t una;        // After.
  uint32_t nxt;
  uint32_t acked;      // How far una moved.
  uint32_t delivered;  // DeliveredData of RFC 6937: newly acked or SACKed.
  uint32_t lost;       // Bytes newly marked lost.
  uint32_t pipe_before;
  uint32_t pipe;       // After.
  uint64_t rtt_ns;     // Of the newest data sent once, or of the echo; SO_NEVER: no sample.
  uint64_t echo_ns;    // As given.
  bool original_acked;  // Only bytes sent once were newly acked or SACKed (evidence for F-RTO),
  uint32_t original_start;  // the first of them here.
  bool dsack;  // A valid duplicate report came that is not the probe's.
  so_seq_range dsack_range;
  bool probe_loss;      // The tail-loss probe repaired a loss (RFC 8985 7.4.2): answer congestion.
  bool reneged;
  bool ece;
} so_tcp_ack_report;

// so_tcp_scoreboard_init: nothing outstanding, una == nxt == `seq`. Takes no memory yet.
// `range_max` 0: the default.
void so_tcp_scoreboard_init(so_tcp_scoreboard *s, const so_heap *heap, uint32_t seq, uint32_t mss,
                            bool sack, uint32_t range_max);
void so_tcp_scoreboard_release(so_tcp_scoreboard *s);

// so_tcp_scoreboard_sent: `len` > 0 numbers from `nxt` on are being sent (SYN and FIN count). Call
// it before the packet leaves. LIMIT: no range is free; send nothing, and try again at the next ACK
// or timer (or, with nothing outstanding, when there is memory).
SO_MUST_USE so_status so_tcp_scoreboard_sent(so_tcp_scoreboard *s, uint32_t len, uint64_t now_ns);

// so_tcp_scoreboard_ack takes an acceptable ACK (una <= ack <= nxt; an older one may bring SACKs
// and is taken as ack = una), updates all marks and `rtt` (sample, back-off), detects losses, and
// reports.
void so_tcp_scoreboard_ack(so_tcp_scoreboard *s, so_tcp_rtt *rtt, const so_tcp_ack *ack,
                           uint64_t now_ns, so_tcp_ack_report *out);

// so_tcp_scoreboard_timer says which timer runs out next, and when. SO_NEVER and NONE when nothing
// is outstanding. While the peer's window is zero and nothing is outstanding the persist timer is
// the caller's.
uint64_t so_tcp_scoreboard_timer(const so_tcp_scoreboard *s, const so_tcp_rtt *rtt,
                                 so_tcp_timer *out);

// so_tcp_scoreboard_reorder_timeout marks what is now late enough (RFC 8985 6.3) and reports it
// like an ACK that acknowledged nothing.
void so_tcp_scoreboard_reorder_timeout(so_tcp_scoreboard *s, const so_tcp_rtt *rtt, uint64_t now_ns,
                                       so_tcp_ack_report *out);

// so_tcp_scoreboard_timeout is the retransmission timeout: backs `rtt` off, marks the first range
// and all that is late lost, forgets SACKs when the receiver reneged. Then
// so_tcp_congestion_timeout, then send.
void so_tcp_scoreboard_timeout(so_tcp_scoreboard *s, so_tcp_rtt *rtt, uint64_t now_ns,
                               so_tcp_ack_report *out);

// so_tcp_scoreboard_last is the last segment outstanding (at most `mss`), for a probe. False: none.
bool so_tcp_scoreboard_last(const so_tcp_scoreboard *s, so_seq_range *out);

// so_tcp_scoreboard_probed: a probe that ends at `nxt` was sent: new data (after
// so_tcp_scoreboard_sent) or the last segment again (instead of so_tcp_scoreboard_retransmitted).
void so_tcp_scoreboard_probed(so_tcp_scoreboard *s, bool retransmission, uint64_t now_ns);

// so_tcp_scoreboard_next_lost is the first range to send again, at most `len_max` bytes. False:
// none.
bool so_tcp_scoreboard_next_lost(so_tcp_scoreboard *s, uint32_t len_max, so_seq_range *out);

// so_tcp_scoreboard_retransmitted: this range (within [una, nxt)) was sent again.
void so_tcp_scoreboard_retransmitted(so_tcp_scoreboard *s, so_seq_range r, uint64_t now_ns);

// so_tcp_scoreboard_lose marks all that is not SACKed lost, for another reason than congestion: the
// path's MTU fell (`mss` is the new one).
void so_tcp_scoreboard_lose(so_tcp_scoreboard *s, uint32_t mss);

// so_tcp_scoreboard_unlose takes back what was marked and not sent again: the timeout was spurious.
void so_tcp_scoreboard_unlose(so_tcp_scoreboard *s);

// so_tcp_scoreboard_recovery tells of entering and leaving a recovery
// (so_tcp_congestion_recovering).
void so_tcp_scoreboard_recovery(so_tcp_scoreboard *s, bool in_recovery);

static inline uint32_t so_tcp_scoreboard_outstanding(const so_tcp_scoreboard *s) {
  return s->nxt - s->una;
}
static inline uint32_t so_tcp_scoreboard_pipe(const so_tcp_scoreboard *s) {
  return s->nxt - s->una - s->sacked - s->lost - s->dup_bytes;
}

// so_tcp_scoreboard_check walks everything and says whether the invariants hold. For tests.
bool so_tcp_scoreboard_check(const so_tcp_scoreboard *s);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_TCP_SCOREBOARD_SCOREBOARD_H_
