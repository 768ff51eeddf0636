// NewReno: RFC 5681 with byte counting (RFC 3465).

#include "net/tcp/congestion/internal.h"

static void grow(so_tcp_congestion *c, uint32_t acked, uint64_t srtt_ns, uint64_t now_ns) {
  (void)srtt_ns;
  (void)now_ns;
  c->avoid_rest += acked;
  if (c->avoid_rest >= c->cwnd) {
    const uint32_t windows = c->avoid_rest / c->cwnd;
    c->avoid_rest -= windows * c->cwnd;
    so_congestion_add(c, (uint64_t)windows * c->mss);
  }
}

static uint32_t reduce(so_tcp_congestion *c, uint32_t flight) {
  (void)c;
  return flight / 2;
}

static void restart(so_tcp_congestion *c, bool timeout) {
  (void)timeout;
  c->avoid_rest = 0;
}

const so_tcp_algorithm so_tcp_newreno = {"newreno", grow, reduce, restart};
