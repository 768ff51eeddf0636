#include "net/tcp/internal.h"

// RFC 9293 3.10.7.3 (SYN-SENT) and 3.10.7.4, first to fourth: sequence, RST, security, SYN; with
// RFC 7323 5 (PAWS) before them and RFC 5961 in place of resets that a stranger could cause.

// allowed limits what a connection answers to segments that do not fit, so that two hosts that
// disagree do not keep each other busy for ever, and nobody can make us flood somebody.
static bool allowed(so_tcp_conn *c, uint64_t now_ns) {
  const uint32_t second = (uint32_t)(now_ns / SO_NS_PER_S);
  if (c->b.challenge_s != second) {
    c->b.challenge_s = second;
    c->b.challenges = 0;
  }
  if (c->b.challenges >= SO_TCP_CHALLENGES_PER_S) {
    return false;
  }
  c->b.challenges++;
  return true;
}

void so_tcp_challenge(so_tcp *t, so_tcp_conn *c, uint64_t now_ns) {
  if (!allowed(c, now_ns)) {
    t->stats.challenge_acks_limited++;
    return;
  }
  t->stats.challenge_acks++;
  c->b.ack_now = true;
}

// --- SYN-SENT -----------------------------------------------------------------------------------

void so_tcp_take_syn_options(so_tcp *t, so_tcp_conn *c, const so_tcp_segment *s, uint64_t now_ns) {
  so_tcp_block *b = &c->b;
  b->irs = s->h.seq;
  b->rcv_nxt = s->h.seq + 1;
  b->rcv_edge = b->rcv_nxt + so_tcp_min(b->rcv_room, UINT16_MAX);
  if (s->h.mss != 0) {
    b->peer_mss = (uint16_t)so_tcp_max(s->h.mss, SO_TCP_MSS_MIN);
  }
  b->has_scale = s->h.has_scale && !t->config.no_window_scale;
  b->send_scale = b->has_scale ? s->h.scale : 0;
  b->receive_scale = b->has_scale ? b->receive_scale : 0;
  b->timestamps = b->timestamps && s->h.has_timestamps;
  b->sack = b->sack && s->h.sack_permitted;
  const uint8_t ecn = s->h.flags & (SO_TCP_FLAG_ECE | SO_TCP_FLAG_CWR);
  const bool answer = so_tcp_flag(s, SO_TCP_FLAG_ACK);  // RFC 3168 6.1.1.
  b->ecn = b->ecn && ecn == (answer ? SO_TCP_FLAG_ECE : SO_TCP_FLAG_ECE | SO_TCP_FLAG_CWR);
  if (b->timestamps) {
    b->ts_recent = s->h.ts_value;
    b->ts_recent_ns = now_ns;
  }
  so_tcp_queue_init(&c->receive, b->rcv_nxt);
  so_tcp_path_update(t, c, now_ns);
}

static void start_send_window(so_tcp_conn *c, const so_tcp_segment *s) {
  c->b.send_window = s->h.window;  // Of a SYN: never scaled.
  c->b.send_window_max = s->h.window;
  c->b.wl1 = s->h.seq;
  c->b.wl2 = s->h.ack;
}

static void syn_sent_input(so_tcp *t, so_tcp_conn *c, so_tcp_segment *s, uint64_t now_ns) {
  so_tcp_block *b = &c->b;
  const bool ack = so_tcp_flag(s, SO_TCP_FLAG_ACK);
  if (ack && s->h.ack != b->iss + 1) {  // First: only the SYN is on its way.
    t->stats.drop_ack++;
    so_tcp_answer_reset(t, s, now_ns);
    return;
  }
  if (so_tcp_flag(s, SO_TCP_FLAG_RST)) {  // Second.
    if (ack) {
      t->stats.reset_in++;
      so_tcp_end_with(t, c, SO_TCP_END_REFUSED);
    }
    return;
  }
  if (!so_tcp_flag(s, SO_TCP_FLAG_SYN)) {  // Fifth.
    return;
  }
  so_tcp_take_syn_options(t, c, s, now_ns);  // Fourth.
  if (ack) {
    so_tcp_establish(t, c, now_ns);
    start_send_window(c, s);
    b->ack_now = true;
    s->seq++;
    s->h.flags &= (uint8_t)~SO_TCP_FLAG_SYN;
    so_tcp_step_data(t, c, s, now_ns);
    s->h.seq++;
    so_tcp_step_fin(t, c, s, now_ns);
    return;
  }
  // Simultaneous open. What the SYN carried beside is sent again by the peer.
  so_tcp_enter(t, c, SO_TCP_SYN_RECEIVED);
  start_send_window(c, s);
  b->tries = 0;
  b->syn_at_ns = now_ns + so_tcp_rtt_rto_ns(&c->rtt);
  so_tcp_send_syn(t, c, now_ns);
}

// --- first: sequence ----------------------------------------------------------------------------

static bool acceptable(const so_tcp_block *b, const so_tcp_segment *s) {
  const uint32_t len = so_tcp_segment_len(s);
  const uint32_t window = so_seq_gt(b->rcv_edge, b->rcv_nxt) ? b->rcv_edge - b->rcv_nxt : 0;
  const uint32_t last = s->seq + len - 1;
  if (window == 0) {
    // "Special allowance should be made to accept valid ACKs, URGs and RSTs": what lies at the edge
    // is looked at, its bytes are cut off later.
    return s->seq == b->rcv_nxt;
  }
  if (s->seq - b->rcv_nxt < window) {
    return true;
  }
  return len != 0 && last - b->rcv_nxt < window;
}

// RFC 7323 5.3 R1: a timestamp older than the last one means a segment from long ago, unless the
// connection was idle for longer than timestamps keep their order.
static bool paws_fails(const so_tcp_block *b, const so_tcp_segment *s, uint64_t now_ns) {
  return b->timestamps && s->h.has_timestamps && so_seq_lt(s->h.ts_value, b->ts_recent) &&
         now_ns - b->ts_recent_ns <= so_tcp_ms(SO_TCP_TS_IDLE_MS);
}

// is_recent_duplicate: data of the last window that was sent again for nothing. The sender must hear so of each
// (RFC 2883 4), or it takes reordering for loss. Such answers cannot go back and forth: they carry no data.
static bool is_recent_duplicate(const so_tcp_block *b, const so_tcp_segment *s) {
  return s->len != 0 && so_seq_lt(s->seq, b->rcv_nxt) && b->rcv_nxt - s->seq <= b->rcv_room;
}

static void refuse(so_tcp *t, so_tcp_conn *c, const so_tcp_segment *s, uint64_t *counter,
                   uint64_t now_ns) {
  (*counter)++;
  if (so_tcp_flag(s, SO_TCP_FLAG_RST)) {
    return;
  }
  if (c->b.sack && s->len != 0 && so_tcp_synchronized(c) && so_seq_lt(s->seq, c->b.rcv_nxt)) {
    const uint32_t end = so_seq_min(s->seq + s->len, c->b.rcv_nxt);
    so_tcp_reassembly_duplicate(&c->gaps, s->seq, end);  // RFC 2883.
  }
  if (is_recent_duplicate(&c->b, s)) {
    so_tcp_ack_quickly(c);
  } else if (allowed(c, now_ns)) {
    c->b.ack_now = true;
  } else {
    t->stats.acks_limited++;
  }
}

static bool step_sequence(so_tcp *t, so_tcp_conn *c, const so_tcp_segment *s, uint64_t now_ns) {
  so_tcp_block *b = &c->b;
  const bool reset = so_tcp_flag(s, SO_TCP_FLAG_RST);
  if (!reset && paws_fails(b, s, now_ns)) {
    refuse(t, c, s, &t->stats.drop_paws, now_ns);
    return false;
  }
  if (!acceptable(b, s)) {
    refuse(t, c, s, &t->stats.drop_sequence, now_ns);
    return false;
  }
  // R3, with the second condition of RFC 7323 4.3.
  if (b->timestamps && s->h.has_timestamps && !reset && so_seq_ge(s->h.ts_value, b->ts_recent) &&
      so_seq_le(s->seq, b->last_ack)) {
    b->ts_recent = s->h.ts_value;
    b->ts_recent_ns = now_ns;
  }
  return true;
}

// --- second: RST --------------------------------------------------------------------------------

// RFC 5961 3.2: only the exact next number resets; another one in the window is asked about.
static void step_reset(so_tcp *t, so_tcp_conn *c, const so_tcp_segment *s, uint64_t now_ns) {
  if (s->seq != c->b.rcv_nxt) {
    so_tcp_challenge(t, c, now_ns);
    return;
  }
  t->stats.reset_in++;
  so_tcp_end_with(t, c, c->b.state == SO_TCP_SYN_RECEIVED ? SO_TCP_END_REFUSED : SO_TCP_END_RESET);
}

// --- SYN-RECEIVED alone -------------------------------------------------------------------------

// The peer's SYN again: our answer was lost. With an ACK it is the second half of a simultaneous
// open (RFC 9293 figure 8), which by the letter of the first step would be an old duplicate.
static bool syn_received_first(so_tcp *t, so_tcp_conn *c, so_tcp_segment *s, uint64_t now_ns) {
  const bool syn = so_tcp_flag(s, SO_TCP_FLAG_SYN) && !so_tcp_flag(s, SO_TCP_FLAG_RST);
  if (c->b.state != SO_TCP_SYN_RECEIVED || !syn || s->seq != c->b.irs) {
    return true;
  }
  if (so_tcp_flag(s, SO_TCP_FLAG_ACK)) {
    s->seq++;
    s->h.seq++;
    s->h.flags &= (uint8_t)~SO_TCP_FLAG_SYN;
    s->window = s->h.window;
    return true;
  }
  if (allowed(c, now_ns)) {
    c->b.syn_repeated = true;  // No sample: which of the two is acknowledged is not known.
    so_tcp_send_syn(t, c, now_ns);
  } else {
    t->stats.acks_limited++;
  }
  return false;
}

// --- ECN ----------------------------------------------------------------------------------------

static void note_ecn(so_tcp *t, so_tcp_conn *c, const so_tcp_segment *s) {
  if (!c->b.ecn) {
    return;
  }
  if (so_tcp_flag(s, SO_TCP_FLAG_CWR)) {
    c->b.ecn_echo = false;
  }
  if (s->ce && s->len != 0) {
    t->stats.ecn_marked_in++;
    c->b.ecn_echo = true;
    c->b.ack_now = true;
  }
}

static void heard(so_tcp_conn *c, uint64_t now_ns) {
  c->b.heard_ns = now_ns;
  c->b.tries = 0;
  if (c->options.keepalive_ms != 0) {
    c->b.keepalive_at_ns = now_ns + so_tcp_ms(c->options.keepalive_ms);
  }
}

void so_tcp_conn_input(so_tcp *t, so_tcp_conn *c, so_tcp_segment *s, uint64_t now_ns) {
  if (c->b.state == SO_TCP_SYN_SENT) {
    syn_sent_input(t, c, s, now_ns);
    return;
  }
  s->window = (uint32_t)s->h.window << c->b.send_scale;
  if (!syn_received_first(t, c, s, now_ns) || !step_sequence(t, c, s, now_ns)) {
    return;
  }
  if (so_tcp_flag(s, SO_TCP_FLAG_RST)) {
    step_reset(t, c, s, now_ns);
    return;
  }
  if (so_tcp_flag(s, SO_TCP_FLAG_SYN)) {  // Fourth: RFC 5961 4.2, in every synchronised state.
    if (c->b.state == SO_TCP_SYN_RECEIVED && c->b.passive) {
      so_tcp_end_with(t, c, SO_TCP_END_NONE);  // RFC 9293: back to LISTEN.
      return;
    }
    so_tcp_challenge(t, c, now_ns);
    return;
  }
  if (so_tcp_synchronized(c)) {
    heard(c, now_ns);
  }
  if (!so_tcp_step_ack(t, c, s, now_ns)) {
    return;
  }
  note_ecn(t, c, s);
  so_tcp_step_data(t, c, s, now_ns);
  so_tcp_step_fin(t, c, s, now_ns);
}
