#include "net/tcp/scoreboard/scoreboard.h"

#include "base/assert.h"
#include "base/mem.h"
#include "kernel/ports/clock.h"
#include "net/tcp/scoreboard/internal.h"

#define CAP_FIRST 4u

void so_tcp_scoreboard_init(so_tcp_scoreboard *s, const so_heap *heap, uint32_t seq, uint32_t mss,
                            bool sack, uint32_t range_max) {
  SO_ASSERT(mss > 0);
  memset(s, 0, sizeof *s);
  s->heap = heap;
  s->range_max = range_max == 0 ? SO_TCP_RANGES_MAX : range_max;
  SO_ASSERT(s->range_max >= 2);
  s->mss = mss;
  s->sack = sack;
  s->una = s->nxt = s->fack = seq;
  s->reorder_ns = SO_NEVER;
  s->reo_wnd_mult = 1;
}

static void free_ranges(so_tcp_scoreboard *s) {
  so_heap_free(s->heap, s->ranges, s->cap * sizeof *s->ranges);
  s->ranges = NULL;
  s->cap = s->first = s->count = 0;
}

void so_tcp_scoreboard_release(so_tcp_scoreboard *s) {
  free_ranges(s);
  s->una = s->nxt;
  s->sacked = s->lost = s->dup_bytes = s->dup_acks = 0;
  s->reorder_ns = SO_NEVER;
}

// Makes room for one more range at the end, with `spare` left free behind it.
static bool reserve(so_tcp_scoreboard *s, uint32_t spare) {
  if (s->first + s->count + 1 + spare <= s->cap) {
    return true;
  }
  if (s->first > 0) {
    const bool many = s->first >= s->cap / 4 || s->cap >= s->range_max;
    memmove(s->ranges, s->ranges + s->first, s->count * sizeof *s->ranges);
    s->first = 0;
    if (s->count + 1 + spare <= s->cap && many) {
      return true;
    }
  }
  uint32_t cap = s->cap == 0 ? CAP_FIRST : s->cap * 2;
  if (cap > s->range_max) {
    cap = s->range_max;
  }
  if (s->count + 1 + spare > cap) {
    return false;
  }
  void *grown = s->heap->resize(s->heap->ctx, s->ranges, s->cap * sizeof *s->ranges,
                                cap * sizeof *s->ranges);
  if (grown == NULL) {
    return s->count + 1 + spare <= s->cap;
  }
  s->ranges = grown;
  s->cap = cap;
  return true;
}

so_status so_tcp_scoreboard_sent(so_tcp_scoreboard *s, uint32_t len, uint64_t now_ns) {
  SO_ASSERT(len > 0 && len < (UINT32_C(1) << 30));
  so_tcp_sent *last = s->count > 0 ? so_scoreboard_at(s, s->count - 1) : NULL;
  const bool mergeable = last != NULL && last->flags == 0;
  if (mergeable && (last->sent_ns == now_ns || !reserve(s, 0))) {
    last = so_scoreboard_at(s, s->count - 1);
    last->len += len;
    last->sent_ns = now_ns;
  } else if (reserve(s, 0)) {
    last = so_scoreboard_at(s, s->count++);
    *last = (so_tcp_sent){.seq = s->nxt, .len = len, .sent_ns = now_ns};
  } else {
    return so_status_make(SO_LIMIT, 0);
  }
  if (s->nxt == s->una) {
    s->timer_start_ns = now_ns;  // RFC 6298 (5.1).
  }
  s->nxt += len;
  s->last_sent_ns = now_ns;
  return so_done();
}

uint32_t so_scoreboard_find(const so_tcp_scoreboard *s, uint32_t seq) {
  uint32_t low = 0;
  uint32_t high = s->count;
  while (high - low > 1) {
    const uint32_t mid = low + (high - low) / 2;
    if (so_seq_le(so_scoreboard_at(s, mid)->seq, seq)) {
      low = mid;
    } else {
      high = mid;
    }
  }
  return low;
}

bool so_scoreboard_split(so_tcp_scoreboard *s, uint32_t index, uint32_t len) {
  if (!reserve(s, 1)) {
    return false;
  }
  so_tcp_sent *r = so_scoreboard_at(s, index);
  SO_ASSERT(len > 0 && len < r->len);
  memmove(r + 1, r, (s->count - index) * sizeof *r);
  s->count++;
  r[0].len = len;
  r[1].seq += len;
  r[1].len -= len;
  if (s->lost_hint > index) {
    s->lost_hint++;
  }
  return true;
}

void so_scoreboard_drop(so_tcp_scoreboard *s, uint32_t count) {
  s->first += count;
  s->count -= count;
  s->lost_hint = s->lost_hint > count ? s->lost_hint - count : 0;
  if (s->count == 0) {
    s->first = 0;
    if (s->cap > CAP_FIRST) {
      free_ranges(s);
    }
  }
}

void so_scoreboard_join(so_tcp_scoreboard *s, uint32_t from, uint32_t to) {
  uint32_t out = from;
  for (uint32_t i = from + 1; i < to; i++) {
    so_tcp_sent *kept = so_scoreboard_at(s, out);
    const so_tcp_sent *r = so_scoreboard_at(s, i);
    if (so_scoreboard_has(kept, SO_TCP_SENT_SACKED) && so_scoreboard_has(r, SO_TCP_SENT_SACKED)) {
      kept->len += r->len;
      kept->sent_ns = kept->sent_ns > r->sent_ns ? kept->sent_ns : r->sent_ns;
    } else {
      *so_scoreboard_at(s, ++out) = *r;
    }
  }
  const uint32_t gone = to - 1 - out;
  if (gone == 0) {
    return;
  }
  memmove(so_scoreboard_at(s, out + 1), so_scoreboard_at(s, to),
          (s->count - to) * sizeof *s->ranges);
  s->count -= gone;
  if (s->lost_hint > from) {
    s->lost_hint = from;
  }
}

void so_scoreboard_lose(so_tcp_scoreboard *s, uint32_t index) {
  so_tcp_sent *r = so_scoreboard_at(s, index);
  r->flags |= SO_TCP_SENT_LOST;
  s->lost += r->len;
  s->lost_total += r->len;
  if (index < s->lost_hint) {
    s->lost_hint = index;
  }
  if (s->dup_bytes > s->nxt - s->una - s->lost) {
    s->dup_bytes = s->nxt - s->una - s->lost;
  }
}

bool so_tcp_scoreboard_last(const so_tcp_scoreboard *s, so_seq_range *out) {
  if (s->count == 0) {
    return false;
  }
  const so_tcp_sent *r = so_scoreboard_at(s, s->count - 1);
  out->end = s->nxt;
  out->start = s->nxt - (r->len < s->mss ? r->len : s->mss);
  return true;
}

bool so_tcp_scoreboard_next_lost(so_tcp_scoreboard *s, uint32_t len_max, so_seq_range *out) {
  if (s->lost == 0 || len_max == 0) {
    return false;
  }
  uint32_t i = s->lost_hint;
  while (!so_scoreboard_has(so_scoreboard_at(s, i), SO_TCP_SENT_LOST)) {
    i++;
    SO_ASSERT(i < s->count);
  }
  s->lost_hint = i;
  const so_tcp_sent *r = so_scoreboard_at(s, i);
  out->start = r->seq;
  out->end = so_scoreboard_end(r);
  for (i++; i < s->count && out->end - out->start < len_max; i++) {
    r = so_scoreboard_at(s, i);
    if (!so_scoreboard_has(r, SO_TCP_SENT_LOST)) {
      break;
    }
    out->end = so_scoreboard_end(r);
  }
  if (out->end - out->start > len_max) {
    out->end = out->start + len_max;
  }
  return true;
}

// Marks range `index` as sent again, and joins it with the one before when both went together.
static void mark_again(so_tcp_scoreboard *s, uint32_t index, uint64_t now_ns) {
  so_tcp_sent *r = so_scoreboard_at(s, index);
  if (so_scoreboard_has(r, SO_TCP_SENT_LOST)) {
    s->lost -= r->len;
  }
  r->flags = SO_TCP_SENT_RETRANSMITTED;
  r->sent_ns = now_ns;
}

// Joins ranges in [from, to) that were sent again at the same time.
static void join_again(so_tcp_scoreboard *s, uint32_t from, uint32_t to) {
  uint32_t out = from;
  for (uint32_t i = from + 1; i < to; i++) {
    so_tcp_sent *kept = so_scoreboard_at(s, out);
    const so_tcp_sent *r = so_scoreboard_at(s, i);
    if (kept->flags == SO_TCP_SENT_RETRANSMITTED && r->flags == kept->flags &&
        r->sent_ns == kept->sent_ns) {
      kept->len += r->len;
    } else {
      *so_scoreboard_at(s, ++out) = *r;
    }
  }
  const uint32_t gone = to - 1 - out;
  if (gone > 0) {
    memmove(so_scoreboard_at(s, out + 1), so_scoreboard_at(s, to),
            (s->count - to) * sizeof *s->ranges);
    s->count -= gone;
    if (s->lost_hint > from) {
      s->lost_hint = from;
    }
  }
}

void so_tcp_scoreboard_retransmitted(so_tcp_scoreboard *s, so_seq_range range, uint64_t now_ns) {
  SO_ASSERT(so_seq_ge(range.start, s->una) && so_seq_le(range.end, s->nxt));
  SO_ASSERT(so_seq_lt(range.start, range.end));
  const uint32_t from = so_scoreboard_find(s, range.start);
  uint32_t i = from;
  while (i < s->count && so_seq_lt(so_scoreboard_at(s, i)->seq, range.end)) {
    so_tcp_sent *r = so_scoreboard_at(s, i);
    if (so_scoreboard_has(r, SO_TCP_SENT_SACKED)) {
      i++;
      continue;
    }
    // When a range cannot be cut, all of it counts as sent again: the rest comes with the next
    // loss.
    if (so_seq_lt(r->seq, range.start) && so_scoreboard_split(s, i, range.start - r->seq)) {
      i++;
      continue;
    }
    r = so_scoreboard_at(s, i);
    if (so_seq_gt(so_scoreboard_end(r), range.end)) {
      (void)so_scoreboard_split(s, i, range.end - r->seq);
    }
    mark_again(s, i, now_ns);
    i++;
  }
  join_again(s, from > 0 ? from - 1 : 0, i);
  s->last_sent_ns = now_ns;
}

void so_tcp_scoreboard_probed(so_tcp_scoreboard *s, bool retransmission, uint64_t now_ns) {
  so_seq_range last;
  if (retransmission && so_tcp_scoreboard_last(s, &last)) {
    so_tcp_scoreboard_retransmitted(s, last, now_ns);
  }
  s->probe_out = true;
  s->probe_retransmitted = retransmission;
  s->probe_end = s->nxt;
  s->probe_needs_sample = true;
  s->timer_start_ns = now_ns;  // RFC 8985 7.3.
}

void so_tcp_scoreboard_lose(so_tcp_scoreboard *s, uint32_t mss) {
  s->mss = mss;
  for (uint32_t i = 0; i < s->count; i++) {
    if ((so_scoreboard_at(s, i)->flags & (SO_TCP_SENT_SACKED | SO_TCP_SENT_LOST)) == 0) {
      so_scoreboard_lose(s, i);
    }
  }
}

void so_tcp_scoreboard_unlose(so_tcp_scoreboard *s) {
  s->reordering_seen = true;  // What was late came all the same.
  for (uint32_t i = 0; i < s->count && s->lost > 0; i++) {
    so_tcp_sent *r = so_scoreboard_at(s, i);
    if (so_scoreboard_has(r, SO_TCP_SENT_LOST)) {
      r->flags &= (uint8_t)~SO_TCP_SENT_LOST;
      s->lost -= r->len;
    }
  }
}

void so_scoreboard_forget_sacks(so_tcp_scoreboard *s) {
  for (uint32_t i = 0; i < s->count; i++) {
    so_scoreboard_at(s, i)->flags &= (uint8_t)~SO_TCP_SENT_SACKED;
  }
  s->sacked = 0;
  s->reneged++;
}

static bool range_is_legal(const so_tcp_sent *r) {
  const uint8_t both = SO_TCP_SENT_SACKED | SO_TCP_SENT_LOST;
  return r->len > 0 && (r->flags & both) != both && r->flags <= 7;
}

bool so_tcp_scoreboard_check(const so_tcp_scoreboard *s) {
  uint32_t seq = s->una;
  uint32_t sacked = 0;
  uint32_t lost = 0;
  bool legal = s->first + s->count <= s->cap && s->cap <= s->range_max;
  for (uint32_t i = 0; i < s->count; i++) {
    const so_tcp_sent *r = so_scoreboard_at(s, i);
    const bool is_lost = so_scoreboard_has(r, SO_TCP_SENT_LOST);
    legal = legal && range_is_legal(r) && r->seq == seq && !(is_lost && i < s->lost_hint);
    seq += r->len;
    sacked += so_scoreboard_has(r, SO_TCP_SENT_SACKED) ? r->len : 0;
    lost += is_lost ? r->len : 0;
  }
  legal = legal && seq == s->nxt && sacked == s->sacked && lost == s->lost;
  legal = legal && (uint64_t)sacked + lost + s->dup_bytes <= s->nxt - s->una;
  return legal && !(s->sack && s->dup_bytes > 0);
}
