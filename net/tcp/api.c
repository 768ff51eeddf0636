#include "net/tcp/internal.h"

// What programs call.

static so_status status(so_code code) { return so_status_make(code, 0); }

// --- listening ----------------------------------------------------------------------------------

static bool overlap(const so_ip *a, const so_ip *b) {
  return a->family == 0 || b->family == 0 ||
         (a->family == b->family && (so_ip_is_any(a) || so_ip_is_any(b) || so_ip_equal(a, b)));
}

static bool port_taken(const so_tcp *t, const so_ip *at, uint16_t port) {
  for (so_tcp_listener *l = t->listeners[port % SO_TCP_LISTEN_BUCKETS]; l != NULL; l = l->next) {
    // An exact address beside "any" of the same port is allowed; the same place twice is not.
    const bool both_any = so_ip_is_any(&l->at) == so_ip_is_any(at);
    if (l->port == port && l->at.family == at->family && both_any && overlap(&l->at, at)) {
      return true;
    }
  }
  return false;
}

static uint16_t free_port(so_tcp *t, const so_ip *at) {
  for (uint32_t i = 0; i < 16384; i++) {
    const uint16_t port = (uint16_t)(49152 + t->port_counter++ % 16384);
    if (!port_taken(t, at, port)) {
      return port;
    }
  }
  return 0;
}

so_status so_tcp_listen(so_tcp *t, const so_ip *at, uint16_t port, uint32_t backlog,
                        const so_tcp_options *options, const so_tcp_upper *upper,
                        so_tcp_listener **out) {
  const uint16_t chosen = port != 0 ? port : free_port(t, at);
  if (chosen == 0 || port_taken(t, at, chosen)) {
    return status(SO_CONFLICT);
  }
  so_tcp_listener *l = so_heap_alloc(t->heap, sizeof *l);
  if (l == NULL) {
    return status(SO_LIMIT);
  }
  *l = (so_tcp_listener){.at = *at,
                         .port = chosen,
                         .backlog = so_tcp_min(so_tcp_max(backlog, 1), SO_TCP_BACKLOG_MAX)};
  so_tcp_default_options(&l->options, options);
  if (upper != NULL) {
    l->upper = *upper;
  }
  so_tcp_listener **head = &t->listeners[chosen % SO_TCP_LISTEN_BUCKETS];
  l->next = *head;
  *head = l;
  *out = l;
  return so_done();
}

uint16_t so_tcp_listener_port(const so_tcp_listener *l) { return l->port; }

void so_tcp_listener_close(so_tcp *t, so_tcp_listener *l, uint64_t now_ns) {
  so_tcp_conn *c = t->all;
  while (c != NULL) {
    so_tcp_conn *next = c->next;
    if (c->listener == l) {
      so_tcp_send_reset(t, c, now_ns);
      so_tcp_conn_free(t, c);
    }
    c = next;
  }
  so_tcp_listener **at = &t->listeners[l->port % SO_TCP_LISTEN_BUCKETS];
  while (*at != l) {
    SO_ASSERT(*at != NULL);
    at = &(*at)->next;
  }
  *at = l->next;
  so_heap_free(t->heap, l, sizeof *l);
}

so_status so_tcp_accept(so_tcp *t, so_tcp_listener *l, const so_tcp_upper *upper,
                        so_tcp_conn **out) {
  (void)t;
  so_tcp_conn *c = l->first;
  if (c == NULL) {
    return status(SO_AGAIN);
  }
  so_tcp_listener_forget(c);
  c->held = true;
  so_tcp_set_upper(c, upper);
  *out = c;
  return so_done();
}

// --- connecting ---------------------------------------------------------------------------------

// prepare finds source and port, and makes room where an old connection rests (RFC 6191 for our
// side).
static so_status prepare(so_tcp *t, so_tcp_tuple *tuple, uint32_t *iss, uint64_t now_ns) {
  SO_TRY(t->config.lower.source(t->config.lower.ctx, &tuple->remote, &tuple->local));
  if (tuple->local_port == 0 && !so_tcp_port_choose(t, tuple)) {
    return status(SO_LIMIT);
  }
  if (so_tcp_table_find(t, tuple) != NULL) {
    return status(SO_CONFLICT);
  }
  *iss = so_tcp_isn(t->isn_key, tuple, now_ns);
  so_tcp_rest *r = so_tcp_rest_find(t, tuple);
  if (r != NULL) {
    if (!r->timestamps) {
      return status(SO_CONFLICT);
    }
    if (so_seq_le(*iss, r->snd_nxt)) {
      *iss = r->snd_nxt + UINT16_MAX;
    }
    t->stats.time_wait_reused++;
    so_tcp_rest_remove(t, r);
  }
  return so_done();
}

so_status so_tcp_connect(so_tcp *t, const so_ip *dst, uint16_t dst_port, uint16_t src_port,
                         const so_tcp_options *options, const so_tcp_upper *upper,
                         uint64_t now_ns, so_tcp_conn **out) {
  so_tcp_tuple tuple = {.remote = *dst, .local_port = src_port, .remote_port = dst_port};
  uint32_t iss = 0;
  if (dst_port == 0 || so_ip_is_any(dst) || so_ip_is_multicast(dst) || so_ip_is_broadcast(dst)) {
    return status(SO_NOT_FOUND);
  }
  SO_TRY(prepare(t, &tuple, &iss, now_ns));
  so_tcp_options full;
  so_tcp_default_options(&full, options);
  so_tcp_conn *c = so_tcp_conn_new(t, &tuple, &full, now_ns);
  if (c == NULL) {
    return status(SO_LIMIT);
  }
  c->held = true;
  so_tcp_set_upper(c, upper);
  c->b.iss = iss;
  so_tcp_queue_init(&c->send, iss + 1);
  so_tcp_table_insert(t, c);
  so_tcp_enter(t, c, SO_TCP_SYN_SENT);
  so_tcp_send_syn(t, c, now_ns);
  c->b.syn_at_ns = now_ns + so_tcp_rtt_rto_ns(&c->rtt);
  *out = c;
  so_tcp_settle(t, c, now_ns);
  return so_done();
}

void so_tcp_set_upper(so_tcp_conn *c, const so_tcp_upper *upper) {
  c->upper = upper != NULL ? *upper : (so_tcp_upper){.ready = NULL};
}

void so_tcp_set_options(so_tcp *t, so_tcp_conn *c, const so_tcp_options *options,
                        uint64_t now_ns) {
  const so_tcp_options old = c->options;
  so_tcp_default_options(&c->options, options);
  c->options.no_ecn = old.no_ecn;
  c->options.congestion = old.congestion;
  c->b.keepalive_at_ns = c->options.keepalive_ms != 0 && so_tcp_synchronized(c)
                             ? now_ns + so_tcp_ms(c->options.keepalive_ms)
                             : SO_NEVER;
  so_tcp_settle(t, c, now_ns);
}

// --- writing ------------------------------------------------------------------------------------

// send_room is how much may wait now: two congestion windows, so that a path of many bytes is full even while
// its losses are repaired, and a connection that never had one does not take the pages for it. The peer's
// window bounds it like the congestion window: what cannot go yet need not wait here.
uint32_t so_tcp_send_room(const so_tcp_conn *c) {
  const uint32_t window = so_tcp_min(c->congestion.cwnd, c->b.send_window_max);
  const uint32_t twice = 2 * so_tcp_min(window, SO_TCP_WINDOW_MAX / 2);
  return so_tcp_min(so_tcp_max(twice, SO_TCP_SEND_START), c->options.send_limit);
}

size_t so_tcp_write_room(const so_tcp_conn *c) {
  const uint32_t limit = so_tcp_send_room(c);
  return c->send.len < limit ? limit - c->send.len : 0;
}

static so_status may_write(const so_tcp_conn *c) {
  if (c->b.state == SO_TCP_CLOSED) {
    return status(c->b.end != SO_TCP_END_NONE ? SO_IO : SO_CONFLICT);
  }
  return c->b.fin_queued ? status(SO_CONFLICT) : so_done();
}

// wrote starts the clock of the user timeout when nothing was waiting before.
static void wrote(so_tcp *t, so_tcp_conn *c, bool was_empty, bool more, uint64_t now_ns) {
  if (was_empty && so_tcp_scoreboard_outstanding(&c->board) == 0) {
    c->b.progress_ns = so_tcp_synchronized(c) ? now_ns : c->b.progress_ns;
  }
  c->b.more = more;
  so_tcp_settle(t, c, now_ns);
}

// want_pool sees to it that a writer is told when the pool has pages again: no acknowledgement of
// this connection may be due.
static void want_pool(so_tcp *t, so_tcp_conn *c, bool wanted, uint64_t now_ns) {
  c->b.pool_wanted = wanted;
  if (wanted && so_tcp_synchronized(c)) {
    c->b.retry_at_ns =
        so_tcp_earlier(c->b.retry_at_ns, now_ns + so_tcp_ms(SO_TCP_RETRY_MS));
    so_wheel_arm(&t->wheel, &c->timer, so_tcp_conn_deadline(c));
  }
}

so_status so_tcp_write(so_tcp *t, so_tcp_conn *c, so_bytes bytes, bool more, uint64_t now_ns,
                       size_t *out_len) {
  *out_len = 0;
  SO_TRY(may_write(c));
  const bool was_empty = c->send.len == 0;
  size_t n = 0;
  // Page by page, so that one writer does not take the pool's last quarter either.
  while (n < bytes.len && so_tcp_write_room(c) != 0 && so_tcp_pool_has(t, 4)) {
    const size_t some = so_tcp_write_room(c) < SO_PAGE_LEN ? so_tcp_write_room(c) : SO_PAGE_LEN;
    const size_t got = so_tcp_queue_write(&c->send, t->pool, t->heap,
                                          so_bytes_first(so_bytes_from(bytes, n), some));
    if (got == 0) {
      break;
    }
    n += got;
  }
  c->b.room_wanted = n < bytes.len;
  want_pool(t, c, n < bytes.len && so_tcp_write_room(c) != 0, now_ns);
  if (n == 0) {
    return bytes.len == 0 ? so_done() : status(SO_AGAIN);
  }
  *out_len = n;
  wrote(t, c, was_empty, more, now_ns);
  return so_done();
}

so_status so_tcp_reserve(so_tcp *t, so_tcp_conn *c, size_t len, uint64_t now_ns,
                         so_netdev_room rooms[SO_NETDEV_PARTS_MAX], size_t *out_count,
                         size_t *out_len) {
  SO_TRY(may_write(c));
  const size_t room = so_tcp_write_room(c);
  const size_t want = len < room ? len : room;
  *out_len = 0;
  *out_count = 0;
  if (want != 0 && so_tcp_pool_has(t, 4)) {
    *out_len = so_tcp_queue_reserve(&c->send, t->pool, t->heap, want, rooms, out_count);
  }
  c->b.room_wanted = *out_len < len;
  want_pool(t, c, *out_len == 0 && room != 0, now_ns);
  return *out_len != 0 ? so_done() : status(SO_AGAIN);
}

so_status so_tcp_commit(so_tcp *t, so_tcp_conn *c, size_t n, bool more, uint64_t now_ns) {
  SO_TRY(may_write(c));  // It may have ended in between; the room went with the queue.
  const bool was_empty = c->send.len == 0;
  so_tcp_queue_commit(&c->send, t->pool, t->heap, n);
  wrote(t, c, was_empty, more, now_ns);
  return so_done();
}

// --- reading ------------------------------------------------------------------------------------

size_t so_tcp_readable(const so_tcp_conn *c) { return c->receive.len; }

so_status so_tcp_peek(so_tcp_conn *c, so_bytes *out) {
  *out = so_tcp_queue_front(&c->receive);
  if (out->len != 0 || c->b.fin_received) {
    return so_done();
  }
  if (c->b.state == SO_TCP_CLOSED) {
    return status(SO_IO);
  }
  return status(SO_AGAIN);
}

void so_tcp_consume(so_tcp *t, so_tcp_conn *c, size_t n, uint64_t now_ns) {
  SO_ASSERT(n <= c->receive.len);
  if (n == 0) {
    return;
  }
  so_tcp_queue_drop(&c->receive, t->pool, t->heap, n);
  so_tcp_window_read(t, c, (uint32_t)n, now_ns);
  if (c->b.ack_now) {
    so_tcp_settle(t, c, now_ns);
  }
}

so_status so_tcp_read(so_tcp *t, so_tcp_conn *c, uint8_t *buf, size_t cap, uint64_t now_ns,
                      size_t *out_len) {
  so_bytes front;
  *out_len = 0;
  SO_TRY(so_tcp_peek(c, &front));
  const size_t n = cap < c->receive.len ? cap : c->receive.len;
  so_tcp_queue_copy(&c->receive, buf, n);
  *out_len = n;
  so_tcp_consume(t, c, n, now_ns);
  return so_done();
}

// --- ending -------------------------------------------------------------------------------------

// finish queues FIN (RFC 9293 3.10.4): the state changes at once, FIN goes after the bytes.
static void finish(so_tcp *t, so_tcp_conn *c, uint64_t now_ns) {
  so_tcp_block *b = &c->b;
  if (b->fin_queued) {
    return;
  }
  so_tcp_queue_commit(&c->send, t->pool, t->heap, 0);
  b->fin_queued = true;
  b->more = false;
  if (b->state == SO_TCP_ESTABLISHED || b->state == SO_TCP_CLOSE_WAIT) {
    if (c->send.len == 0 && so_tcp_scoreboard_outstanding(&c->board) == 0) {
      b->progress_ns = now_ns;
    }
    so_tcp_enter(t, c, b->state == SO_TCP_ESTABLISHED ? SO_TCP_FIN_WAIT_1 : SO_TCP_LAST_ACK);
  }
}

so_status so_tcp_shutdown(so_tcp *t, so_tcp_conn *c, uint64_t now_ns) {
  if (c->b.state == SO_TCP_CLOSED) {
    return c->b.end != SO_TCP_END_NONE ? status(SO_IO) : so_done();
  }
  finish(t, c, now_ns);
  so_tcp_settle(t, c, now_ns);
  return so_done();
}

static void let_go(so_tcp_conn *c) {
  c->held = false;
  c->upper = (so_tcp_upper){.ready = NULL};
}

void so_tcp_close(so_tcp *t, so_tcp_conn *c, uint64_t now_ns) {
  so_tcp_block *b = &c->b;
  if (b->state == SO_TCP_SYN_SENT && c->send.len == 0) {
    so_tcp_end_with(t, c, SO_TCP_END_NONE);
  } else if (b->state != SO_TCP_CLOSED && b->state != SO_TCP_TIME_WAIT) {
    if (c->receive.len != 0 || c->gaps.count != 0) {
      so_tcp_abort(t, c, now_ns);
      return;
    }
    finish(t, c, now_ns);
    if (b->state == SO_TCP_FIN_WAIT_2) {
      b->fin_wait_at_ns = now_ns + so_tcp_ms(t->config.fin_wait_2_ms);
    }
  }
  let_go(c);
  so_tcp_settle(t, c, now_ns);
}

void so_tcp_abort(so_tcp *t, so_tcp_conn *c, uint64_t now_ns) {
  let_go(c);
  // RFC 9293 3.10.5: nothing to reset in SYN-SENT, CLOSING, LAST-ACK, TIME-WAIT.
  const uint8_t state = c->b.state;
  if (state == SO_TCP_SYN_RECEIVED || state == SO_TCP_ESTABLISHED || state == SO_TCP_FIN_WAIT_1 ||
      state == SO_TCP_FIN_WAIT_2 || state == SO_TCP_CLOSE_WAIT) {
    so_tcp_send_reset(t, c, now_ns);
  }
  so_tcp_end_with(t, c, SO_TCP_END_RESET);
  so_tcp_settle(t, c, now_ns);
}

// --- looking ------------------------------------------------------------------------------------

void so_tcp_get_info(const so_tcp_conn *c, so_tcp_info *out) {
  const so_tcp_block *b = &c->b;
  *out = (so_tcp_info){
      .state = (so_tcp_state)b->state,
      .end = (so_tcp_end)b->end,
      .local = c->tuple.local,
      .remote = c->tuple.remote,
      .local_port = c->tuple.local_port,
      .remote_port = c->tuple.remote_port,
      .timestamps = b->timestamps,
      .sack = b->sack,
      .ecn = b->ecn,
      .send_scale = b->send_scale,
      .receive_scale = b->receive_scale,
      .mss = so_tcp_payload_mss(c),
      .cwnd = c->congestion.cwnd,
      .ssthresh = c->congestion.ssthresh,
      .send_window = b->send_window,
      .receive_window = so_seq_gt(b->rcv_edge, b->rcv_nxt) ? b->rcv_edge - b->rcv_nxt : 0,
      .unacked = so_tcp_scoreboard_outstanding(&c->board),
      .unsent = so_tcp_synchronized(c) ? so_tcp_unsent(c) : c->send.len,
      .readable = c->receive.len,
      .out_of_order = c->gaps.bytes,
      .pages = c->send.count + c->receive.count + c->gaps.pages,
      .srtt_ns = so_tcp_rtt_srtt_ns(&c->rtt),
      .rto_ns = so_tcp_rtt_rto_ns(&c->rtt),
      .retransmitted = b->retransmitted};
}
