#include "net/tcp/congestion/congestion.h"

#include "base/assert.h"
#include "base/mem.h"
#include "kernel/ports/clock.h"
#include "net/tcp/congestion/internal.h"

#define WINDOW_MIN_SEGMENTS 2u   // RFC 5681 (4): of ssthresh.
#define UNDO_AGE_MAX (UINT32_C(1) << 30)
#define LOSS_GROWTH_SEGMENTS 2u  // RFC 3465 2.3, after a timeout.

// RFC 6928 2.
static uint32_t initial_window(uint32_t mss) {
  const uint32_t bytes = 2 * mss > 14600 ? 2 * mss : 14600;
  return 10 * mss < bytes ? 10 * mss : bytes;
}

void so_congestion_add(so_tcp_congestion *c, uint64_t bytes) {
  const uint64_t sum = c->cwnd + bytes;
  c->cwnd = sum < SO_TCP_WINDOW_MAX ? (uint32_t)sum : SO_TCP_WINDOW_MAX;
}

void so_tcp_congestion_init(so_tcp_congestion *c, const so_tcp_algorithm *algorithm, uint32_t mss,
                            bool syn_lost, uint32_t seq) {
  SO_ASSERT(mss > 0 && mss <= UINT16_MAX);
  memset(c, 0, sizeof *c);
  c->algorithm = algorithm;
  c->mss = mss;
  c->cwnd = syn_lost ? mss : initial_window(mss);  // RFC 5681 3.1.
  c->ssthresh = SO_TCP_WINDOW_MAX;
  c->retransmit_ns = c->last_sent_ns = SO_NEVER;
  so_hystart_reset(c, seq);
}

static uint32_t ssthresh_of(so_tcp_congestion *c, const so_tcp_ack_report *report) {
  uint32_t flight = report->nxt - report->una + report->acked;
  flight = flight < c->cwnd ? flight : c->cwnd;  // What limited transmit added does not count.
  const uint32_t left = c->algorithm->reduce(c, flight);
  const uint32_t least = WINDOW_MIN_SEGMENTS * c->mss;
  return left < least ? least : left;
}

static void remember(so_tcp_congestion *c, uint32_t una) {
  c->undo_valid = true;
  c->undo_start = una;
  c->undo_cwnd = c->cwnd;
  c->undo_ssthresh = c->ssthresh;
  c->undo_cubic = c->cubic;
  c->undo_retransmits = 0;
  c->retransmit_ns = SO_NEVER;
  c->eifel_done = false;
}

// Begins a reduction that ends when what is outstanding now is acknowledged.
static void enter(so_tcp_congestion *c, so_tcp_phase phase, const so_tcp_ack_report *report) {
  c->phase = (uint8_t)phase;
  c->recover = report->nxt;
  c->recover_valid = true;
  c->css = false;
  c->algorithm->restart(c, phase == SO_TCP_LOSS);
  if (phase != SO_TCP_LOSS) {
    c->prr_delivered = c->prr_out = 0;
    c->recover_fs = report->pipe_before > 0 ? report->pipe_before : c->mss;
  }
  c->reductions++;
}

static void enter_recovery(so_tcp_congestion *c, const so_tcp_ack_report *report) {
  if (c->phase == SO_TCP_OPEN) {
    remember(c, report->una);
    c->ssthresh = ssthresh_of(c, report);
  } else {
    c->undo_valid = false;  // What ECN took stays taken.
  }
  enter(c, SO_TCP_RECOVERY, report);
}

static void enter_cwr(so_tcp_congestion *c, const so_tcp_ack_report *report) {
  c->undo_valid = false;
  c->ssthresh = ssthresh_of(c, report);
  c->cwr_pending = report->ece;
  enter(c, SO_TCP_CWR, report);
}

void so_tcp_congestion_timeout(so_tcp_congestion *c, const so_tcp_ack_report *report) {
  if (c->phase == SO_TCP_OPEN) {
    remember(c, report->una);
    c->ssthresh = ssthresh_of(c, report);
  } else if (c->phase != SO_TCP_LOSS) {
    c->undo_valid = false;  // Reduced already for this window; no proof would cover both.
  }
  enter(c, SO_TCP_LOSS, report);
  c->cwnd = report->pipe + c->mss;
}

// RFC 6937 3.1, with the bound of packet conservation unless the ACK brings progress without new
// loss.
static void reduce_rate(so_tcp_congestion *c, const so_tcp_ack_report *report) {
  c->prr_delivered += report->delivered;
  uint64_t allowed = 0;
  if (report->pipe > c->ssthresh) {
    const uint64_t share = (uint64_t)c->prr_delivered * c->ssthresh;
    const uint64_t due = (share + c->recover_fs - 1) / c->recover_fs;
    allowed = due > c->prr_out ? due - c->prr_out : 0;
  } else {
    uint32_t limit = c->prr_delivered > c->prr_out ? c->prr_delivered - c->prr_out : 0;
    limit = limit < report->delivered ? report->delivered : limit;
    if (report->acked > 0 && report->lost == 0) {
      limit += c->mss;
    }
    allowed = c->ssthresh - report->pipe;
    allowed = allowed < limit ? allowed : limit;
  }
  if (c->phase == SO_TCP_RECOVERY && c->prr_out == 0 && allowed < c->mss) {
    allowed = c->mss;  // The first fast retransmit goes out in any case.
  }
  c->cwnd = 0;
  so_congestion_add(c, report->pipe + allowed);
  if (c->cwnd < c->mss) {
    c->cwnd = c->mss;
  }
}

static bool is_limited(const so_tcp_congestion *c, const so_tcp_ack_report *report) {
  // RFC 7661: a window that was not used was not tried either.
  if (so_tcp_congestion_slow_start(c)) {
    return (uint64_t)2 * report->pipe_before >= c->cwnd;
  }
  return report->pipe_before + 3 * c->mss > c->cwnd;
}

static void grow(so_tcp_congestion *c, const so_tcp_ack_report *report, const so_tcp_rtt *rtt,
                 uint64_t now_ns) {
  if (report->acked == 0 || !is_limited(c, report)) {
    return;
  }
  uint32_t acked = report->acked;
  if (so_tcp_congestion_slow_start(c)) {
    uint32_t step = acked;
    if (c->ssthresh == SO_TCP_WINDOW_MAX) {
      step = so_hystart_ack(c, report);
    } else if (c->phase == SO_TCP_LOSS) {
      const uint32_t most = LOSS_GROWTH_SEGMENTS * c->mss;
      step = report->delivered < most ? report->delivered : most;
    }
    const uint32_t room = c->ssthresh > c->cwnd ? c->ssthresh - c->cwnd : 0;
    const uint32_t taken = step < room ? step : room;
    so_congestion_add(c, taken);
    if (step <= room) {
      return;
    }
    acked = step - taken;
  }
  c->algorithm->grow(c, acked, so_tcp_rtt_srtt_ns(rtt), now_ns);
}

static void undo(so_tcp_congestion *c) {
  if (c->cwnd < c->undo_cwnd) {
    c->cwnd = c->undo_cwnd;
  }
  c->ssthresh = c->undo_ssthresh;
  c->cubic = c->undo_cubic;
  c->phase = SO_TCP_OPEN;
  c->undo_valid = c->recover_valid = false;
  c->undos++;
}

// Whether this ACK proves that nothing of this episode was lost.
static bool is_spurious(so_tcp_congestion *c, const so_tcp_ack_report *report) {
  if (!c->undo_valid) {
    return false;
  }
  // RFC 3708: all that was sent again came twice. What an earlier episode sent again proves nothing.
  if (report->dsack && c->undo_retransmits > 0 &&
      so_seq_gt(report->dsack_range.end, c->undo_start)) {
    const uint32_t len = report->dsack_range.end - report->dsack_range.start;
    const uint32_t segments = len / c->mss + (len % c->mss != 0);
    c->undo_retransmits -= segments < c->undo_retransmits ? segments : c->undo_retransmits;
    if (c->undo_retransmits == 0) {
      return true;
    }
  }
  if (c->phase == SO_TCP_OPEN || report->acked == 0 || c->retransmit_ns == SO_NEVER) {
    return false;
  }
  if (report->echo_ns != SO_NEVER) {  // RFC 3522 3.2 step 5.
    const bool first = !c->eifel_done;
    c->eifel_done = true;
    return first && report->echo_ns / SO_NS_PER_MS < c->retransmit_ns / SO_NS_PER_MS;
  }
  // RFC 5682 3.1: the first transmissions still arrive.
  return c->phase == SO_TCP_LOSS && report->original_acked &&
         so_seq_lt(report->original_start, c->recover) && so_seq_lt(report->una, c->recover);
}

// Leaves the episode when all that was outstanding at its begin is acknowledged. True: this ACK
// ended it, and is not counted towards growth.
static bool leave_if_done(so_tcp_congestion *c, const so_tcp_ack_report *report) {
  if (!c->recover_valid) {
    return false;
  }
  if (c->phase == SO_TCP_OPEN) {
    // A report of duplicates may come late, for a segment that was held up for many round trips: it is
    // believed until the next episode, or until numbers would wrap.
    if (so_seq_gt(report->una, c->recover + UNDO_AGE_MAX)) {
      c->recover_valid = c->undo_valid = false;
    }
    return false;
  }
  if (so_seq_lt(report->una, c->recover)) {
    return false;
  }
  if (c->phase != SO_TCP_LOSS) {
    c->cwnd = c->ssthresh;
    c->algorithm->restart(c, false);
  }
  c->phase = SO_TCP_OPEN;
  return true;
}

bool so_tcp_congestion_ack(so_tcp_congestion *c, const so_tcp_ack_report *report,
                           const so_tcp_rtt *rtt, uint64_t now_ns) {
  if (is_spurious(c, report)) {
    undo(c);
    return true;
  }
  const bool ended = leave_if_done(c, report);
  const bool congested = report->ece || report->probe_loss;
  if (report->lost > 0 && (c->phase == SO_TCP_OPEN || c->phase == SO_TCP_CWR)) {
    enter_recovery(c, report);
  } else if (congested && c->phase == SO_TCP_OPEN &&
             (!c->recover_valid || so_seq_gt(report->una, c->recover))) {
    enter_cwr(c, report);
  }
  switch ((so_tcp_phase)c->phase) {
    case SO_TCP_OPEN:
    case SO_TCP_LOSS:
      if (!ended) {
        grow(c, report, rtt, now_ns);
      }
      break;
    case SO_TCP_CWR:
    case SO_TCP_RECOVERY:
      reduce_rate(c, report);
      break;
  }
  return false;
}

void so_tcp_congestion_sent(so_tcp_congestion *c, uint32_t len, bool again, uint64_t now_ns) {
  c->last_sent_ns = now_ns;
  c->prr_out += len;
  if (again && so_tcp_congestion_recovering(c)) {
    c->undo_retransmits += len / c->mss + (len % c->mss != 0);
    if (c->retransmit_ns == SO_NEVER) {
      c->retransmit_ns = now_ns;
    }
  }
}

uint32_t so_tcp_congestion_room(const so_tcp_congestion *c, uint32_t pipe) {
  const uint32_t room = c->cwnd > pipe ? c->cwnd - pipe : 0;
  return pipe == 0 && room < c->mss ? c->mss : room;
}

void so_tcp_congestion_idle(so_tcp_congestion *c, uint64_t rto_ns, uint64_t now_ns) {
  if (c->last_sent_ns == SO_NEVER || c->phase != SO_TCP_OPEN || rto_ns == 0) {
    return;
  }
  uint64_t idle_ns = now_ns - c->last_sent_ns;
  if (idle_ns <= rto_ns) {
    return;
  }
  // RFC 2861 3: halve for each timeout, and remember in ssthresh what the path carried.
  const uint32_t carried = c->cwnd / 4 * 3;
  c->ssthresh = c->ssthresh > carried ? c->ssthresh : carried;
  const uint32_t least = initial_window(c->mss);
  for (; idle_ns > rto_ns && c->cwnd > least; idle_ns -= rto_ns) {
    c->cwnd /= 2;
    c->cwnd = c->cwnd < least ? least : c->cwnd;
  }
  c->last_sent_ns = now_ns;
  c->algorithm->restart(c, false);
}

void so_tcp_congestion_mss(so_tcp_congestion *c, uint32_t mss) {
  SO_ASSERT(mss > 0 && mss <= UINT16_MAX);
  c->mss = mss;
  const uint32_t least = WINDOW_MIN_SEGMENTS * mss;
  c->cwnd = c->cwnd < least ? least : c->cwnd;
  c->ssthresh = c->ssthresh < least ? least : c->ssthresh;
}

bool so_tcp_congestion_check(const so_tcp_congestion *c) {
  const bool windows = c->mss > 0 && c->cwnd > 0 && c->cwnd <= SO_TCP_WINDOW_MAX &&
                       c->ssthresh <= SO_TCP_WINDOW_MAX && c->ssthresh >= c->mss;
  return windows && c->phase <= SO_TCP_LOSS && (c->phase == SO_TCP_OPEN || c->recover_valid);
}
