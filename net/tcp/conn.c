#include "net/tcp/internal.h"

#define KIB 1024u

const char *so_tcp_state_name(so_tcp_state state) {
  static const char *const names[] = {
      "CLOSED",     "LISTEN",     "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1",
      "FIN-WAIT-2", "CLOSE-WAIT", "CLOSING",  "LAST-ACK",     "TIME-WAIT"};
  return (size_t)state < sizeof names / sizeof names[0] ? names[state] : "?";
}

static uint32_t or_default(uint32_t value, uint32_t fallback) {
  return value != 0 ? value : fallback;
}

void so_tcp_default_options(so_tcp_options *o, const so_tcp_options *given) {
  *o = given != NULL ? *given : (so_tcp_options){.no_delay = false};
  o->send_limit = so_tcp_min(or_default(o->send_limit, 8192 * KIB), SO_TCP_WINDOW_MAX);
  o->receive_limit = so_tcp_min(or_default(o->receive_limit, 8192 * KIB), SO_TCP_WINDOW_MAX);
  o->keepalive_gap_ms = or_default(o->keepalive_gap_ms, 75000);
  o->keepalive_count = so_tcp_min(or_default(o->keepalive_count, 9), 255);
  o->user_timeout_ms = or_default(o->user_timeout_ms, 300000);
}

bool so_tcp_synchronized(const so_tcp_conn *c) {
  switch ((so_tcp_state)c->b.state) {
    case SO_TCP_ESTABLISHED:
    case SO_TCP_FIN_WAIT_1:
    case SO_TCP_FIN_WAIT_2:
    case SO_TCP_CLOSE_WAIT:
    case SO_TCP_CLOSING:
    case SO_TCP_LAST_ACK:
      return true;
    case SO_TCP_CLOSED:
    case SO_TCP_LISTEN:
    case SO_TCP_SYN_SENT:
    case SO_TCP_SYN_RECEIVED:
    case SO_TCP_TIME_WAIT:
      return false;
  }
  return false;
}

#define BIT(state) (1u << (state))

// The arrows of RFC 9293 figure 5, and CLOSED from everywhere: which states may come before.
static const uint16_t before[] = {
    [SO_TCP_CLOSED] = 0x7ff,
    [SO_TCP_LISTEN] = 0,  // A listener is no connection.
    [SO_TCP_SYN_SENT] = BIT(SO_TCP_CLOSED),
    [SO_TCP_SYN_RECEIVED] = BIT(SO_TCP_CLOSED) | BIT(SO_TCP_SYN_SENT),
    [SO_TCP_ESTABLISHED] = BIT(SO_TCP_SYN_SENT) | BIT(SO_TCP_SYN_RECEIVED),
    [SO_TCP_FIN_WAIT_1] = BIT(SO_TCP_SYN_SENT) | BIT(SO_TCP_SYN_RECEIVED) | BIT(SO_TCP_ESTABLISHED),
    [SO_TCP_FIN_WAIT_2] = BIT(SO_TCP_FIN_WAIT_1),
    [SO_TCP_CLOSE_WAIT] = BIT(SO_TCP_ESTABLISHED) | BIT(SO_TCP_SYN_RECEIVED),
    [SO_TCP_CLOSING] = BIT(SO_TCP_FIN_WAIT_1),
    [SO_TCP_LAST_ACK] = BIT(SO_TCP_CLOSE_WAIT),
    [SO_TCP_TIME_WAIT] = BIT(SO_TCP_FIN_WAIT_1) | BIT(SO_TCP_FIN_WAIT_2) | BIT(SO_TCP_CLOSING),
};

// enter is the one place that writes the state; what must hold in it is asserted here.
void so_tcp_enter(so_tcp *t, so_tcp_conn *c, so_tcp_state state) {
  so_tcp_block *b = &c->b;
  SO_ASSERT((before[state] & BIT(b->state)) != 0);
  if (b->state == SO_TCP_SYN_RECEIVED) {
    SO_ASSERT(t->half_open != 0);
    t->half_open--;
    if (c->listener != NULL && !c->waiting) {
      c->listener->half_open--;
    }
  }
  b->state = (uint8_t)state;
  if (state == SO_TCP_SYN_RECEIVED) {
    t->half_open++;
    if (c->listener != NULL) {
      c->listener->half_open++;
    }
  }
  const bool ours_ended = state == SO_TCP_FIN_WAIT_1 || state == SO_TCP_FIN_WAIT_2 ||
                          state == SO_TCP_CLOSING || state == SO_TCP_LAST_ACK ||
                          state == SO_TCP_TIME_WAIT;
  const bool theirs_ended = state == SO_TCP_CLOSE_WAIT || state == SO_TCP_CLOSING ||
                            state == SO_TCP_LAST_ACK || state == SO_TCP_TIME_WAIT;
  SO_ASSERT(!so_tcp_synchronized(c) || b->fin_queued == ours_ended);
  SO_ASSERT(state == SO_TCP_CLOSED || b->fin_received == theirs_ended);
  SO_ASSERT((state != SO_TCP_FIN_WAIT_2 && state != SO_TCP_TIME_WAIT) || c->send.len == 0);
  if (state == SO_TCP_CLOSED || state == SO_TCP_TIME_WAIT) {
    so_tcp_table_remove(t, c);
    so_wheel_cancel(&t->wheel, &c->timer);
  }
}

so_tcp_conn *so_tcp_conn_new(so_tcp *t, const so_tcp_tuple *tuple, const so_tcp_options *options,
                             uint64_t now_ns) {
  if (t->connections >= t->config.connections_max) {
    t->stats.drop_connections++;
    return NULL;
  }
  so_tcp_conn *c = so_heap_alloc(t->heap, sizeof *c);
  if (c == NULL) {
    t->stats.drop_memory++;
    return NULL;
  }
  *c = (so_tcp_conn){.tuple = *tuple, .options = *options};
  so_wheel_entry_init(&c->timer);
  so_tcp_rtt_init(&c->rtt);
  c->b = (so_tcp_block){.rcv_room = so_tcp_min(SO_TCP_RECEIVE_START, options->receive_limit),
                        .ts_offset = so_tcp_timestamp_offset(t->isn_key, tuple),
                        .heard_ns = now_ns,
                        .progress_ns = now_ns,
                        .tune_ns = now_ns,
                        .syn_at_ns = SO_NEVER,
                        .ack_at_ns = SO_NEVER,
                        .persist_at_ns = SO_NEVER,
                        .keepalive_at_ns = SO_NEVER,
                        .cork_at_ns = SO_NEVER,
                        .retry_at_ns = SO_NEVER,
                        .fin_wait_at_ns = SO_NEVER};
  const bool six = tuple->remote.family == 6;
  c->b.peer_mss = six ? SO_TCP_MSS_DEFAULT6 : SO_TCP_MSS_DEFAULT;
  c->b.mss = c->b.peer_mss;
  c->b.receive_scale =
      t->config.no_window_scale ? 0 : so_tcp_window_scale_for(options->receive_limit);
  c->b.timestamps = !t->config.no_timestamps;
  c->b.sack = !t->config.no_sack;
  c->b.ecn = !options->no_ecn;
  so_tcp_reassembly_init(&c->gaps, t->pool, t->heap, 0, options->receive_limit / 512u + 16u);
  so_tcp_scoreboard_init(&c->board, t->heap, 0, c->b.mss, false, 0);
  c->next = t->all;
  if (t->all != NULL) {
    t->all->prev = c;
  }
  t->all = c;
  t->connections++;
  return c;
}

static void release_queues(so_tcp *t, so_tcp_conn *c) {
  so_tcp_queue_release(&c->send, t->pool, t->heap);
  so_tcp_reassembly_release(&c->gaps);
  so_tcp_scoreboard_release(&c->board);
}

void so_tcp_conn_free(so_tcp *t, so_tcp_conn *c) {
  if (c->b.state != SO_TCP_CLOSED) {
    so_tcp_enter(t, c, SO_TCP_CLOSED);
  }
  so_wheel_cancel(&t->wheel, &c->timer);
  so_tcp_listener_forget(c);
  so_tcp_forget_owing(t, c);
  release_queues(t, c);
  so_tcp_queue_release(&c->receive, t->pool, t->heap);
  if (c->prev != NULL) {
    c->prev->next = c->next;
  } else {
    t->all = c->next;
  }
  if (c->next != NULL) {
    c->next->prev = c->prev;
  }
  t->connections--;
  so_heap_free(t->heap, c, sizeof *c);
}

void so_tcp_establish(so_tcp *t, so_tcp_conn *c, uint64_t now_ns) {
  so_tcp_block *b = &c->b;
  b->syn_at_ns = SO_NEVER;
  b->tries = 0;
  b->progress_ns = now_ns;
  if (!b->syn_repeated && b->syn_ns != 0) {
    so_tcp_rtt_sample(&c->rtt, now_ns - b->syn_ns, 1, now_ns);
  }
  so_tcp_rtt_established(&c->rtt, b->syn_repeated);
  const uint32_t first = b->iss + 1;
  so_tcp_scoreboard_init(&c->board, t->heap, first, so_tcp_payload_mss(c), b->sack, 0);
  so_tcp_congestion_init(&c->congestion,
                         c->options.congestion == SO_TCP_NEWRENO ? &so_tcp_newreno : &so_tcp_cubic,
                         so_tcp_payload_mss(c), b->syn_repeated, first);
  b->small_seq = first;
  if (c->options.keepalive_ms != 0) {
    b->keepalive_at_ns = now_ns + so_tcp_ms(c->options.keepalive_ms);
  }
  if (b->fin_queued) {  // The program shut down before the handshake ended.
    so_tcp_enter(t, c, SO_TCP_FIN_WAIT_1);
  } else {
    so_tcp_enter(t, c, SO_TCP_ESTABLISHED);
  }
  c->events |= SO_TCP_WRITABLE;
  if (b->passive) {
    t->stats.opened_passive++;
    so_tcp_listener_established(t, c);
  } else {
    t->stats.opened_active++;
  }
}

void so_tcp_end_with(so_tcp *t, so_tcp_conn *c, so_tcp_end end) {
  if (c->b.state == SO_TCP_CLOSED) {
    return;
  }
  if (c->b.state == SO_TCP_SYN_SENT) {
    t->stats.connect_failed++;
  }
  so_tcp_enter(t, c, SO_TCP_CLOSED);
  c->b.end = (uint8_t)end;
  c->b.ack_now = false;
  release_queues(t, c);
  // A stream that came whole can still be read: no reset takes that back.
  if (!c->b.fin_received) {
    so_tcp_queue_release(&c->receive, t->pool, t->heap);
  }
  c->events |= SO_TCP_ENDED | SO_TCP_READABLE | SO_TCP_WRITABLE;
}

// settle is the end of each entry from outside. The connection may be gone afterwards.
void so_tcp_settle(so_tcp *t, so_tcp_conn *c, uint64_t now_ns) {
  so_tcp_output(t, c, now_ns);
  const bool dead = c->b.state == SO_TCP_CLOSED || c->b.state == SO_TCP_TIME_WAIT;
  if (!dead) {
    // Never in the past: one tick does bounded work whatever a handler left undone.
    const uint64_t at = so_tcp_conn_deadline(c);
    so_wheel_arm(&t->wheel, &c->timer, at > now_ns ? at : now_ns + SO_WHEEL_TICK_NS);
  }
  if (c->held && c->events != 0 && c->upper.ready != NULL) {
    c->upper.ready(c->upper.ctx, c->events);
  }
  c->events = 0;
  if (dead && !c->held && !c->waiting) {
    so_tcp_conn_free(t, c);
  }
}
