#include "net/tcp/internal.h"

// RFC 9293 3.10.7.4, fifth: the ACK field, with RFC 5961 5 on what is acceptable, RFC 7323 on what
// an echoed timestamp says, and the scoreboard's work.

void so_tcp_apply_report(so_tcp *t, so_tcp_conn *c, const so_tcp_ack_report *r, uint64_t now_ns) {
  const bool before = so_tcp_congestion_recovering(&c->congestion);
  const uint32_t reductions = c->congestion.reductions;
  if (so_tcp_congestion_ack(&c->congestion, r, &c->rtt, now_ns)) {
    so_tcp_scoreboard_unlose(&c->board);
    so_tcp_rtt_unbackoff(&c->rtt);
    t->stats.spurious_recoveries++;
  }
  const bool after = so_tcp_congestion_recovering(&c->congestion);
  if (after && !before) {
    t->stats.fast_recoveries++;
  } else if (!after && r->ece && c->congestion.reductions != reductions) {
    t->stats.ecn_reduced++;
  }
  so_tcp_scoreboard_recovery(&c->board, after);
}

// echo_ns turns an echoed timestamp into the time, by our clock, when it was sent.
static uint64_t echo_ns(const so_tcp_conn *c, const so_tcp_segment *s, uint64_t now_ns) {
  if (!c->b.timestamps || !s->h.has_timestamps || s->h.ts_echo == 0) {
    return SO_NEVER;
  }
  const uint32_t age_ms = so_tcp_timestamp(c->b.ts_offset, now_ns) - s->h.ts_echo;
  const uint64_t now_floor = now_ns - now_ns % SO_NS_PER_MS;
  return age_ms < (UINT32_C(1) << 31) && so_tcp_ms(age_ms) <= now_floor
             ? now_floor - so_tcp_ms(age_ms)
             : SO_NEVER;
}

static so_tcp_ack parsed(const so_tcp_conn *c, const so_tcp_segment *s, uint64_t now_ns) {
  so_tcp_ack a = {.ack = s->h.ack, .echo_ns = echo_ns(c, s, now_ns)};
  if (c->b.sack) {
    for (size_t i = 0; i < s->h.sack_count && i < SO_TCP_SACK_BLOCKS_MAX; i++) {
      a.sacks[a.sack_count++] = s->h.sacks[i];
    }
  }
  a.ece = c->b.ecn && so_tcp_flag(s, SO_TCP_FLAG_ECE);
  a.duplicate = s->h.ack == so_tcp_una(c) && so_tcp_segment_len(s) == 0 &&
                s->window == c->b.send_window &&
                so_tcp_scoreboard_outstanding(&c->board) != 0;
  if (so_seq_lt(a.ack, so_tcp_una(c))) {
    a.ack = so_tcp_una(c);
    a.duplicate = false;
  }
  return a;
}

// drop_acked gives the pages of what was acknowledged back. FIN has a number and no byte.
static void drop_acked(so_tcp *t, so_tcp_conn *c) {
  const uint32_t acked = so_tcp_una(c) - c->send.start;
  so_tcp_queue_drop(&c->send, t->pool, t->heap, so_tcp_min(acked, c->send.len));
  if (c->b.room_wanted && so_tcp_write_room(c) >= so_tcp_send_room(c) / 4) {
    c->b.room_wanted = false;
    c->events |= SO_TCP_WRITABLE;
  }
}

// RFC 9293: SND.WL1 and SND.WL2 keep old segments from changing the window.
static void take_window(so_tcp_conn *c, const so_tcp_segment *s) {
  so_tcp_block *b = &c->b;
  if (so_seq_lt(b->wl1, s->seq) || (b->wl1 == s->seq && so_seq_le(b->wl2, s->h.ack))) {
    if (b->send_window == 0 && s->window != 0) {
      b->probes = 0;
    }
    b->send_window = s->window;
    b->wl1 = s->seq;
    b->wl2 = s->h.ack;
    b->send_window_max = so_tcp_max(b->send_window_max, b->send_window);
  }
}

static bool fin_acked(const so_tcp_conn *c) {
  return c->b.fin_sent && c->send.len == 0 && so_tcp_una(c) == so_tcp_nxt(c);
}

// after_fin moves on when our FIN was acknowledged.
static void after_fin(so_tcp *t, so_tcp_conn *c, uint64_t now_ns) {
  switch ((so_tcp_state)c->b.state) {
    case SO_TCP_FIN_WAIT_1:
      so_tcp_enter(t, c, SO_TCP_FIN_WAIT_2);
      if (!c->held) {
        c->b.fin_wait_at_ns = now_ns + so_tcp_ms(t->config.fin_wait_2_ms);
      }
      return;
    case SO_TCP_CLOSING:
      so_tcp_rest_add(t, c, now_ns);
      return;
    case SO_TCP_LAST_ACK:
      so_tcp_enter(t, c, SO_TCP_CLOSED);
      c->events |= SO_TCP_ENDED;
      return;
    case SO_TCP_CLOSED:
    case SO_TCP_LISTEN:
    case SO_TCP_SYN_SENT:
    case SO_TCP_SYN_RECEIVED:
    case SO_TCP_ESTABLISHED:
    case SO_TCP_FIN_WAIT_2:
    case SO_TCP_CLOSE_WAIT:
    case SO_TCP_TIME_WAIT:
      return;
  }
}

static void acknowledged(so_tcp *t, so_tcp_conn *c, const so_tcp_segment *s, uint64_t now_ns) {
  const so_tcp_ack ack = parsed(c, s, now_ns);
  so_tcp_ack_report report;
  so_tcp_scoreboard_ack(&c->board, &c->rtt, &ack, now_ns, &report);
  so_tcp_apply_report(t, c, &report, now_ns);
  take_window(c, s);
  if (report.acked != 0) {
    c->b.full_carried = c->b.full_carried || (c->b.full_sent && so_seq_ge(so_tcp_una(c), c->b.full_seq));
    c->b.progress_ns = now_ns;
    c->b.soft_error = false;
    if (t->config.lower.confirm != NULL) {
      t->config.lower.confirm(t->config.lower.ctx, &c->tuple.remote, now_ns);
    }
    drop_acked(t, c);
  }
  if (fin_acked(c)) {
    after_fin(t, c, now_ns);
  }
}

// In SYN-RECEIVED only our SYN can be acknowledged, and a listener must have a place left.
static bool handshake_ends(so_tcp *t, so_tcp_conn *c, so_tcp_segment *s, uint64_t now_ns) {
  if (s->h.ack != c->b.iss + 1) {
    so_tcp_answer_reset(t, s, now_ns);
    t->stats.drop_ack++;
    return false;
  }
  if (c->b.passive && c->listener != NULL && c->listener->waiting >= c->listener->backlog) {
    t->stats.drop_backlog++;
    return false;
  }
  so_tcp_establish(t, c, now_ns);
  c->b.send_window = s->window;
  c->b.send_window_max = s->window;
  c->b.wl1 = s->seq;
  c->b.wl2 = s->h.ack;
  return true;
}

bool so_tcp_step_ack(so_tcp *t, so_tcp_conn *c, so_tcp_segment *s, uint64_t now_ns) {
  if (!so_tcp_flag(s, SO_TCP_FLAG_ACK)) {
    return false;
  }
  if (c->b.state == SO_TCP_SYN_RECEIVED && !handshake_ends(t, c, s, now_ns)) {
    return false;
  }
  // RFC 5961 5.2: SND.UNA - MAX.SND.WND <= SEG.ACK <= SND.NXT, else an ACK and nothing more.
  const uint32_t oldest = so_tcp_una(c) - c->b.send_window_max;
  if (so_seq_gt(s->h.ack, so_tcp_nxt(c)) || so_seq_lt(s->h.ack, oldest)) {
    t->stats.drop_ack++;
    so_tcp_challenge(t, c, now_ns);
    return false;
  }
  acknowledged(t, c, s, now_ns);
  return true;
}
