// HyStart++ (RFC 9406): leaves slow start when round trips get longer, before anything is lost.

#include "kernel/ports/clock.h"
#include "net/tcp/congestion/internal.h"

// RFC 9406 4.3.
#define RTT_THRESH_MIN_US 4000u
#define RTT_THRESH_MAX_US 16000u
#define RTT_DIVISOR 8u
#define SAMPLES_MIN 8
#define CSS_GROWTH_DIVISOR 4u
#define CSS_ROUNDS 5
// L. 8 is recommended for a sender that does not pace, but receivers that join segments acknowledge up to 64 KiB
// at once, and a window that grows by 8 for each of those does not double in a round trip. What leaves at once is
// as much either way: twice what was acknowledged.
#define GROWTH_SEGMENTS 45u

void so_hystart_reset(so_tcp_congestion *c, uint32_t seq) {
  c->css = false;
  c->css_rounds = 0;
  c->samples = 0;
  c->window_end = seq;
  c->last_min_us = c->current_min_us = c->css_baseline_us = UINT32_MAX;
}

static void begin_round(so_tcp_congestion *c, uint32_t nxt) {
  c->window_end = nxt;
  c->last_min_us = c->current_min_us;
  c->current_min_us = UINT32_MAX;
  c->samples = 0;
  if (c->css && ++c->css_rounds >= CSS_ROUNDS) {
    c->ssthresh = c->cwnd;
  }
}

static void take_sample(so_tcp_congestion *c, uint64_t rtt_ns) {
  const uint64_t us = rtt_ns / 1000;
  if (us < c->current_min_us) {
    c->current_min_us = (uint32_t)us;
  }
  if (c->samples < UINT8_MAX) {
    c->samples++;
  }
  if (c->samples < SAMPLES_MIN) {
    return;
  }
  if (c->css) {
    if (c->current_min_us < c->css_baseline_us) {
      c->css = false;  // The longer round trips were a passing matter.
      c->css_baseline_us = UINT32_MAX;
    }
    return;
  }
  if (c->last_min_us == UINT32_MAX) {
    return;
  }
  uint32_t thresh_us = c->last_min_us / RTT_DIVISOR;
  thresh_us = thresh_us < RTT_THRESH_MIN_US ? RTT_THRESH_MIN_US : thresh_us;
  thresh_us = thresh_us > RTT_THRESH_MAX_US ? RTT_THRESH_MAX_US : thresh_us;
  if (c->current_min_us >= c->last_min_us && c->current_min_us - c->last_min_us >= thresh_us) {
    c->css = true;
    c->css_rounds = 0;
    c->css_baseline_us = c->current_min_us;
  }
}

uint32_t so_hystart_ack(so_tcp_congestion *c, const so_tcp_ack_report *report) {
  if (report->rtt_ns != SO_NEVER) {
    take_sample(c, report->rtt_ns);
  }
  if (so_seq_ge(report->una, c->window_end)) {
    begin_round(c, report->nxt);
  }
  const uint32_t most = GROWTH_SEGMENTS * c->mss;
  const uint32_t grown = report->acked < most ? report->acked : most;
  return c->css ? grown / CSS_GROWTH_DIVISOR : grown;
}
