// What an acknowledgement does to the record of what is outstanding.

#include "base/assert.h"
#include "base/mem.h"
#include "kernel/ports/clock.h"
#include "net/tcp/scoreboard/internal.h"
#include "net/tcp/scoreboard/scoreboard.h"

#define DUP_THRESH 3u
// A report about bytes older than a window can be is wrong.
#define DSACK_AGE_MAX (UINT32_C(1) << 30)

// One acknowledgement on its way through this file.
typedef struct ack_context {
  so_tcp_scoreboard *s;
  const so_tcp_ack *ack;
  so_tcp_ack_report *out;
  uint64_t now_ns;
  uint64_t min_rtt_ns;
  uint64_t newest_once_ns;  // When the newest of what is acknowledged and was sent once was sent;
  bool newest_valid;
  uint32_t fack_before;
} ack_context;

// RFC 8985 6.2 steps 1 and 2: the transmission that was sent last of all that arrived.
static void rack_update(ack_context *c, const so_tcp_sent *r) {
  so_tcp_scoreboard *s = c->s;
  const uint64_t rtt_ns = c->now_ns - r->sent_ns;
  if (so_scoreboard_has(r, SO_TCP_SENT_RETRANSMITTED)) {
    // It may be the first transmission that arrived.
    const uint64_t sent_ms = r->sent_ns / SO_NS_PER_MS;
    if ((c->ack->echo_ns != SO_NEVER && c->ack->echo_ns / SO_NS_PER_MS < sent_ms) ||
        (c->min_rtt_ns != SO_NEVER && rtt_ns < c->min_rtt_ns)) {
      return;
    }
  }
  if (!s->rack_valid ||
      so_scoreboard_sent_after(r->sent_ns, so_scoreboard_end(r), s->rack_sent_ns, s->rack_end)) {
    s->rack_valid = true;
    s->rack_sent_ns = r->sent_ns;
    s->rack_end = so_scoreboard_end(r);
    s->rack_rtt_us = (uint32_t)(rtt_ns / 1000 < UINT32_MAX ? rtt_ns / 1000 : UINT32_MAX);
  }
}

// Bytes arrived that were not known to have: notes what they say about time, order and losses.
static void deliver(ack_context *c, const so_tcp_sent *r) {
  c->out->delivered += r->len;
  rack_update(c, r);
  const uint32_t end = so_scoreboard_end(r);
  if (!so_scoreboard_has(r, SO_TCP_SENT_RETRANSMITTED)) {
    if (!c->newest_valid || r->sent_ns > c->newest_once_ns) {
      c->newest_once_ns = r->sent_ns;
      c->newest_valid = true;
    }
    if (!c->out->original_acked || so_seq_lt(r->seq, c->out->original_start)) {
      c->out->original_start = r->seq;
    }
    c->out->original_acked = true;
    if (so_seq_lt(end, c->fack_before)) {
      c->s->reordering_seen = true;  // Step 3.
    }
  }
  c->s->fack = so_seq_max(c->s->fack, end);
}

// Takes what lies below `ack` out.
static void acknowledge(ack_context *c, uint32_t ack) {
  so_tcp_scoreboard *s = c->s;
  uint32_t gone = 0;
  bool repaired = false;
  while (gone < s->count) {
    so_tcp_sent *r = so_scoreboard_at(s, gone);
    if (so_seq_le(ack, r->seq)) {
      break;
    }
    so_tcp_sent part = *r;
    if (so_seq_lt(ack, so_scoreboard_end(r))) {
      part.len = ack - r->seq;
      r->seq += part.len;
      r->len -= part.len;
    } else {
      gone++;
    }
    if (so_scoreboard_has(&part, SO_TCP_SENT_SACKED)) {
      s->sacked -= part.len;
    } else {
      s->lost -= so_scoreboard_has(&part, SO_TCP_SENT_LOST) ? part.len : 0;
      repaired = repaired || so_scoreboard_has(&part, SO_TCP_SENT_RETRANSMITTED);
      deliver(c, &part);
    }
  }
  if (repaired) {
    // What was sent once may have waited behind the hole for long: its age is no round trip, and
    // that it is there says nothing of a timeout.
    c->newest_valid = false;
    c->out->original_acked = false;
  }
  c->out->acked = ack - s->una;
  s->una = ack;
  so_scoreboard_drop(s, gone);
}

// Marks [block) SACKed, as far as ranges can be cut.
static void sack(ack_context *c, so_seq_range block) {
  so_tcp_scoreboard *s = c->s;
  const uint32_t from = so_scoreboard_find(s, block.start);
  uint32_t i = from;
  bool marked = false;
  for (; i < s->count && so_seq_lt(so_scoreboard_at(s, i)->seq, block.end); i++) {
    so_tcp_sent *r = so_scoreboard_at(s, i);
    if (so_scoreboard_has(r, SO_TCP_SENT_SACKED)) {
      continue;
    }
    if (so_seq_lt(r->seq, block.start)) {
      (void)so_scoreboard_split(s, i, block.start - r->seq);
      continue;  // Uncut, it stays as it was; cut, its second half is next.
    }
    if (so_seq_gt(so_scoreboard_end(r), block.end) &&
        !so_scoreboard_split(s, i, block.end - r->seq)) {
      break;
    }
    r = so_scoreboard_at(s, i);
    deliver(c, r);
    s->lost -= so_scoreboard_has(r, SO_TCP_SENT_LOST) ? r->len : 0;
    s->sacked += r->len;
    r->flags = SO_TCP_SENT_SACKED;
    marked = true;
  }
  if (marked) {
    const uint32_t to = i < s->count ? i + 1 : s->count;
    so_scoreboard_join(s, from > 0 ? from - 1 : 0, to);
  }
}

// RFC 2883 4: the first block reports a duplicate when it lies below the ACK or within the second
// block.
static bool is_duplicate_report(const so_tcp_ack *a) {
  if (a->sack_count == 0 || !so_seq_lt(a->sacks[0].start, a->sacks[0].end)) {
    return false;
  }
  const so_seq_range b = a->sacks[0];
  if (so_seq_le(b.end, a->ack)) {
    return a->ack - b.start <= DSACK_AGE_MAX;
  }
  return a->sack_count > 1 && so_seq_ge(b.start, a->sacks[1].start) &&
         so_seq_le(b.end, a->sacks[1].end);
}

static void take_sacks(ack_context *c) {
  so_tcp_scoreboard *s = c->s;
  const so_tcp_ack *a = c->ack;
  size_t first = 0;
  if (is_duplicate_report(a)) {
    first = 1;
    c->out->dsack = true;
    c->out->dsack_range = a->sacks[0];
  }
  so_seq_range blocks[SO_TCP_SACK_BLOCKS_MAX];
  size_t count = 0;
  for (size_t i = first; i < a->sack_count; i++) {
    const so_seq_range b = a->sacks[i];
    if (!so_seq_lt(b.start, b.end) || !so_seq_gt(b.start, s->una) || !so_seq_le(b.end, s->nxt)) {
      s->sack_ignored++;
      continue;
    }
    // In order, so that what one ACK brings does not look reordered.
    size_t at = count++;
    for (; at > 0 && so_seq_lt(b.start, blocks[at - 1].start); at--) {
      blocks[at] = blocks[at - 1];
    }
    blocks[at] = b;
  }
  for (size_t i = 0; i < count; i++) {
    sack(c, blocks[i]);
  }
}

// RFC 5681 3.2 and RFC 6582 without SACK: a duplicate says that one segment arrived.
static void count_duplicates(ack_context *c) {
  so_tcp_scoreboard *s = c->s;
  if (c->out->acked > 0) {
    const uint32_t rest = c->out->acked > s->mss ? c->out->acked - s->mss : 0;
    const uint32_t credited = rest < s->dup_bytes ? rest : s->dup_bytes;
    s->dup_acks = 0;
    s->dup_bytes = s->in_recovery ? s->dup_bytes - credited : 0;
    c->out->delivered -= credited < c->out->delivered ? credited : c->out->delivered;
    if (s->dup_bytes > s->nxt - s->una - s->lost) {
      s->dup_bytes = s->nxt - s->una - s->lost;
    }
  } else if (c->ack->duplicate && s->count > 0) {
    s->dup_acks++;
    const uint32_t free_bytes = s->nxt - s->una - s->lost - s->dup_bytes;
    const uint32_t len = s->mss < free_bytes ? s->mss : free_bytes;
    s->dup_bytes += len;
    c->out->delivered += len;
  }
  // The third duplicate, or a partial ACK: the first segment is missing.
  const bool missing = s->in_recovery ? c->out->acked > 0 : s->dup_acks == DUP_THRESH;
  // Sent again in this recovery, it is on its way; sent again before, it is missing like any other.
  const uint8_t known = SO_TCP_SENT_LOST | (s->in_recovery ? SO_TCP_SENT_RETRANSMITTED : 0);
  if (!missing || s->count == 0 || so_scoreboard_has(so_scoreboard_at(s, 0), known)) {
    return;
  }
  if (so_scoreboard_at(s, 0)->len > s->mss) {
    (void)so_scoreboard_split(s, 0, s->mss);
  }
  so_scoreboard_lose(s, 0);
}

// RFC 8985 7.4.2.
static void end_probe(ack_context *c) {
  so_tcp_scoreboard *s = c->s;
  if (!s->probe_out || so_seq_lt(s->una, s->probe_end)) {
    return;
  }
  const bool reported = c->out->dsack && c->out->dsack_range.end == s->probe_end;
  if (!s->probe_retransmitted) {
    s->probe_out = false;
  } else if (reported) {
    s->probe_out = false;
    c->out->dsack = false;  // The probe was for nothing; that says nothing of reordering.
  } else if (so_seq_gt(s->una, s->probe_end)) {
    s->probe_out = false;
    c->out->probe_loss = true;
  }
}

static void take_sample(ack_context *c, so_tcp_rtt *rtt) {
  if (c->out->dsack && !c->newest_valid && c->out->acked > 0) {
    // The answer to a segment that came again echoes an older one (RFC 7323 4.3), and acknowledges what earlier
    // ACKs did that were lost: how long ago that was is no round trip. The timeout was no sign of a longer one.
    so_tcp_rtt_unbackoff(rtt);
    return;
  }
  uint64_t rtt_ns = SO_NEVER;
  if (c->newest_valid) {
    rtt_ns = c->now_ns - c->newest_once_ns;
  } else if (c->out->acked > 0 && c->ack->echo_ns != SO_NEVER && c->ack->echo_ns <= c->now_ns) {
    rtt_ns = c->now_ns - c->ack->echo_ns;  // Karn's ambiguity does not touch timestamps.
  }
  if (rtt_ns == SO_NEVER) {
    return;
  }
  const uint32_t flight = c->out->pipe_before;
  so_tcp_rtt_sample(rtt, rtt_ns, flight / (2 * c->s->mss) + 1, c->now_ns);
  c->out->rtt_ns = rtt_ns;
  c->s->probe_needs_sample = false;
}

void so_tcp_scoreboard_ack(so_tcp_scoreboard *s, so_tcp_rtt *rtt, const so_tcp_ack *a,
                           uint64_t now_ns, so_tcp_ack_report *out) {
  so_scoreboard_begin(s, out);
  out->echo_ns = a->echo_ns;
  out->ece = a->ece;
  ack_context c = {.s = s,
                   .ack = a,
                   .out = out,
                   .now_ns = now_ns,
                   .min_rtt_ns = so_tcp_rtt_min_ns(rtt),
                   .fack_before = so_seq_max(s->fack, s->una)};
  const uint32_t ack = so_seq_max(a->ack, s->una);
  SO_ASSERT(so_seq_le(ack, s->nxt));
  acknowledge(&c, ack);
  if (s->sack) {
    take_sacks(&c);
  } else {
    count_duplicates(&c);
  }
  take_sample(&c, rtt);
  end_probe(&c);
  if (out->dsack) {
    so_scoreboard_dsack(s);
  }
  if (s->count > 0 && so_scoreboard_has(so_scoreboard_at(s, 0), SO_TCP_SENT_SACKED)) {
    so_scoreboard_forget_sacks(s);  // What it had SACKed it now asks for again.
    out->reneged = true;
  }
  if (out->acked > 0) {
    s->timer_start_ns = now_ns;  // RFC 6298 (5.3).
  }
  so_scoreboard_detect(s, rtt, now_ns);
  so_scoreboard_finish(s, out);
}
