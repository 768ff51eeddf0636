// CUBIC (RFC 9438) in integers: bytes and milliseconds, C = 0.4 segments/s^3, beta = 0.7.

#include "kernel/ports/clock.h"
#include "net/tcp/congestion/internal.h"

// 1 / C in ms^3 a segment: bytes = mss * d^3 / this.
#define MS3_PER_SEGMENT UINT64_C(2500000000)
// d^3 * mss fits 64 bits up to here; 0.4 * 65^3 segments are 164 MB of 1460 bytes.
#define DISTANCE_MAX_MS 65535u

// 3 * (1 - beta) / (1 + beta), RFC 9438 4.3.
#define ALPHA_NUM 9u
#define ALPHA_DEN 17u

// The largest x with x^3 <= v.
static uint32_t cube_root(uint64_t v) {
  uint64_t x = 0;
  for (int bit = 21; bit >= 0; bit--) {
    const uint64_t y = x | UINT64_C(1) << bit;
    if (y <= 2642245 && y * y * y <= v) {  // 2642245^3 is the last cube within 64 bits.
      x = y;
    }
  }
  return (uint32_t)x;
}

// W_cubic(t), RFC 9438 4.2 figure 1. Never below one segment.
static uint64_t w_cubic(const so_tcp_congestion *c, uint64_t t_ms) {
  const so_tcp_cubic_state *k = &c->cubic;
  const bool before = t_ms < k->k_ms;
  uint64_t d = before ? k->k_ms - t_ms : t_ms - k->k_ms;
  if (d > DISTANCE_MAX_MS) {
    d = DISTANCE_MAX_MS;
  }
  const uint64_t delta = d * d * d * c->mss / MS3_PER_SEGMENT;
  if (before) {
    return k->w_max > delta + c->mss ? k->w_max - delta : c->mss;
  }
  return k->w_max + delta;
}

static void begin_epoch(so_tcp_congestion *c, uint64_t now_ns) {
  so_tcp_cubic_state *k = &c->cubic;
  k->epoch_valid = true;
  k->epoch_ns = now_ns;
  k->w_epoch = k->w_est = c->cwnd;
  k->est_rest = k->grow_rest = 0;
  if (k->after_timeout || k->w_max <= c->cwnd) {
    k->k_ms = 0;  // 4.8, and a first stage that no loss began.
    k->w_max = c->cwnd;
  } else {
    k->k_ms = cube_root((uint64_t)(k->w_max - c->cwnd) * MS3_PER_SEGMENT / c->mss);
  }
  k->after_timeout = false;
}

// 4.3: what Reno would have with the same average rate of loss.
static void grow_estimate(so_tcp_congestion *c, uint32_t acked) {
  so_tcp_cubic_state *k = &c->cubic;
  const uint32_t alpha = k->w_est >= k->cwnd_prior ? ALPHA_DEN : ALPHA_NUM;
  const uint64_t whole = (uint64_t)ALPHA_DEN * c->cwnd;
  const uint64_t sum = (uint64_t)alpha * c->mss * acked + k->est_rest;
  const uint64_t step = sum / whole;
  k->est_rest = (uint32_t)(sum % whole < UINT32_MAX ? sum % whole : UINT32_MAX);
  k->w_est = k->w_est + step < SO_TCP_WINDOW_MAX ? (uint32_t)(k->w_est + step) : SO_TCP_WINDOW_MAX;
}

static void grow(so_tcp_congestion *c, uint32_t acked, uint64_t srtt_ns, uint64_t now_ns) {
  so_tcp_cubic_state *k = &c->cubic;
  if (!k->epoch_valid) {
    begin_epoch(c, now_ns);
  }
  const uint64_t t_ms = (now_ns - k->epoch_ns) / SO_NS_PER_MS;
  grow_estimate(c, acked);
  if (w_cubic(c, t_ms) < k->w_est) {
    if (k->w_est > c->cwnd) {
      so_congestion_add(c, k->w_est - c->cwnd);
    }
    return;
  }
  // 4.4 and 4.5: towards where the curve is one round trip from now.
  uint64_t target = w_cubic(c, t_ms + srtt_ns / SO_NS_PER_MS);
  const uint64_t most = c->cwnd + c->cwnd / 2;
  target = target > most ? most : target;
  if (target <= c->cwnd) {
    return;
  }
  const uint64_t sum = (target - c->cwnd) * acked + k->grow_rest;
  k->grow_rest = (uint32_t)(sum % c->cwnd);
  so_congestion_add(c, sum / c->cwnd);
}

static uint32_t reduce(so_tcp_congestion *c, uint32_t flight) {
  so_tcp_cubic_state *k = &c->cubic;
  k->cwnd_prior = c->cwnd;
  // 4.7: a flow that did not get back to where it was makes room for others.
  k->w_max = c->cwnd < k->w_max ? (uint32_t)((uint64_t)c->cwnd * 17 / 20) : c->cwnd;
  return (uint32_t)((uint64_t)flight * 7 / 10);
}

static void restart(so_tcp_congestion *c, bool timeout) {
  c->cubic.epoch_valid = false;
  c->cubic.after_timeout = timeout;
}

const so_tcp_algorithm so_tcp_cubic = {"cubic", grow, reduce, restart};
