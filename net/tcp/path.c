#include "base/reader.h"
#include "net/tcp/internal.h"

// Segment sizes and what ICMP says of the path. RFC 5927: an error counts only when it quotes a
// number that is on its way; hard errors end nothing but a connection that is opening; a smaller
// MTU is taken at once, and never below what every path carries.

uint32_t so_tcp_payload_mss(const so_tcp_conn *c) {
  return (uint32_t)c->b.mss - (c->b.timestamps ? 12u : 0u);
}

static uint32_t headers(const so_tcp_conn *c) {
  return (c->tuple.remote.family == 6 ? 40u : 20u) + SO_TCP_HEADER_LEN;
}

void so_tcp_set_mss(so_tcp *t, so_tcp_conn *c, uint32_t mss) {
  (void)t;
  c->b.full_sent = c->b.full_carried = false;
  c->b.mss = (uint16_t)so_tcp_max(so_tcp_min(mss, c->b.peer_mss), SO_TCP_MSS_MIN);
  if (so_tcp_synchronized(c)) {
    so_tcp_congestion_mss(&c->congestion, so_tcp_payload_mss(c));
    so_tcp_scoreboard_lose(&c->board, so_tcp_payload_mss(c));
  }
}

// path_update asks the layer below when a connection opens.
void so_tcp_path_update(so_tcp *t, so_tcp_conn *c, uint64_t now_ns) {
  const uint32_t mtu = t->config.lower.path_mtu != NULL
                           ? t->config.lower.path_mtu(t->config.lower.ctx, &c->tuple.remote, now_ns)
                           : t->config.mtu;
  const uint32_t most = so_tcp_min(so_tcp_min(mtu, t->config.mtu), UINT16_MAX);
  so_tcp_set_mss(t, c, most - so_tcp_min(most, headers(c)));
}

static void too_big(so_tcp *t, so_tcp_conn *c, uint32_t mtu) {
  const uint32_t mss = mtu - so_tcp_min(mtu, headers(c));
  if (mss < c->b.mss) {
    t->stats.path_mtu_changes++;
    so_tcp_set_mss(t, c, mss);
  }
}

static bool on_its_way(const so_tcp_conn *c, uint32_t seq) {
  if (!so_tcp_synchronized(c)) {
    return seq == c->b.iss && c->b.state != SO_TCP_CLOSED;
  }
  return so_seq_ge(seq, so_tcp_una(c)) && so_seq_lt(seq, so_tcp_nxt(c));
}

static void believe(so_tcp *t, so_tcp_conn *c, const so_ip_error *e) {
  switch (e->kind) {
    case SO_IP_ERROR_TOO_BIG:
      too_big(t, c, e->mtu);
      return;
    case SO_IP_ERROR_PROHIBITED:
    case SO_IP_ERROR_PROTOCOL:
    case SO_IP_ERROR_PORT:
    case SO_IP_ERROR_NEIGHBOUR:
      if (c->b.state == SO_TCP_SYN_SENT) {
        so_tcp_end_with(t, c, SO_TCP_END_UNREACHABLE);
        return;
      }
      c->b.soft_error = true;
      return;
    case SO_IP_ERROR_UNREACHABLE:
    case SO_IP_ERROR_TIME:
    case SO_IP_ERROR_PARAMETER:
      c->b.soft_error = true;
      return;
  }
}

bool so_tcp_error(so_tcp *t, const so_ip_error *e, uint64_t now_ns) {
  so_reader r = so_reader_of(e->transport);
  so_tcp_tuple tuple = {.local = e->src, .remote = e->dst};
  uint32_t seq = 0;
  so_tcp_conn *c = NULL;
  if (so_read_u16be(&r, &tuple.local_port) && so_read_u16be(&r, &tuple.remote_port) &&
      so_read_u32be(&r, &seq)) {
    c = so_tcp_table_find(t, &tuple);
  }
  if (c == NULL || !on_its_way(c, seq)) {
    t->stats.drop_icmp++;
    return false;
  }
  believe(t, c, e);
  so_tcp_settle(t, c, now_ns);
  return true;
}
