#ifndef SO_NET_TCP_SCOREBOARD_INTERNAL_H_
#define SO_NET_TCP_SCOREBOARD_INTERNAL_H_

// What the files of the scoreboard share: the ranges by index (0: the oldest), and marking.

#include "net/tcp/scoreboard/scoreboard.h"

static inline so_tcp_sent *so_scoreboard_at(const so_tcp_scoreboard *s, uint32_t index) {
  return &s->ranges[s->first + index];
}

static inline bool so_scoreboard_has(const so_tcp_sent *r, uint8_t flag) {
  return (r->flags & flag) != 0;
}

static inline uint32_t so_scoreboard_end(const so_tcp_sent *r) { return r->seq + r->len; }

// so_scoreboard_find is the index of the range that holds `seq` (una <= seq < nxt).
uint32_t so_scoreboard_find(const so_tcp_scoreboard *s, uint32_t seq);

// so_scoreboard_split cuts range `index` after `len` bytes (0 < len < its length). False: no room;
// one range always stays free for what is sent next.
bool so_scoreboard_split(so_tcp_scoreboard *s, uint32_t index, uint32_t len);

// so_scoreboard_drop takes the first `count` ranges out.
void so_scoreboard_drop(so_tcp_scoreboard *s, uint32_t count);

// so_scoreboard_join makes one of each run of SACKed ranges within [from, to).
void so_scoreboard_join(so_tcp_scoreboard *s, uint32_t from, uint32_t to);

// so_scoreboard_lose marks a range lost that is neither SACKed nor lost.
void so_scoreboard_lose(so_tcp_scoreboard *s, uint32_t index);

// so_scoreboard_forget_sacks: the receiver reneged; nothing is SACKed any more.
void so_scoreboard_forget_sacks(so_tcp_scoreboard *s);

// so_scoreboard_reo_wnd_ns is how late a segment may be before it is lost (RFC 8985 6.2 step 4).
uint64_t so_scoreboard_reo_wnd_ns(const so_tcp_scoreboard *s, const so_tcp_rtt *rtt);

// so_scoreboard_detect marks what RACK says is lost (step 5) and sets the reordering timer.
void so_scoreboard_detect(so_tcp_scoreboard *s, const so_tcp_rtt *rtt, uint64_t now_ns);

// so_scoreboard_dsack widens the reordering window, once a round trip.
void so_scoreboard_dsack(so_tcp_scoreboard *s);

// so_scoreboard_begin and so_scoreboard_finish fill in a report before and after.
void so_scoreboard_begin(const so_tcp_scoreboard *s, so_tcp_ack_report *out);
void so_scoreboard_finish(const so_tcp_scoreboard *s, so_tcp_ack_report *out);

// Whether a transmission (time, end) came after another (RFC 8985 5.2: RACK_sent_after).
static inline bool so_scoreboard_sent_after(uint64_t a_ns, uint32_t a_end, uint64_t b_ns,
                                            uint32_t b_end) {
  return a_ns > b_ns || (a_ns == b_ns && so_seq_gt(a_end, b_end));
}

#endif  // SO_NET_TCP_SCOREBOARD_INTERNAL_H_
