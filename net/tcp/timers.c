#include "net/tcp/internal.h"

// Everything of a connection that runs out. One entry of the wheel stands for the earliest
// deadline; when it comes up, each is looked at.

static bool due(uint64_t at_ns, uint64_t now_ns) { return at_ns <= now_ns; }

// Something waits for the peer: bytes, FIN, or the handshake.
static bool waits(const so_tcp_conn *c) {
  if (!so_tcp_synchronized(c)) {
    return true;
  }
  return c->send.len != 0 || so_tcp_scoreboard_outstanding(&c->board) != 0;
}

static uint64_t user_deadline(const so_tcp_conn *c) {
  return waits(c) ? c->b.progress_ns + so_tcp_ms(c->options.user_timeout_ms) : SO_NEVER;
}

uint64_t so_tcp_conn_deadline(const so_tcp_conn *c) {
  const so_tcp_block *b = &c->b;
  uint64_t at = so_tcp_earlier(b->syn_at_ns, b->ack_at_ns);
  at = so_tcp_earlier(at, so_tcp_earlier(b->persist_at_ns, b->keepalive_at_ns));
  at = so_tcp_earlier(at, so_tcp_earlier(b->cork_at_ns, b->retry_at_ns));
  at = so_tcp_earlier(at, so_tcp_earlier(b->fin_wait_at_ns, user_deadline(c)));
  if (so_tcp_synchronized(c)) {
    so_tcp_timer which;
    at = so_tcp_earlier(at, so_tcp_scoreboard_timer(&c->board, &c->rtt, &which));
  }
  return at;
}

static void give_up(so_tcp *t, so_tcp_conn *c, uint64_t now_ns) {
  t->stats.timed_out++;
  if (c->b.state != SO_TCP_SYN_SENT) {
    so_tcp_send_reset(t, c, now_ns);
  }
  so_tcp_end_with(t, c, c->b.soft_error ? SO_TCP_END_UNREACHABLE : SO_TCP_END_TIMEOUT);
}

static void syn_timer(so_tcp *t, so_tcp_conn *c, uint64_t now_ns) {
  so_tcp_block *b = &c->b;
  const uint32_t tries =
      b->state == SO_TCP_SYN_SENT ? SO_TCP_SYN_TRIES : SO_TCP_SYN_ACK_TRIES;
  if (b->tries >= tries) {
    give_up(t, c, now_ns);
    return;
  }
  b->tries++;
  b->syn_repeated = true;
  t->stats.rto_expired++;
  t->stats.segments_retransmitted++;
  so_tcp_rtt_backoff(&c->rtt);
  so_tcp_send_syn(t, c, now_ns);
  b->syn_at_ns = now_ns + so_tcp_rtt_rto_ns(&c->rtt);
}

// black_hole: nothing has come through for some timeouts, and segments are large. Perhaps ICMP is
// filtered and only their size is the trouble (RFC 2923 2.1): try smaller ones.
static void black_hole(so_tcp *t, so_tcp_conn *c) {
  const uint32_t small =
      c->tuple.remote.family == 6 ? SO_TCP_MSS_DEFAULT6 : SO_TCP_MSS_DEFAULT;
  const uint32_t tries =
      c->b.full_carried ? SO_TCP_BLACK_HOLE_TRIES_CARRIED : SO_TCP_BLACK_HOLE_TRIES;
  if (c->rtt.backoff >= tries && !c->b.small_mss && c->b.mss > small && c->send.len > small) {
    c->b.small_mss = true;
    t->stats.black_holes++;
    so_tcp_set_mss(t, c, small);
  }
}

static void retransmission_timer(so_tcp *t, so_tcp_conn *c, uint64_t now_ns) {
  so_tcp_ack_report report;
  t->stats.rto_expired++;
  so_tcp_scoreboard_timeout(&c->board, &c->rtt, now_ns, &report);
  so_tcp_congestion_timeout(&c->congestion, &report);
  so_tcp_scoreboard_recovery(&c->board, so_tcp_congestion_recovering(&c->congestion));
  black_hole(t, c);
}

static void scoreboard_timer(so_tcp *t, so_tcp_conn *c, uint64_t now_ns) {
  so_tcp_timer which;
  so_tcp_ack_report report;
  if (!due(so_tcp_scoreboard_timer(&c->board, &c->rtt, &which), now_ns)) {
    return;
  }
  switch (which) {
    case SO_TCP_TIMER_NONE:
      return;
    case SO_TCP_TIMER_REORDER:
      so_tcp_scoreboard_reorder_timeout(&c->board, &c->rtt, now_ns, &report);
      so_tcp_apply_report(t, c, &report, now_ns);
      return;
    case SO_TCP_TIMER_PROBE:
      so_tcp_probe_tail(t, c, now_ns);
      return;
    case SO_TCP_TIMER_RETRANSMIT:
      retransmission_timer(t, c, now_ns);
      return;
  }
}

// The window's probe and the keep-alive are the same segment: the number before the first
// unacknowledged one, which every peer must answer with an ACK that tells its window.
static void persist_timer(so_tcp *t, so_tcp_conn *c, uint64_t now_ns) {
  so_tcp_block *b = &c->b;
  t->stats.zero_window_probes++;
  if (so_tcp_send_little(t, c, now_ns)) {
    return;
  }
  (void)so_tcp_send_ack(t, c, so_tcp_una(c) - 1, now_ns);
  b->probes = (uint8_t)so_tcp_min(b->probes + 1u, 16);
  const uint64_t wait = so_tcp_rtt_rto_ns(&c->rtt) << b->probes;
  b->persist_at_ns = now_ns + so_tcp_earlier(wait, so_tcp_ms(SO_TCP_PERSIST_MAX_MS));
}

static void keepalive_timer(so_tcp *t, so_tcp_conn *c, uint64_t now_ns) {
  so_tcp_block *b = &c->b;
  if (waits(c)) {  // Other timers watch already.
    b->keepalive_at_ns = now_ns + so_tcp_ms(c->options.keepalive_ms);
    return;
  }
  if (b->tries >= c->options.keepalive_count) {
    give_up(t, c, now_ns);
    return;
  }
  b->tries++;
  t->stats.keepalive_probes++;
  (void)so_tcp_send_ack(t, c, so_tcp_una(c) - 1, now_ns);
  b->keepalive_at_ns = now_ns + so_tcp_ms(c->options.keepalive_gap_ms);
}

static void data_timers(so_tcp *t, so_tcp_conn *c, uint64_t now_ns) {
  so_tcp_block *b = &c->b;
  if (due(b->ack_at_ns, now_ns)) {
    b->ack_at_ns = SO_NEVER;
    b->ack_now = true;
  }
  if (due(b->cork_at_ns, now_ns)) {
    b->cork_at_ns = SO_NEVER;
    b->more = false;
  }
  if (due(b->retry_at_ns, now_ns)) {  // so_tcp_output tries; the program does when it is told.
    b->retry_at_ns = SO_NEVER;
    if (b->pool_wanted && so_tcp_pool_has(t, 4)) {
      b->pool_wanted = false;
      c->events |= SO_TCP_WRITABLE;
    }
  }
  if (due(b->persist_at_ns, now_ns)) {
    persist_timer(t, c, now_ns);
  }
  scoreboard_timer(t, c, now_ns);
}

void so_tcp_conn_timer(so_tcp *t, so_tcp_conn *c, uint64_t now_ns) {
  so_tcp_block *b = &c->b;
  if (due(user_deadline(c), now_ns)) {
    give_up(t, c, now_ns);
    return;
  }
  if (due(b->syn_at_ns, now_ns)) {
    syn_timer(t, c, now_ns);
    return;
  }
  if (!so_tcp_synchronized(c)) {
    if (due(b->ack_at_ns, now_ns)) {
      b->ack_at_ns = SO_NEVER;
      b->ack_now = true;
    }
    return;
  }
  if (due(b->fin_wait_at_ns, now_ns)) {
    // Nobody can read what might still come: the peer keeps its half open in vain.
    t->stats.timed_out++;
    so_tcp_end_with(t, c, SO_TCP_END_TIMEOUT);
    return;
  }
  data_timers(t, c, now_ns);
  if (due(b->keepalive_at_ns, now_ns)) {
    keepalive_timer(t, c, now_ns);
  }
}
