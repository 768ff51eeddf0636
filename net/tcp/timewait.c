#include "net/tcp/internal.h"

// TIME-WAIT (RFC 9293 3.6.1, RFC 6191): connections that are over but for segments that may still
// be on their way. Each is a small entry of a table of fixed size; all wait equally long, so that
// their order of arrival is their order of expiry. When the table is full the oldest goes early.

static uint32_t bucket_of(const so_tcp *t, const so_tcp_tuple *tuple) {
  return (uint32_t)so_tcp_hash(t->table_key, tuple) & (t->rest_bucket_count - 1);
}

so_status so_tcp_rest_init(so_tcp *t) {
  const uint32_t max = t->config.time_wait_max;
  t->rest_bucket_count = 16;
  while (t->rest_bucket_count < max && t->rest_bucket_count < (1u << 24)) {
    t->rest_bucket_count *= 2;
  }
  t->rests = so_heap_alloc_array(t->heap, max, sizeof *t->rests);
  t->rest_buckets = so_heap_alloc_array(t->heap, t->rest_bucket_count, sizeof(uint32_t));
  if (t->rests == NULL || t->rest_buckets == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  for (uint32_t i = 0; i < max; i++) {
    t->rests[i].hash_next = i + 1 < max ? i + 2 : 0;
  }
  t->rest_free = 1;
  return so_done();
}

void so_tcp_rest_release(so_tcp *t) {
  so_heap_free(t->heap, t->rests, t->config.time_wait_max * sizeof *t->rests);
  so_heap_free(t->heap, t->rest_buckets, t->rest_bucket_count * sizeof(uint32_t));
}

so_tcp_rest *so_tcp_rest_find(so_tcp *t, const so_tcp_tuple *tuple) {
  uint32_t i = t->rest_buckets[bucket_of(t, tuple)];
  while (i != 0) {
    so_tcp_rest *r = &t->rests[i - 1];
    if (r->tuple.local_port == tuple->local_port && r->tuple.remote_port == tuple->remote_port &&
        so_ip_equal(&r->tuple.remote, &tuple->remote) &&
        so_ip_equal(&r->tuple.local, &tuple->local)) {
      return r;
    }
    i = r->hash_next;
  }
  return NULL;
}

static uint32_t number(const so_tcp *t, const so_tcp_rest *r) {
  return (uint32_t)(r - t->rests) + 1;
}

static void unlink_order(so_tcp *t, so_tcp_rest *r) {
  if (r->prev != 0) {
    t->rests[r->prev - 1].next = r->next;
  } else {
    t->rest_first = r->next;
  }
  if (r->next != 0) {
    t->rests[r->next - 1].prev = r->prev;
  } else {
    t->rest_last = r->prev;
  }
}

static void link_last(so_tcp *t, so_tcp_rest *r) {
  const uint32_t i = number(t, r);
  r->prev = t->rest_last;
  r->next = 0;
  if (t->rest_last != 0) {
    t->rests[t->rest_last - 1].next = i;
  } else {
    t->rest_first = i;
  }
  t->rest_last = i;
}

void so_tcp_rest_remove(so_tcp *t, so_tcp_rest *r) {
  const uint32_t i = number(t, r);
  uint32_t *at = &t->rest_buckets[bucket_of(t, &r->tuple)];
  while (*at != i) {
    SO_ASSERT(*at != 0);
    at = &t->rests[*at - 1].hash_next;
  }
  *at = r->hash_next;
  unlink_order(t, r);
  r->hash_next = t->rest_free;
  t->rest_free = i;
  t->rest_count--;
}

static so_tcp_rest *take_entry(so_tcp *t) {
  if (t->rest_free == 0) {
    t->stats.time_wait_evicted++;
    so_tcp_rest_remove(t, &t->rests[t->rest_first - 1]);
  }
  so_tcp_rest *r = &t->rests[t->rest_free - 1];
  t->rest_free = r->hash_next;
  t->rest_count++;
  return r;
}

// rest_add is the way into TIME-WAIT: acknowledges, and leaves an entry in place of the connection,
// which stays only as a handle from which the program can read the rest.
void so_tcp_rest_add(so_tcp *t, so_tcp_conn *c, uint64_t now_ns) {
  so_tcp_block *b = &c->b;
  if (b->ack_now) {
    (void)so_tcp_send_ack(t, c, so_tcp_nxt(c), now_ns);
  }
  so_tcp_rest *r = take_entry(t);
  *r = (so_tcp_rest){.tuple = c->tuple,
                     .snd_nxt = so_tcp_nxt(c),
                     .rcv_nxt = b->rcv_nxt,
                     .window = so_seq_gt(b->rcv_edge, b->rcv_nxt) ? b->rcv_edge - b->rcv_nxt : 0,
                     .ts_recent = b->ts_recent,
                     .ts_offset = b->ts_offset,
                     .receive_scale = b->receive_scale,
                     .timestamps = b->timestamps,
                     .expires_ns = now_ns + so_tcp_ms(t->config.time_wait_ms)};
  so_tcp_enter(t, c, SO_TCP_TIME_WAIT);
  uint32_t *head = &t->rest_buckets[bucket_of(t, &r->tuple)];
  r->hash_next = *head;
  *head = number(t, r);
  link_last(t, r);
  t->stats.time_wait_entered++;
  c->events |= SO_TCP_WRITABLE;
}

static void answer(so_tcp *t, so_tcp_rest *r, uint64_t now_ns) {
  const uint32_t second = (uint32_t)(now_ns / SO_NS_PER_S);
  if (r->answered_s != second) {
    r->answered_s = second;
    r->answers = 0;
  }
  if (r->answers >= SO_TCP_CHALLENGES_PER_S) {
    t->stats.acks_limited++;
    return;
  }
  r->answers++;
  so_tcp_header h = {
      .seq = r->snd_nxt,
      .ack = r->rcv_nxt,
      .flags = SO_TCP_FLAG_ACK,
      .window = (uint16_t)so_tcp_min(r->window >> r->receive_scale, UINT16_MAX),
      .has_timestamps = r->timestamps,
      .ts_value = r->timestamps ? so_tcp_timestamp(r->ts_offset, now_ns) : 0,
      .ts_echo = r->timestamps ? r->ts_recent : 0};
  so_tcp_send_bare(t, &r->tuple, &h, now_ns);
}

// RFC 6191 2 and RFC 9293 3.10.7.4 fourth: a SYN that is surely newer than all of the old
// connection.
static bool may_reuse(const so_tcp_rest *r, const so_tcp_segment *s) {
  if (r->timestamps && s->h.has_timestamps && s->h.ts_value != r->ts_recent) {
    return so_seq_gt(s->h.ts_value, r->ts_recent);
  }
  return so_seq_gt(s->h.seq, r->rcv_nxt);
}

static bool reuse(so_tcp *t, so_tcp_rest *r, so_tcp_segment *s, uint64_t now_ns) {
  so_tcp_listener *l = so_tcp_listener_find(t, &s->tuple.local, s->tuple.local_port);
  if (l == NULL || !may_reuse(r, s)) {
    return false;
  }
  const uint32_t above = r->snd_nxt + UINT16_MAX;
  t->stats.time_wait_reused++;
  so_tcp_rest_remove(t, r);
  so_tcp_listen_input(t, l, s, above, true, now_ns);
  return true;
}

void so_tcp_rest_input(so_tcp *t, so_tcp_rest *r, so_tcp_segment *s, uint64_t now_ns) {
  const bool syn = so_tcp_flag(s, SO_TCP_FLAG_SYN) && !so_tcp_flag(s, SO_TCP_FLAG_ACK);
  if (so_tcp_flag(s, SO_TCP_FLAG_RST)) {
    // RFC 5961 3.2 here as well; RFC 1337's danger needs a reset with the exact number.
    if (s->h.seq == r->rcv_nxt) {
      t->stats.reset_in++;
      so_tcp_rest_remove(t, r);
    } else {
      t->stats.drop_sequence++;
    }
    return;
  }
  if (syn && reuse(t, r, s, now_ns)) {
    return;
  }
  const bool old_stamp = r->timestamps && s->h.has_timestamps &&
                         so_seq_lt(s->h.ts_value, r->ts_recent);
  if (so_tcp_flag(s, SO_TCP_FLAG_FIN) && !old_stamp &&
      s->h.seq + so_tcp_segment_len(s) == r->rcv_nxt) {
    // The peer's FIN again: our ACK was lost. Wait anew.
    unlink_order(t, r);
    r->expires_ns = now_ns + so_tcp_ms(t->config.time_wait_ms);
    link_last(t, r);
  } else if (so_tcp_segment_len(s) == 0 && s->h.seq == r->rcv_nxt) {
    return;  // A bare ACK in order: nothing to say.
  } else {
    t->stats.drop_sequence++;
  }
  answer(t, r, now_ns);
}

void so_tcp_rest_expire(so_tcp *t, uint64_t now_ns) {
  while (t->rest_first != 0 && t->rests[t->rest_first - 1].expires_ns <= now_ns) {
    so_tcp_rest_remove(t, &t->rests[t->rest_first - 1]);
  }
}

uint64_t so_tcp_rest_deadline(const so_tcp *t) {
  return t->rest_first != 0 ? t->rests[t->rest_first - 1].expires_ns : SO_NEVER;
}
