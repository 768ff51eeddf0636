#include "net/tcp/internal.h"

// RFC 9293 3.10.7.2: state LISTEN, the queue of what waits for accept, and SYN cookies (RFC 4987
// 3.6) for when too many handshakes are half done.

static void answer_syn(so_tcp *t, so_tcp_listener *l, so_tcp_segment *s, uint32_t iss,
                       uint64_t now_ns) {
  so_tcp_conn *c = so_tcp_conn_new(t, &s->tuple, &l->options, now_ns);
  if (c == NULL) {
    return;
  }
  c->listener = l;
  c->b.passive = true;
  c->b.iss = iss;
  so_tcp_take_syn_options(t, c, s, now_ns);
  so_tcp_queue_init(&c->send, iss + 1);
  c->b.send_window = s->h.window;
  c->b.wl1 = s->h.seq;
  so_tcp_table_insert(t, c);
  so_tcp_enter(t, c, SO_TCP_SYN_RECEIVED);
  so_tcp_send_syn(t, c, now_ns);
  c->b.syn_at_ns = now_ns + so_tcp_rtt_rto_ns(&c->rtt);
  so_tcp_settle(t, c, now_ns);
}

static void answer_with_cookie(so_tcp *t, const so_tcp_listener *l, const so_tcp_segment *s,
                               uint64_t now_ns) {
  const uint8_t both = SO_TCP_FLAG_ECE | SO_TCP_FLAG_CWR;
  const uint16_t mss = s->h.mss != 0 ? s->h.mss : SO_TCP_MSS_DEFAULT;
  const so_tcp_cookie cookie = {
      .mss = mss,
      .window_scale = s->h.has_scale && !t->config.no_window_scale ? s->h.scale : 15,
      .sack = s->h.sack_permitted && !t->config.no_sack,
      .ecn = (s->h.flags & both) == both && !l->options.no_ecn};
  so_tcp_header h = {.flags = SO_TCP_FLAG_SYN | SO_TCP_FLAG_ACK,
                     .seq = so_tcp_cookie_make(t->isn_key, &s->tuple, s->h.seq, mss, now_ns),
                     .ack = s->h.seq + 1,
                     .mss = so_tcp_offered_mss(t, s->tuple.remote.family)};
  const uint32_t room = so_tcp_min(SO_TCP_RECEIVE_START, l->options.receive_limit);
  h.window = (uint16_t)so_tcp_min(room, UINT16_MAX);
  if (s->h.has_timestamps && !t->config.no_timestamps) {
    // Only with timestamps is there a place to remember the other options in.
    const uint32_t offset = so_tcp_timestamp_offset(t->isn_key, &s->tuple);
    h.has_timestamps = true;
    h.ts_value = so_tcp_cookie_timestamp(so_tcp_timestamp(offset, now_ns), &cookie);
    h.ts_echo = s->h.ts_value;
    h.sack_permitted = cookie.sack;
    h.has_scale = cookie.window_scale != 15;
    h.scale = h.has_scale ? so_tcp_window_scale_for(l->options.receive_limit) : 0;
    h.flags |= cookie.ecn ? SO_TCP_FLAG_ECE : 0;
  }
  t->stats.cookies_sent++;
  t->cookies_until_ns = now_ns + SO_NS_PER_S * SO_TCP_COOKIE_PERIOD_S * SO_TCP_COOKIE_PERIODS;
  so_tcp_send_bare(t, &s->tuple, &h, now_ns);
}

// as_syn makes of an ACK with a right cookie the SYN that once came.
static so_tcp_segment as_syn(const so_tcp *t, const so_tcp_segment *s, uint16_t mss) {
  so_tcp_segment syn = *s;
  so_tcp_cookie cookie = {.window_scale = 15};
  if (s->h.has_timestamps && !t->config.no_timestamps) {
    so_tcp_cookie_options(s->h.ts_echo, &cookie);
  }
  syn.h.flags = SO_TCP_FLAG_SYN | (cookie.ecn ? SO_TCP_FLAG_ECE | SO_TCP_FLAG_CWR : 0);
  syn.h.seq = s->h.seq - 1;
  syn.h.mss = mss;
  syn.h.has_scale = cookie.window_scale != 15;
  syn.h.scale = syn.h.has_scale ? (uint8_t)so_tcp_min(cookie.window_scale, SO_TCP_SCALE_MAX) : 0;
  syn.h.sack_permitted = cookie.sack;
  return syn;
}

static bool cookie_input(so_tcp *t, so_tcp_listener *l, so_tcp_segment *s, uint64_t now_ns) {
  uint16_t mss = 0;
  if (now_ns >= t->cookies_until_ns) {
    return false;
  }
  if (!so_tcp_cookie_check(t->isn_key, &s->tuple, s->h.seq - 1, s->h.ack - 1, now_ns, &mss)) {
    t->stats.cookies_rejected++;
    // With bytes it may be the second segment of a client whose first was lost: a reset would end
    // what the first, sent again, will open.
    return s->len != 0;
  }
  if (l->waiting >= l->backlog) {
    t->stats.drop_backlog++;
    return true;
  }
  so_tcp_conn *c = so_tcp_conn_new(t, &s->tuple, &l->options, now_ns);
  if (c == NULL) {
    return true;
  }
  t->stats.cookies_accepted++;
  const so_tcp_segment syn = as_syn(t, s, mss);
  c->listener = l;
  c->b.passive = true;
  c->b.iss = s->h.ack - 1;
  so_tcp_take_syn_options(t, c, &syn, now_ns);
  c->b.last_ack = c->b.rcv_nxt;
  so_tcp_queue_init(&c->send, s->h.ack);
  so_tcp_table_insert(t, c);
  so_tcp_enter(t, c, SO_TCP_SYN_RECEIVED);
  so_tcp_conn_input(t, c, s, now_ns);
  so_tcp_settle(t, c, now_ns);
  return true;
}

bool so_tcp_answers_cookie(const so_tcp *t, const so_tcp_conn *c, const so_tcp_segment *s,
                           uint64_t now_ns) {
  const uint8_t flags = s->h.flags & (SO_TCP_FLAG_ACK | SO_TCP_FLAG_SYN | SO_TCP_FLAG_RST);
  uint16_t mss = 0;
  return c->b.state == SO_TCP_SYN_RECEIVED && c->listener != NULL && flags == SO_TCP_FLAG_ACK &&
         s->h.ack != c->b.iss + 1 && now_ns < t->cookies_until_ns &&
         so_tcp_cookie_check(t->isn_key, &s->tuple, s->h.seq - 1, s->h.ack - 1, now_ns, &mss);
}

void so_tcp_listen_input(so_tcp *t, so_tcp_listener *l, so_tcp_segment *s, uint32_t iss_above,
                         bool has_iss_above, uint64_t now_ns) {
  if (so_tcp_flag(s, SO_TCP_FLAG_RST)) {  // First.
    t->stats.drop_no_connection++;
    return;
  }
  if (so_tcp_flag(s, SO_TCP_FLAG_ACK)) {  // Second.
    if (so_tcp_flag(s, SO_TCP_FLAG_SYN) || !cookie_input(t, l, s, now_ns)) {
      t->stats.drop_no_connection++;
      so_tcp_answer_reset(t, s, now_ns);
    }
    return;
  }
  if (!so_tcp_flag(s, SO_TCP_FLAG_SYN)) {  // Fourth.
    t->stats.drop_no_connection++;
    return;
  }
  if (l->waiting >= l->backlog) {  // Third: a SYN.
    t->stats.drop_backlog++;
    return;
  }
  if (t->half_open >= t->config.half_open_max) {
    answer_with_cookie(t, l, s, now_ns);
    return;
  }
  uint32_t iss = so_tcp_isn(t->isn_key, &s->tuple, now_ns);
  if (has_iss_above && so_seq_le(iss, iss_above)) {  // RFC 9293 3.6.1: past the last incarnation's.
    iss = iss_above + 1;
  }
  answer_syn(t, l, s, iss, now_ns);
}

void so_tcp_listener_established(so_tcp *t, so_tcp_conn *c) {
  so_tcp_listener *l = c->listener;
  (void)t;
  if (l == NULL) {
    return;
  }
  c->waiting = true;
  c->wait_next = NULL;
  if (l->last != NULL) {
    l->last->wait_next = c;
  } else {
    l->first = c;
  }
  l->last = c;
  l->waiting++;
  if (l->upper.ready != NULL) {
    l->upper.ready(l->upper.ctx, SO_TCP_READABLE);
  }
}

// listener_forget takes a connection out of its listener's queue.
void so_tcp_listener_forget(so_tcp_conn *c) {
  so_tcp_listener *l = c->listener;
  if (l == NULL) {
    return;
  }
  if (c->waiting) {
    so_tcp_conn *before = NULL;
    so_tcp_conn *at = l->first;
    while (at != c) {
      before = at;
      at = at->wait_next;
    }
    if (before != NULL) {
      before->wait_next = c->wait_next;
    } else {
      l->first = c->wait_next;
    }
    if (l->last == c) {
      l->last = before;
    }
    c->waiting = false;
    l->waiting--;
  }
  c->listener = NULL;
}
