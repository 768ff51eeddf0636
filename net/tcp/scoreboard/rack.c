// Loss detection by time (RFC 8985): what was sent before something that arrived, and is late, is
// lost.

#include "base/assert.h"
#include "base/mem.h"
#include "kernel/ports/clock.h"
#include "net/tcp/scoreboard/internal.h"
#include "net/tcp/scoreboard/scoreboard.h"

#define DUP_THRESH 3u
#define REO_WND_PERSIST 16  // Recoveries.
#define PROBE_MIN_NS (3 * SO_NS_PER_MS)        // Below, timers and schedulers are what is measured.
#define ACK_DELAY_MAX_NS (200 * SO_NS_PER_MS)  // RFC 8985 7.2: WCDelAckT.

uint64_t so_scoreboard_reo_wnd_ns(const so_tcp_scoreboard *s, const so_tcp_rtt *rtt) {
  if (!s->reordering_seen && (s->in_recovery || s->sacked > (DUP_THRESH - 1) * s->mss)) {
    return 0;
  }
  const uint64_t min_ns = so_tcp_rtt_min_ns(rtt);
  if (min_ns == SO_NEVER) {
    return 0;
  }
  const uint64_t wnd_ns = s->reo_wnd_mult * min_ns / 4;
  const uint64_t srtt_ns = so_tcp_rtt_srtt_ns(rtt);
  return wnd_ns < srtt_ns ? wnd_ns : srtt_ns;
}

void so_scoreboard_detect(so_tcp_scoreboard *s, const so_tcp_rtt *rtt, uint64_t now_ns) {
  s->reorder_ns = SO_NEVER;
  if (!s->sack || !s->rack_valid) {
    return;
  }
  const uint64_t allowed_ns = s->rack_rtt_us * UINT64_C(1000) + so_scoreboard_reo_wnd_ns(s, rtt);
  for (uint32_t i = 0; i < s->count; i++) {
    const so_tcp_sent *r = so_scoreboard_at(s, i);
    if ((r->flags & (SO_TCP_SENT_SACKED | SO_TCP_SENT_LOST)) != 0) {
      continue;
    }
    if (!so_scoreboard_sent_after(s->rack_sent_ns, s->rack_end, r->sent_ns, so_scoreboard_end(r))) {
      if (r->flags == 0) {
        return;  // Sent once, and after what arrived: so was all that follows.
      }
      continue;
    }
    if (r->sent_ns + allowed_ns <= now_ns) {
      so_scoreboard_lose(s, i);
    } else if (s->reorder_ns == SO_NEVER || s->reorder_ns < r->sent_ns + allowed_ns) {
      s->reorder_ns = r->sent_ns + allowed_ns;
    }
  }
}

void so_scoreboard_dsack(so_tcp_scoreboard *s) {
  // Both the first transmission and the second arrived (RFC 2883 5.1): with the first sent again before it
  // came, step 3 of RFC 8985 6.2 never sees the order change, and the window would stay closed.
  s->reordering_seen = true;
  if (s->dsack_round_valid && so_seq_lt(s->una, s->dsack_round)) {
    return;
  }
  s->dsack_round_valid = true;
  s->dsack_round = s->nxt;
  s->reo_wnd_persist = REO_WND_PERSIST;
  if (s->reo_wnd_mult < UINT8_MAX) {
    s->reo_wnd_mult++;
  }
}

void so_tcp_scoreboard_recovery(so_tcp_scoreboard *s, bool in_recovery) {
  if (s->in_recovery && !in_recovery && s->reo_wnd_persist > 0 && --s->reo_wnd_persist == 0) {
    s->reo_wnd_mult = 1;
  }
  s->in_recovery = in_recovery;
  if (in_recovery) {
    s->probe_out = false;  // RFC 8985 7.4.1: the recovery takes over.
  }
}

void so_scoreboard_begin(const so_tcp_scoreboard *s, so_tcp_ack_report *out) {
  memset(out, 0, sizeof *out);
  out->pipe_before = so_tcp_scoreboard_pipe(s);
  out->rtt_ns = out->echo_ns = SO_NEVER;
  out->lost = s->lost_total;  // so_scoreboard_finish makes it the difference.
}

void so_scoreboard_finish(const so_tcp_scoreboard *s, so_tcp_ack_report *out) {
  out->una = s->una;
  out->nxt = s->nxt;
  out->pipe = so_tcp_scoreboard_pipe(s);
  out->lost = s->lost_total - out->lost;
}

void so_tcp_scoreboard_reorder_timeout(so_tcp_scoreboard *s, const so_tcp_rtt *rtt, uint64_t now_ns,
                                       so_tcp_ack_report *out) {
  so_scoreboard_begin(s, out);
  so_scoreboard_detect(s, rtt, now_ns);
  so_scoreboard_finish(s, out);
}

void so_tcp_scoreboard_timeout(so_tcp_scoreboard *s, so_tcp_rtt *rtt, uint64_t now_ns,
                               so_tcp_ack_report *out) {
  so_scoreboard_begin(s, out);
  if (s->count > 0 && so_scoreboard_has(so_scoreboard_at(s, 0), SO_TCP_SENT_SACKED)) {
    so_scoreboard_forget_sacks(s);
    out->reneged = true;
  }
  const uint64_t allowed_ns = s->rack_rtt_us * UINT64_C(1000) + so_scoreboard_reo_wnd_ns(s, rtt);
  for (uint32_t i = 0; i < s->count; i++) {
    const so_tcp_sent *r = so_scoreboard_at(s, i);
    if ((r->flags & (SO_TCP_SENT_SACKED | SO_TCP_SENT_LOST)) == 0 &&
        (i == 0 || !s->sack || r->sent_ns + allowed_ns <= now_ns)) {  // RFC 8985 6.3.
      so_scoreboard_lose(s, i);
    }
  }
  so_tcp_rtt_backoff(rtt);
  s->timer_start_ns = now_ns;
  s->dup_acks = s->dup_bytes = 0;
  s->probe_out = false;
  s->reorder_ns = SO_NEVER;
  so_scoreboard_finish(s, out);
}

// When the tail-loss probe is due (RFC 8985 7.2), the retransmission timer left aside. SO_NEVER:
// none may be sent.
static uint64_t probe_ns(const so_tcp_scoreboard *s, const so_tcp_rtt *rtt) {
  const uint64_t srtt_ns = so_tcp_rtt_srtt_ns(rtt);
  if (!s->sack || s->in_recovery || s->sacked > 0 || s->lost > 0 || s->probe_out ||
      s->probe_needs_sample || srtt_ns == 0 || rtt->backoff > 0) {
    return SO_NEVER;
  }
  uint64_t wait_ns = 2 * srtt_ns;
  if (so_tcp_scoreboard_outstanding(s) <= s->mss) {
    wait_ns += ACK_DELAY_MAX_NS;
  }
  if (wait_ns < PROBE_MIN_NS) {
    wait_ns = PROBE_MIN_NS;
  }
  const uint64_t start_ns =
      s->last_sent_ns > s->timer_start_ns ? s->last_sent_ns : s->timer_start_ns;
  return start_ns + wait_ns;
}

uint64_t so_tcp_scoreboard_timer(const so_tcp_scoreboard *s, const so_tcp_rtt *rtt,
                                 so_tcp_timer *out) {
  *out = SO_TCP_TIMER_NONE;
  if (s->count == 0) {
    return SO_NEVER;
  }
  *out = SO_TCP_TIMER_RETRANSMIT;
  uint64_t at_ns = s->timer_start_ns + so_tcp_rtt_rto_ns(rtt);
  const uint64_t probe_at_ns = probe_ns(s, rtt);
  if (probe_at_ns != SO_NEVER) {  // Even when it is due later: it then takes the timeout's place.
    *out = SO_TCP_TIMER_PROBE;
    at_ns = probe_at_ns < at_ns ? probe_at_ns : at_ns;
  }
  if (s->reorder_ns < at_ns) {
    *out = SO_TCP_TIMER_REORDER;
    at_ns = s->reorder_ns;
  }
  return at_ns;
}
