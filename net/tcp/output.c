#include "net/tcp/internal.h"

// What may be sent now: lost ranges first, then new bytes within the congestion window and the
// peer's, then FIN, then a bare ACK when nothing else carried it.

static uint32_t whole(uint32_t len, uint32_t mss) { return len - len % mss; }

static uint32_t super_segment(const so_tcp *t, uint32_t mss) {
  return so_tcp_max(whole(t->config.segment_max, mss), mss);
}

static uint32_t room(const so_tcp_conn *c) {
  return so_tcp_congestion_room(&c->congestion, so_tcp_scoreboard_pipe(&c->board));
}

static bool repair(so_tcp *t, so_tcp_conn *c, uint64_t now_ns) {
  const uint32_t mss = so_tcp_payload_mss(c);
  for (;;) {
    const uint32_t may = room(c);
    so_seq_range r;
    if (may == 0 ||
        !so_tcp_scoreboard_next_lost(
            &c->board, so_tcp_min(so_tcp_max(whole(may, mss), mss), super_segment(t, mss)), &r) ||
        may < so_tcp_min(mss, r.end - r.start)) {
      return true;
    }
    if (so_tcp_send_range(t, c, r, SO_TCP_AGAIN, now_ns) == 0) {
      return false;
    }
  }
}

static uint32_t window_left(const so_tcp_conn *c) {
  const uint32_t edge = so_tcp_una(c) + c->b.send_window;
  return so_seq_gt(edge, so_tcp_nxt(c)) ? edge - so_tcp_nxt(c) : 0;
}

// tail_may_go decides on a last segment that is not full (RFC 9293 3.7.4, 3.8.6.2.1): with Nagle it
// waits while an earlier one like it is not acknowledged.
static bool tail_may_go(const so_tcp_conn *c) {
  const so_tcp_block *b = &c->b;
  if (b->fin_queued) {
    return true;
  }
  if (b->more) {
    return false;
  }
  return c->options.no_delay || so_tcp_scoreboard_outstanding(&c->board) == 0 ||
         so_seq_le(b->small_seq, so_tcp_una(c));
}

// next_len is how many new bytes go into one segment now; 0: none.
static uint32_t next_len(const so_tcp *t, const so_tcp_conn *c, uint32_t unsent) {
  const uint32_t mss = so_tcp_payload_mss(c);
  const uint32_t may = room(c);
  const uint32_t window = window_left(c);
  uint32_t len = so_tcp_min(so_tcp_min(unsent, window), super_segment(t, mss));
  if (len > may) {
    len = whole(may, mss);
  }
  if (len == unsent && (len % mss == 0 || tail_may_go(c))) {
    return len;
  }
  if (len >= mss) {
    return whole(len, mss);
  }
  // Less than a segment because of the peer's window: only a good part of it is worth going.
  const bool good = len != 0 && len == window && len >= (c->b.send_window_max + 1) / 2;
  return good ? len : 0;
}

// kind_of says whether anything could follow `len` new bytes at once.
static so_tcp_kind kind_of(const so_tcp_conn *c, uint32_t len) {
  const uint32_t left = so_tcp_min(room(c), window_left(c));
  return left - so_tcp_min(len, left) < so_tcp_payload_mss(c) ? SO_TCP_NEW_LAST : SO_TCP_NEW;
}

static bool send_new(so_tcp *t, so_tcp_conn *c, uint64_t now_ns) {
  if (so_tcp_scoreboard_outstanding(&c->board) == 0 && so_tcp_unsent(c) != 0) {
    so_tcp_congestion_idle(&c->congestion, so_tcp_rtt_rto_ns(&c->rtt), now_ns);
  }
  for (;;) {
    const uint32_t unsent = so_tcp_unsent(c);
    const uint32_t len = unsent != 0 ? next_len(t, c, unsent) : 0;
    const bool fin = c->b.fin_queued && !c->b.fin_sent && len == unsent;
    if (len == 0 && !fin) {
      return true;
    }
    const so_seq_range r = {so_tcp_nxt(c), so_tcp_nxt(c) + len + (fin ? 1 : 0)};
    if (so_tcp_send_range(t, c, r, kind_of(c, len), now_ns) == 0) {
      return false;
    }
  }
}

// watch sets the timers that make up for an event that may never come: a window that opens, a page
// that becomes free, more bytes from the program.
static void watch(so_tcp_conn *c, bool no_memory, uint64_t now_ns) {
  so_tcp_block *b = &c->b;
  const uint32_t unsent = so_tcp_unsent(c);
  const bool quiet = so_tcp_scoreboard_outstanding(&c->board) == 0;
  const uint64_t soon = now_ns + so_tcp_ms(SO_TCP_RETRY_MS);
  b->retry_at_ns =
      no_memory || b->pool_wanted ? so_tcp_earlier(b->retry_at_ns, soon) : SO_NEVER;
  if (unsent != 0 && b->more) {
    b->cork_at_ns = so_tcp_earlier(b->cork_at_ns, now_ns + so_tcp_ms(SO_TCP_CORK_MS));
  } else {
    b->cork_at_ns = SO_NEVER;
  }
  const uint32_t mss = so_tcp_payload_mss(c);
  const bool stuck = quiet && unsent != 0 && window_left(c) < so_tcp_min(unsent, mss);
  if (!stuck) {
    b->persist_at_ns = SO_NEVER;
    b->probes = 0;
  } else if (b->persist_at_ns == SO_NEVER) {
    b->persist_at_ns = now_ns + so_tcp_rtt_rto_ns(&c->rtt);
  }
}

void so_tcp_output(so_tcp *t, so_tcp_conn *c, uint64_t now_ns) {
  so_tcp_block *b = &c->b;
  if (b->state == SO_TCP_SYN_SENT || b->state == SO_TCP_SYN_RECEIVED) {
    if (b->ack_now) {
      (void)so_tcp_send_ack(t, c, b->iss + 1, now_ns);
    }
    return;
  }
  if (!so_tcp_synchronized(c)) {
    return;
  }
  const bool fed = repair(t, c, now_ns) && send_new(t, c, now_ns);
  watch(c, !fed, now_ns);
  if (b->ack_now) {
    (void)so_tcp_send_ack(t, c, so_tcp_nxt(c), now_ns);
  }
}

// send_little is the override of silly-window avoidance (RFC 9293 3.8.6.2.1): the window has been
// small for so long that a small segment is better than none. False: the window is closed.
bool so_tcp_send_little(so_tcp *t, so_tcp_conn *c, uint64_t now_ns) {
  const uint32_t len = so_tcp_min(so_tcp_unsent(c), window_left(c));
  const so_seq_range r = {so_tcp_nxt(c), so_tcp_nxt(c) + len};
  return len != 0 && so_tcp_send_range(t, c, r, SO_TCP_NEW, now_ns) != 0;
}

// probe_tail is the tail-loss probe (RFC 8985 7.3): new bytes when there are some, else the last
// segment.
void so_tcp_probe_tail(so_tcp *t, so_tcp_conn *c, uint64_t now_ns) {
  const uint32_t mss = so_tcp_payload_mss(c);
  const uint32_t len = so_tcp_min(so_tcp_min(so_tcp_unsent(c), window_left(c)), mss);
  const so_seq_range fresh = {so_tcp_nxt(c), so_tcp_nxt(c) + len};
  so_seq_range last;
  t->stats.tail_loss_probes++;
  if (len != 0 && so_tcp_send_range(t, c, fresh, SO_TCP_NEW_LAST, now_ns) != 0) {
    so_tcp_scoreboard_probed(&c->board, false, now_ns);
    return;
  }
  if (so_tcp_scoreboard_last(&c->board, &last)) {
    (void)so_tcp_send_range(t, c, last, SO_TCP_PROBE_AGAIN, now_ns);
  }
  so_tcp_scoreboard_probed(&c->board, true, now_ns);
}
