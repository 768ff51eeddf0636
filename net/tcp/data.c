#include "net/tcp/internal.h"

// RFC 9293 3.10.7.4, seventh and eighth: the segment text and FIN.

static void drop_packet(so_tcp *t, so_tcp_segment *s) {
  so_packet_free(t->pool, s->packet);
  s->packet = NULL;
  s->len = 0;
}

// take puts the payload on the receive queue: large views by reference, small ones copied together,
// so that a page is never held for a few bytes. False: no memory; nothing was taken.
static bool take(so_tcp *t, so_tcp_conn *c, const so_packet *p) {
  so_tcp_queue *q = &c->receive;
  const bool was_empty = q->len == 0;
  for (size_t i = 0; i < p->frag_count; i++) {
    const so_frag *f = &p->frags[i];
    if (f->len == 0) {
      continue;
    }
    if (f->len < SO_TCP_COPY_LEN) {
      t->stats.receive_copied++;
      const so_bytes bytes = so_bytes_of(f->ptr, f->len);
      const size_t n = so_tcp_queue_write(q, t->pool, t->heap, bytes);
      c->b.rcv_nxt += (uint32_t)n;
      t->stats.bytes_in += n;
      if (n < bytes.len) {
        return false;
      }
    } else if (so_ok(so_tcp_queue_append(q, t->pool, t->heap, f))) {
      c->b.rcv_nxt += f->len;
      t->stats.bytes_in += f->len;
    } else {
      return false;
    }
    if (was_empty || q->len != 0) {
      c->events |= SO_TCP_READABLE;
    }
  }
  return true;
}

// take_waiting moves over what closed gaps set free. What does not fit into memory is lost to the
// peer's next retransmission: it was not acknowledged, though it may have been SACKed.
static void take_waiting(so_tcp *t, so_tcp_conn *c) {
  uint32_t len = 0;
  so_packet *p = so_tcp_reassembly_take(&c->gaps, c->b.rcv_nxt, &len);
  bool fits = true;
  while (p != NULL) {
    so_packet *next = p->next;
    if (fits && !take(t, c, p)) {
      t->stats.drop_memory++;
      fits = false;
    }
    so_packet_free(t->pool, p);
    p = next;
  }
}

// trim cuts off what came before and what lies past the window. False: nothing is left.
static bool trim(so_tcp *t, so_tcp_conn *c, so_tcp_segment *s) {
  so_tcp_block *b = &c->b;
  if (so_seq_lt(s->seq, b->rcv_nxt)) {
    const uint32_t old = so_tcp_min(b->rcv_nxt - s->seq, s->len);
    if (b->sack && old != 0) {
      so_tcp_reassembly_duplicate(&c->gaps, s->seq, s->seq + old);
    }
    so_tcp_ack_quickly(c);
    so_packet_pull(t->pool, s->packet, old);
    s->seq += old;
    s->len -= old;
  }
  const uint32_t room = so_seq_gt(b->rcv_edge, s->seq) ? b->rcv_edge - s->seq : 0;
  if (s->len > room) {
    t->stats.drop_window++;
    so_packet_trim(t->pool, s->packet, room);
    s->len = room;
    s->h.flags &= (uint8_t)~SO_TCP_FLAG_FIN;
    b->ack_now = true;
  }
  return s->len != 0;
}

// --- acknowledging ------------------------------------------------------------------------------

static uint32_t full_segments(const so_tcp_conn *c, uint32_t count) {
  return count * so_tcp_max(c->b.receive_mss, 1);
}

// Full as far as is known: requests of a program that are all short are not.
static bool is_full(const so_tcp_conn *c, uint32_t len) {
  return len >= so_tcp_max(c->b.receive_mss, SO_TCP_MSS_DEFAULT);
}

void so_tcp_ack_quickly(so_tcp_conn *c) {
  c->b.quick = SO_TCP_QUICK_ACKS;
  c->b.ack_now = true;
}

static void owe(so_tcp *t, so_tcp_conn *c) {
  if (!c->owing) {
    c->owing = true;
    c->owing_next = t->owing;
    t->owing = c;
  }
}

// forget_owing takes a connection that ends out of the list.
void so_tcp_forget_owing(so_tcp *t, so_tcp_conn *c) {
  if (!c->owing) {
    return;
  }
  so_tcp_conn **at = &t->owing;
  while (*at != c) {
    SO_ASSERT(*at != NULL);
    at = &(*at)->owing_next;
  }
  *at = c->owing_next;
  c->owing = false;
}

void so_tcp_batch_begin(so_tcp *t) { t->batch = true; }

void so_tcp_batch_end(so_tcp *t, uint64_t now_ns) {
  t->batch = false;
  while (t->owing != NULL) {
    so_tcp_conn *c = t->owing;
    so_tcp_forget_owing(t, c);
    if (c->b.ack_bytes >= full_segments(c, 2)) {  // Else one went out meanwhile.
      c->b.ack_now = true;
      so_tcp_settle(t, c, now_ns);
    }
  }
}

// Every second full segment is acknowledged at once, in a batch at its end, another one soon (RFC
// 9293 3.8.6.3, RFC 5681 4.2); after a sign of loss each full segment.
static void schedule_ack(so_tcp *t, so_tcp_conn *c, uint32_t len, uint64_t now_ns) {
  so_tcp_block *b = &c->b;
  b->ack_bytes += len;
  const bool due = b->ack_bytes >= full_segments(c, 2);
  if (b->quick != 0 && is_full(c, b->ack_bytes)) {
    b->quick--;
    b->ack_now = true;
  } else if (due && t->batch && b->ack_bytes < full_segments(c, SO_TCP_STRETCH)) {
    owe(t, c);
  } else if (due) {
    b->ack_now = true;
  } else {
    b->ack_at_ns = so_tcp_earlier(b->ack_at_ns, now_ns + so_tcp_ms(SO_TCP_DELAYED_ACK_MS));
  }
}

// --- the text -----------------------------------------------------------------------------------

static void note_size(so_tcp_conn *c, const so_tcp_segment *s) {
  const uint32_t size =
      s->packet->offload.gso_size != 0 ? s->packet->offload.gso_size : s->len;
  if (size > c->b.receive_mss) {
    c->b.receive_mss = (uint16_t)so_tcp_min(size, c->b.mss);
  }
}

static void in_order(so_tcp *t, so_tcp_conn *c, so_tcp_segment *s, uint64_t now_ns) {
  const uint32_t len = s->len;
  const bool gap = c->gaps.count != 0;
  if (!take(t, c, s->packet)) {
    t->stats.drop_memory++;
    s->h.flags &= (uint8_t)~SO_TCP_FLAG_FIN;
    c->b.ack_now = true;
  } else if (gap) {
    take_waiting(t, c);
  }
  if (so_tcp_flag(s, SO_TCP_FLAG_PSH) && is_full(c, len)) {
    c->b.pushed = true;
  }
  schedule_ack(t, c, len, now_ns);
  if (gap) {
    so_tcp_ack_quickly(c);  // RFC 5681 4.2: at once when a gap closes, wholly or in part.
  }
  drop_packet(t, s);
}

static bool receiving(const so_tcp_conn *c) {
  return c->b.state == SO_TCP_ESTABLISHED || c->b.state == SO_TCP_FIN_WAIT_1 ||
         c->b.state == SO_TCP_FIN_WAIT_2;
}

void so_tcp_step_data(so_tcp *t, so_tcp_conn *c, so_tcp_segment *s, uint64_t now_ns) {
  if (s->len == 0 || !receiving(c)) {
    return;
  }
  note_size(c, s);
  if (!trim(t, c, s)) {
    return;
  }
  if (!c->held && c->listener == NULL) {
    // RFC 9293 3.6.1: bytes for a program that is gone are answered by a reset, so that the peer
    // knows.
    t->stats.drop_window++;
    so_tcp_send_reset(t, c, now_ns);
    so_tcp_end_with(t, c, SO_TCP_END_RESET);
    return;
  }
  const bool next = s->seq == c->b.rcv_nxt;
  if (!so_tcp_pool_has(t, next ? 8 : 4)) {
    t->stats.drop_memory++;
    drop_packet(t, s);
    s->h.flags &= (uint8_t)~SO_TCP_FLAG_FIN;
    return;
  }
  if (next) {
    in_order(t, c, s, now_ns);
    return;
  }
  const so_status kept = so_tcp_reassembly_insert(&c->gaps, s->seq, s->packet);
  s->packet = NULL;
  if (!so_ok(kept)) {
    t->stats.drop_reassembly++;
  }
  c->b.ack_now = true;  // And when the gap closes, quickly.
}

static void fin_arrived(so_tcp *t, so_tcp_conn *c, uint64_t now_ns) {
  so_tcp_block *b = &c->b;
  b->rcv_nxt++;
  b->fin_received = true;
  b->ack_now = true;
  c->events |= SO_TCP_READABLE;
  so_tcp_reassembly_release(&c->gaps);
  switch ((so_tcp_state)b->state) {
    case SO_TCP_ESTABLISHED:
      so_tcp_enter(t, c, SO_TCP_CLOSE_WAIT);
      return;
    case SO_TCP_FIN_WAIT_1:  // Our FIN is not acknowledged, or step 5 had gone on to FIN-WAIT-2.
      so_tcp_enter(t, c, SO_TCP_CLOSING);
      return;
    case SO_TCP_FIN_WAIT_2:
      so_tcp_rest_add(t, c, now_ns);
      return;
    case SO_TCP_CLOSED:
    case SO_TCP_LISTEN:
    case SO_TCP_SYN_SENT:
    case SO_TCP_SYN_RECEIVED:
    case SO_TCP_CLOSE_WAIT:
    case SO_TCP_CLOSING:
    case SO_TCP_LAST_ACK:
    case SO_TCP_TIME_WAIT:
      SO_ASSERT(false);
  }
}

void so_tcp_step_fin(so_tcp *t, so_tcp_conn *c, so_tcp_segment *s, uint64_t now_ns) {
  so_tcp_block *b = &c->b;
  if (!receiving(c)) {
    if (so_tcp_flag(s, SO_TCP_FLAG_FIN) && so_tcp_synchronized(c)) {
      b->ack_now = true;  // Sent again: our ACK was lost.
    }
    return;
  }
  if (so_tcp_flag(s, SO_TCP_FLAG_FIN)) {
    const uint32_t at = s->h.seq + (so_tcp_flag(s, SO_TCP_FLAG_SYN) ? 1 : 0) + s->fin_off;
    if (so_seq_ge(at, b->rcv_nxt) && !b->fin_noted) {
      b->fin_noted = true;
      b->fin_seq = at;
    }
  }
  if (b->fin_noted && b->fin_seq == b->rcv_nxt) {
    fin_arrived(t, c, now_ns);
  }
}
