#include "net/tcp/rtt/rtt.h"

#include "base/mem.h"
#include "kernel/ports/clock.h"

#define NS_PER_US UINT64_C(1000)
#define BACKOFF_MAX 12   // 200 ms doubled that often is past any limit.
#define BACKOFF_STALE 3  // From here on the measured path may be another one.

void so_tcp_rtt_init(so_tcp_rtt *r) {
  memset(r, 0, sizeof *r);
  r->min_us = r->min_last_us = UINT32_MAX;
  r->initial_ms = SO_TCP_RTO_INITIAL_MS;
}

static void update_min(so_tcp_rtt *r, uint64_t rtt_ns, uint64_t now_ns) {
  const uint32_t now_ms = (uint32_t)(now_ns / SO_NS_PER_MS);
  const uint32_t age_ms = now_ms - r->min_start_ms;
  if (r->min_us == UINT32_MAX || age_ms >= SO_TCP_RTT_MIN_WINDOW_MS) {
    r->min_last_us = age_ms >= 2 * SO_TCP_RTT_MIN_WINDOW_MS ? UINT32_MAX : r->min_us;
    r->min_us = UINT32_MAX;
    r->min_start_ms = now_ms;
  }
  const uint64_t us = rtt_ns / NS_PER_US;
  if (us < r->min_us) {
    r->min_us = (uint32_t)us;
  }
}

void so_tcp_rtt_sample(so_tcp_rtt *r, uint64_t rtt_ns, uint32_t samples_per_rtt, uint64_t now_ns) {
  if (rtt_ns == 0) {
    rtt_ns = 1;  // 0 says that there is none.
  }
  update_min(r, rtt_ns, now_ns);
  r->backoff = 0;
  if (r->srtt_ns == 0 || r->stale) {
    r->stale = false;
    r->srtt_ns = rtt_ns;
    r->rttvar_ns = rtt_ns / 2;
    return;
  }
  const int64_t n = samples_per_rtt == 0 ? 1 : samples_per_rtt;
  const int64_t error = (int64_t)rtt_ns - (int64_t)r->srtt_ns;
  const int64_t deviation = (error < 0 ? -error : error) - (int64_t)r->rttvar_ns;
  r->rttvar_ns = (uint64_t)((int64_t)r->rttvar_ns + deviation / (4 * n));
  r->srtt_ns = (uint64_t)((int64_t)r->srtt_ns + error / (8 * n));
}

void so_tcp_rtt_established(so_tcp_rtt *r, bool syn_timed_out) {
  r->backoff = 0;
  if (syn_timed_out && r->srtt_ns == 0) {
    r->initial_ms = SO_TCP_RTO_AFTER_SYN_MS;
  }
}

void so_tcp_rtt_backoff(so_tcp_rtt *r) {
  if (r->backoff < BACKOFF_MAX) {
    r->backoff++;
  }
  if (r->backoff >= BACKOFF_STALE) {
    r->stale = true;
  }
}

void so_tcp_rtt_unbackoff(so_tcp_rtt *r) {
  r->backoff = 0;
  r->stale = false;
}

uint64_t so_tcp_rtt_rto_ns(const so_tcp_rtt *r) {
  const uint64_t max_ns = SO_TCP_RTO_MAX_MS * SO_NS_PER_MS;
  uint64_t rto_ns = r->initial_ms * SO_NS_PER_MS;
  if (r->srtt_ns != 0) {
    const uint64_t min_ns = SO_TCP_RTO_MIN_MS * SO_NS_PER_MS;
    const uint64_t margin_ns = 4 * r->rttvar_ns;
    rto_ns = r->srtt_ns + (margin_ns < min_ns ? min_ns : margin_ns);
  }
  if (rto_ns > max_ns) {
    return max_ns;
  }
  rto_ns <<= r->backoff;
  return rto_ns > max_ns ? max_ns : rto_ns;
}

uint64_t so_tcp_rtt_srtt_ns(const so_tcp_rtt *r) { return r->srtt_ns; }

uint64_t so_tcp_rtt_var_ns(const so_tcp_rtt *r) { return r->rttvar_ns; }

uint64_t so_tcp_rtt_min_ns(const so_tcp_rtt *r) {
  const uint32_t us = r->min_us < r->min_last_us ? r->min_us : r->min_last_us;
  return us == UINT32_MAX ? SO_NEVER : us * NS_PER_US;
}
