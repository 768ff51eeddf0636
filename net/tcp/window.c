#include "net/tcp/internal.h"

// The receive window: how much we say we take. It never shrinks once told (RFC 9293 3.8.6), moves
// only in worthwhile steps (3.8.6.2.2), and grows with what the program reads in a round trip.

uint8_t so_tcp_window_scale_for(uint32_t limit) {
  uint8_t scale = 0;
  while (scale < SO_TCP_SCALE_MAX && (limit >> scale) > UINT16_MAX) {
    scale++;
  }
  return scale;
}

// The edge that we could tell now.
static uint32_t possible_edge(const so_tcp_conn *c) {
  const uint32_t held = c->receive.len;
  const uint32_t room = c->b.rcv_room > held ? c->b.rcv_room - held : 0;
  return c->b.rcv_nxt + room;
}

static bool worthwhile(const so_tcp_conn *c, uint32_t gain) {
  const uint32_t mss = so_tcp_max(c->b.receive_mss, SO_TCP_MSS_DEFAULT);
  return gain >= so_tcp_min(c->b.rcv_room / 2, mss);
}

// window_to_tell is RCV.WND for the segment that goes out now, and moves the edge.
uint32_t so_tcp_window_to_tell(so_tcp_conn *c) {
  const uint32_t edge = possible_edge(c);
  if (so_seq_gt(edge, c->b.rcv_edge) && worthwhile(c, edge - c->b.rcv_edge)) {
    c->b.rcv_edge = edge;
  }
  return so_seq_gt(c->b.rcv_edge, c->b.rcv_nxt) ? c->b.rcv_edge - c->b.rcv_nxt : 0;
}

uint16_t so_tcp_window_field(so_tcp_conn *c, bool syn) {
  if (syn) {  // Never scaled (RFC 7323 2.2).
    const uint32_t window = so_tcp_min(c->b.rcv_room, UINT16_MAX);
    if (so_seq_lt(c->b.rcv_edge, c->b.rcv_nxt + window)) {
      c->b.rcv_edge = c->b.rcv_nxt + window;
    }
    return (uint16_t)window;
  }
  const uint32_t window = so_tcp_window_to_tell(c);
  const uint32_t field = so_tcp_min(window >> c->b.receive_scale, UINT16_MAX);
  // Rounding down must not take back what was told: the peer saw the edge of an earlier field.
  return (uint16_t)field;
}

// tune makes room for four times what the program read in a round trip: the sender may double its window in the
// next one (RFC 5681 3.1), and what comes behind a hole waits for one more. Where rounds are cut is chance, and
// leaves at least half of a window in one of them.
static void tune(so_tcp_conn *c, uint32_t n, uint64_t now_ns) {
  so_tcp_block *b = &c->b;
  const uint64_t srtt = so_tcp_rtt_srtt_ns(&c->rtt);
  const uint64_t round = srtt != 0 ? srtt : so_tcp_ms(100);
  if (now_ns - b->tune_ns > round) {
    b->tune_ns = now_ns;
    b->tune_bytes = 0;
  }
  b->tune_bytes = so_tcp_min(b->tune_bytes + n, SO_TCP_WINDOW_MAX / 4);
  const uint32_t reach = (uint32_t)UINT16_MAX << b->receive_scale;
  const uint32_t most = so_tcp_min(c->options.receive_limit, reach);
  b->rcv_room = so_tcp_max(b->rcv_room, so_tcp_min(4 * b->tune_bytes, most));
}

// window_read: the program took `n` bytes. Tells of the new room when that is worth a segment.
void so_tcp_window_read(so_tcp *t, so_tcp_conn *c, uint32_t n, uint64_t now_ns) {
  (void)t;
  if (!so_tcp_synchronized(c) || c->b.fin_received) {
    return;
  }
  tune(c, n, now_ns);
  const uint32_t edge = possible_edge(c);
  const uint32_t gain = so_seq_gt(edge, c->b.rcv_edge) ? edge - c->b.rcv_edge : 0;
  const uint32_t told =
      so_seq_gt(c->b.rcv_edge, c->b.rcv_nxt) ? c->b.rcv_edge - c->b.rcv_nxt : 0;
  const uint32_t mss = so_tcp_max(c->b.receive_mss, SO_TCP_MSS_DEFAULT);
  // The sender has sent what it may, and the program has read all of it: nothing of ours would carry the
  // acknowledgement soon.
  if (c->b.pushed && c->receive.len == 0) {
    c->b.ack_now = true;
  }
  // A closed window opens as soon as silly-window avoidance lets it; an open one is told of in
  // passing, and on its own when the peer may be about to stop.
  if (gain != 0 && worthwhile(c, gain) &&
      (told < 2 * mss || gain >= c->b.rcv_room / 4)) {
    c->b.ack_now = true;
  }
}
