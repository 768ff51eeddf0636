#include "base/mem.h"
#include "base/writer.h"
#include "net/checksum/checksum.h"
#include "net/tcp/internal.h"

#define ECT0 2u  // RFC 3168 5.

uint32_t so_tcp_timestamp(uint32_t offset, uint64_t now_ns) {
  return (uint32_t)(now_ns / SO_NS_PER_MS) + offset;
}

// The MSS that we offer counts no options (RFC 6691), and the interface's MTU, not the path's.
uint16_t so_tcp_offered_mss(const so_tcp *t, uint8_t family) {
  const uint32_t headers = (family == 6 ? 40u : 20u) + SO_TCP_HEADER_LEN;
  const uint32_t mtu = so_tcp_min(t->config.mtu, UINT16_MAX);
  return (uint16_t)so_tcp_max(mtu - so_tcp_min(mtu, headers), SO_TCP_MSS_MIN);
}

// transmit puts the header in front of `p` and hands it down. The packet is gone afterwards.
static bool transmit(so_tcp *t, const so_tcp_tuple *tuple, const so_tcp_header *h, so_packet *p,
                     uint64_t now_ns) {
  const size_t len = SO_TCP_HEADER_LEN + so_tcp_option_len(h);
  uint8_t *at = so_packet_prepend(t->pool, p, len);
  if (at == NULL) {
    so_packet_free(t->pool, p);
    t->stats.send_failed++;
    return false;
  }
  so_writer w = so_writer_of(at, len);
  so_tcp_header full = *h;
  so_checksum sum = so_checksum_start();
  so_checksum_add_pseudo(&sum, &tuple->local, &tuple->remote, SO_TCP_PROTOCOL, p->len);
  full.src_port = tuple->local_port;
  full.dst_port = tuple->remote_port;
  full.checksum = so_checksum_fold(&sum);
  so_tcp_emit(&full, &w);
  SO_ASSERT(!w.failed && w.len == len);
  p->src = tuple->local;
  p->dst = tuple->remote;
  p->protocol = SO_TCP_PROTOCOL;
  p->dont_fragment = true;
  p->offload.needs_csum = true;
  p->offload.csum_start = 0;
  p->offload.csum_offset = SO_TCP_CHECKSUM_OFFSET;
  p->offload.header_len = p->offload.gso != SO_GSO_NONE ? (uint16_t)len : 0;
  t->stats.segments_out++;
  if (!so_ok(t->config.lower.send(t->config.lower.ctx, p, now_ns))) {
    t->stats.send_failed++;  // Like a loss on the wire.
  }
  return true;
}

static so_packet *packet(so_tcp *t) {
  so_packet *p = so_packet_alloc(t->pool, SO_PACKET_HEADROOM, 0);
  if (p == NULL) {
    t->stats.send_failed++;
  }
  return p;
}

void so_tcp_send_bare(so_tcp *t, const so_tcp_tuple *tuple, so_tcp_header *h, uint64_t now_ns) {
  so_packet *p = packet(t);
  if (p != NULL) {
    (void)transmit(t, tuple, h, p, now_ns);
  }
}

// acknowledge fills in what every segment of a synchronised connection says of the other direction.
static void acknowledge(so_tcp_conn *c, so_tcp_header *h, uint64_t now_ns) {
  so_tcp_block *b = &c->b;
  h->flags |= SO_TCP_FLAG_ACK;
  h->ack = b->rcv_nxt;
  h->window = so_tcp_window_field(c, false);
  if (b->ecn && b->ecn_echo) {
    h->flags |= SO_TCP_FLAG_ECE;
  }
  if (b->timestamps) {
    h->has_timestamps = true;
    h->ts_value = so_tcp_timestamp(b->ts_offset, now_ns);
    h->ts_echo = b->ts_recent;
  }
  if (b->sack && so_tcp_reassembly_pending(&c->gaps)) {
    h->sack_count = (uint8_t)so_tcp_reassembly_sacks(&c->gaps, h->sacks, b->timestamps ? 3 : 4);
  }
  b->ack_now = false;
  b->pushed = false;
  b->ack_at_ns = SO_NEVER;
  b->ack_bytes = 0;
  b->last_ack = b->rcv_nxt;
}

void so_tcp_send_syn(so_tcp *t, so_tcp_conn *c, uint64_t now_ns) {
  so_tcp_block *b = &c->b;
  const bool answer = b->state == SO_TCP_SYN_RECEIVED;
  so_tcp_header h = {.seq = b->iss,
                     .flags = SO_TCP_FLAG_SYN,
                     .mss = so_tcp_offered_mss(t, c->tuple.remote.family),
                     .has_scale = b->receive_scale != 0 || (!answer && !t->config.no_window_scale),
                     .scale = b->receive_scale,
                     .sack_permitted = b->sack,
                     .has_timestamps = b->timestamps,
                     .ts_value = so_tcp_timestamp(b->ts_offset, now_ns)};
  h.window = so_tcp_window_field(c, true);
  if (answer) {
    h.has_scale = b->has_scale;
    h.flags |= SO_TCP_FLAG_ACK;
    h.ack = b->rcv_nxt;
    h.ts_echo = b->timestamps ? b->ts_recent : 0;
    b->last_ack = b->rcv_nxt;
    b->ack_now = false;
  }
  // RFC 3168 6.1.1; a SYN that is sent again does not offer ECN, for paths that drop those.
  if (b->ecn && answer) {
    h.flags |= SO_TCP_FLAG_ECE;
  } else if (b->ecn && !b->syn_repeated) {
    h.flags |= SO_TCP_FLAG_ECE | SO_TCP_FLAG_CWR;
  }
  if (b->syn_ns == 0) {
    b->syn_ns = now_ns;
  }
  so_tcp_send_bare(t, &c->tuple, &h, now_ns);
}

bool so_tcp_send_ack(so_tcp *t, so_tcp_conn *c, uint32_t seq, uint64_t now_ns) {
  so_packet *p = packet(t);
  if (p == NULL) {  // Tried again by the timer.
    c->b.ack_at_ns = so_tcp_earlier(c->b.ack_at_ns, now_ns + so_tcp_ms(SO_TCP_RETRY_MS));
    c->b.ack_now = false;
    return false;
  }
  so_tcp_header h = {.seq = seq};
  acknowledge(c, &h, now_ns);
  return transmit(t, &c->tuple, &h, p, now_ns);
}

// fill appends what [r.start, r.end) covers of the send queue, and says how much: less than asked
// for when its pieces are too many for one packet.
static uint32_t fill(so_tcp *t, const so_tcp_conn *c, so_seq_range r, so_packet *p) {
  const uint32_t end = c->send.start + c->send.len;
  const uint32_t stop = so_seq_min(r.end, end);
  const uint32_t want = so_seq_gt(stop, r.start) ? stop - r.start : 0;
  uint32_t got = (uint32_t)so_tcp_queue_share(&c->send, t->pool, r.start, want, p);
  const uint32_t mss = so_tcp_payload_mss(c);
  if (got < want && got > mss) {
    got -= got % mss;
    so_packet_trim(t->pool, p, got);
  }
  return got;
}

static void offload(so_packet *p, const so_tcp_conn *c, uint32_t payload, uint32_t mss) {
  if (payload > mss) {
    p->offload.gso = c->tuple.remote.family == 6 ? SO_GSO_TCP6 : SO_GSO_TCP4;
    p->offload.gso_size = (uint16_t)mss;
  }
}

static void count(so_tcp *t, so_tcp_conn *c, uint32_t len, bool again) {
  t->stats.bytes_out += len;
  if (again) {
    t->stats.bytes_retransmitted += len;
    t->stats.segments_retransmitted++;
    c->b.retransmitted++;
  }
}

// note tells the scoreboard. False: no memory for it, nothing may be sent.
static bool note(so_tcp_conn *c, so_seq_range r, so_tcp_kind kind, uint64_t now_ns) {
  switch (kind) {
    case SO_TCP_NEW:
    case SO_TCP_NEW_LAST:
      return so_ok(so_tcp_scoreboard_sent(&c->board, r.end - r.start, now_ns));
    case SO_TCP_AGAIN:
      so_tcp_scoreboard_retransmitted(&c->board, r, now_ns);
      return true;
    case SO_TCP_PROBE_AGAIN:
      return true;
  }
  return true;
}

// send_range sends [r.start, r.end), the last number being FIN when it is past the queue's end.
// Returns how many numbers went; 0: no memory.
uint32_t so_tcp_send_range(so_tcp *t, so_tcp_conn *c, so_seq_range r, so_tcp_kind kind,
                           uint64_t now_ns) {
  so_tcp_block *b = &c->b;
  const uint32_t end = c->send.start + c->send.len;
  so_packet *p = packet(t);
  if (p == NULL) {
    return 0;
  }
  const uint32_t len = fill(t, c, r, p);
  const bool fin = b->fin_queued && r.start + len == end && so_seq_gt(r.end, end);
  const so_seq_range sent = {r.start, r.start + len + (fin ? 1 : 0)};
  if (sent.end == sent.start || !note(c, sent, kind, now_ns)) {
    so_packet_free(t->pool, p);
    t->stats.send_failed++;
    return 0;
  }
  so_tcp_header h = {.seq = r.start};
  const bool again = kind == SO_TCP_AGAIN || kind == SO_TCP_PROBE_AGAIN;
  if (b->ecn && !again && len != 0) {  // RFC 3168 6.1.5: not on what is sent again.
    p->traffic_class = ECT0;
    if (c->congestion.cwr_pending) {
      h.flags |= SO_TCP_FLAG_CWR;
      c->congestion.cwr_pending = false;
    }
  }
  acknowledge(c, &h, now_ns);
  // RFC 9293 3.9.1.2: at the end of what was written. Also when we wait for an acknowledgement to go on: a
  // receiver that delays them takes PSH for a reason not to.
  if (len != 0 && (r.start + len == end || kind == SO_TCP_NEW_LAST)) {
    h.flags |= SO_TCP_FLAG_PSH;
  }
  if (fin) {
    h.flags |= SO_TCP_FLAG_FIN;
    b->fin_sent = true;
  }
  const uint32_t mss = so_tcp_min(so_tcp_payload_mss(c), b->mss - (uint32_t)so_tcp_option_len(&h));
  offload(p, c, len, mss);
  if (len % so_tcp_payload_mss(c) != 0 && !again) {
    b->small_seq = sent.end;
  }
  if (len >= so_tcp_payload_mss(c) && !b->full_sent) {
    b->full_sent = true;
    b->full_seq = r.start + so_tcp_payload_mss(c);
  }
  count(t, c, len, again);
  so_tcp_congestion_sent(&c->congestion, sent.end - sent.start, again, now_ns);
  (void)transmit(t, &c->tuple, &h, p, now_ns);
  return sent.end - sent.start;
}

void so_tcp_send_reset(so_tcp *t, so_tcp_conn *c, uint64_t now_ns) {
  so_tcp_header h = {.flags = SO_TCP_FLAG_RST | SO_TCP_FLAG_ACK, .ack = c->b.rcv_nxt};
  h.seq = so_tcp_synchronized(c) ? so_tcp_nxt(c) : c->b.iss + 1;
  t->stats.reset_out++;
  so_tcp_send_bare(t, &c->tuple, &h, now_ns);
}

// answer_reset is RFC 9293 3.10.7.1: what a segment gets that belongs to nothing.
void so_tcp_answer_reset(so_tcp *t, const so_tcp_segment *s, uint64_t now_ns) {
  if (so_tcp_flag(s, SO_TCP_FLAG_RST)) {
    return;
  }
  so_tcp_header h = {.flags = SO_TCP_FLAG_RST};
  if (so_tcp_flag(s, SO_TCP_FLAG_ACK)) {
    h.seq = s->h.ack;
  } else {
    h.flags |= SO_TCP_FLAG_ACK;
    h.ack = s->h.seq + so_tcp_segment_len(s);
  }
  t->stats.reset_out++;
  so_tcp_send_bare(t, &s->tuple, &h, now_ns);
}
