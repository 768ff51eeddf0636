#include "net/tcp/check.h"

#include "net/tcp/internal.h"

static bool is_synchronised(const so_tcp_conn *c) {
  return c->b.state >= SO_TCP_ESTABLISHED && c->b.state <= SO_TCP_LAST_ACK;
}

static bool check_connection(const so_tcp_conn *c) {
  if (!is_synchronised(c)) {
    return true;
  }
  const so_tcp_scoreboard *s = &c->board;
  const bool parts = so_tcp_scoreboard_check(s) && so_tcp_congestion_check(&c->congestion) &&
                     so_tcp_reassembly_check(&c->gaps);
  // FIN takes a number and no byte.
  const uint32_t fin = c->b.fin_sent && so_tcp_scoreboard_outstanding(s) > 0 ? 1 : 0;
  const bool queued = so_tcp_scoreboard_outstanding(s) - fin <= c->send.len;
  const bool window = so_seq_ge(c->b.rcv_edge, c->b.rcv_nxt) || c->b.fin_received;
  const bool gaps = c->gaps.count == 0 || so_seq_gt(c->gaps.ranges[0].start, c->b.rcv_nxt);
  const bool recovering = s->in_recovery == so_tcp_congestion_recovering(&c->congestion);
  return parts && queued && window && gaps && recovering;
}

bool so_tcp_check(const so_tcp *t) {
  uint32_t count = 0;
  for (const so_tcp_conn *c = t->all; c != NULL; c = c->next) {
    count++;
    if (!check_connection(c)) {
      return false;
    }
  }
  return count == t->connections && t->connections <= t->config.connections_max;
}
