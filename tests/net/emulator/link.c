#include "tests/net/emulator/link.h"

#include <stdlib.h>
#include <string.h>

// splitmix64
static uint64_t next(emulator_link *l) {
  uint64_t z = (l->random += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static bool chance(emulator_link *l, double p) {
  // Drawn also when p is 0, so that one setting does not shift the luck of the others.
  const double drawn = (double)(next(l) >> 11) * 0x1p-53;
  return drawn < p;
}

bool emulator_link_init(emulator_link *l, const emulator_config *config) {
  memset(l, 0, sizeof *l);
  l->config = *config;
  l->random = config->seed;
  l->heap = calloc(config->frame_max, sizeof(emulator_frame *));
  return l->heap != NULL;
}

void emulator_link_release(emulator_link *l) {
  for (size_t i = 0; i < l->count; i++) {
    free(l->heap[i]);
  }
  free(l->heap);
}

static bool before(const emulator_frame *a, const emulator_frame *b) {
  return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->order < b->order;
}

static void heap_add(emulator_link *l, emulator_frame *f) {
  size_t i = l->count++;
  while (i != 0 && before(f, l->heap[(i - 1) / 2])) {
    l->heap[i] = l->heap[(i - 1) / 2];
    i = (i - 1) / 2;
  }
  l->heap[i] = f;
}

static emulator_frame *heap_take(emulator_link *l) {
  emulator_frame *const first = l->heap[0];
  emulator_frame *const last = l->heap[--l->count];
  size_t i = 0;
  for (;;) {
    size_t child = 2 * i + 1;
    if (child + 1 < l->count && before(l->heap[child + 1], l->heap[child])) {
      child++;
    }
    if (child >= l->count || !before(l->heap[child], last)) {
      break;
    }
    l->heap[i] = l->heap[child];
    i = child;
  }
  l->heap[i] = last;
  return first;
}

static void enqueue(emulator_link *l, const uint8_t *bytes, size_t len, uint64_t due_ns) {
  emulator_frame *const f = l->count < l->config.frame_max ? malloc(sizeof *f) : NULL;
  if (f == NULL) {
    l->stats.queue_full++;
    return;
  }
  f->due_ns = due_ns;
  f->order = l->order++;
  f->len = len;
  memcpy(f->bytes, bytes, len);
  heap_add(l, f);
}

// transmitted says when the last byte has left at the link's rate; false: the queue is full.
static bool transmitted(emulator_link *l, size_t len, uint64_t now_ns, uint64_t *out) {
  const emulator_config *const c = &l->config;
  *out = now_ns;
  if (c->rate == 0) {
    return true;
  }
  const uint64_t start = l->busy_until_ns > now_ns ? l->busy_until_ns : now_ns;
  if (start - now_ns > c->queue_ns) {
    l->stats.queue_full++;
    return false;
  }
  *out = start + (uint64_t)len * 1000000000u / c->rate;
  l->busy_until_ns = *out;
  return true;
}

void emulator_link_push(emulator_link *l, const uint8_t *bytes, size_t len, uint64_t now_ns) {
  const emulator_config *const c = &l->config;
  l->stats.frames++;
  const bool lose = chance(l, c->loss);
  const bool twice = chance(l, c->duplicate);
  const bool hold = chance(l, c->reorder);
  const uint64_t jitter_ns = c->jitter_ns != 0 ? next(l) % c->jitter_ns : 0;
  uint64_t due_ns;
  if (len > EMULATOR_FRAME_LEN_MAX || !transmitted(l, len, now_ns, &due_ns)) {
    return;
  }
  if (lose) {
    l->stats.lost++;
    return;
  }
  due_ns += c->delay_ns + jitter_ns;
  if (hold) {
    l->stats.reordered++;
    due_ns += c->reorder_ns;
  } else {
    due_ns = due_ns > l->last_due_ns ? due_ns : l->last_due_ns;
    l->last_due_ns = due_ns;
  }
  enqueue(l, bytes, len, due_ns);
  if (twice) {
    l->stats.duplicated++;
    enqueue(l, bytes, len, due_ns);
  }
}

uint64_t emulator_link_due(const emulator_link *l) {
  return l->count != 0 ? l->heap[0]->due_ns : UINT64_MAX;
}

emulator_frame *emulator_link_pop(emulator_link *l, uint64_t now_ns) {
  if (emulator_link_due(l) > now_ns) {
    return NULL;
  }
  l->stats.delivered++;
  return heap_take(l);
}
