#include "base/mem.h"
#include "store/history/internal.h"

#define CAP_START 64u

void so_graph_init(so_graph *g, const so_history *history, uint32_t settled) {
  memset(g, 0, sizeof *g);
  g->objects = history->tree->objects;
  g->heap = history->tree->heap;
  g->node_max = history->commits_max == 0 ? SO_COMMITS_MAX_DEFAULT : history->commits_max;
  g->settled = settled;
}

void so_graph_release(so_graph *g) {
  so_heap_free(g->heap, g->nodes, g->node_cap * sizeof *g->nodes);
  so_heap_free(g->heap, g->queue, g->queue_cap * sizeof *g->queue);
  so_heap_free(g->heap, g->slots, g->slot_count * sizeof *g->slots);
  memset(g, 0, sizeof *g);
}

// An object name is a hash already.
static uint32_t slot_of(const so_oid *oid, uint32_t slot_count) {
  uint32_t h;
  memcpy(&h, oid->bytes, sizeof h);
  return h & (slot_count - 1);
}

static uint32_t *find_slot(const so_graph *g, const so_oid *oid) {
  uint32_t slot = slot_of(oid, g->slot_count);
  while (g->slots[slot] != 0 && !so_oid_equal(&g->nodes[g->slots[slot] - 1].oid, oid)) {
    slot = (slot + 1) & (g->slot_count - 1);
  }
  return &g->slots[slot];
}

const so_graph_node *so_graph_find(const so_graph *g, const so_oid *oid) {
  if (g->slot_count == 0) {
    return NULL;
  }
  const uint32_t index = *find_slot(g, oid);
  return index == 0 ? NULL : &g->nodes[index - 1];
}

static so_status grow_slots(so_graph *g, uint32_t slot_count) {
  uint32_t *slots = so_heap_alloc_array(g->heap, slot_count, sizeof *slots);
  if (slots == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  so_heap_free(g->heap, g->slots, g->slot_count * sizeof *g->slots);
  g->slots = slots;
  g->slot_count = slot_count;
  for (uint32_t i = 0; i < g->node_count; i++) {
    *find_slot(g, &g->nodes[i].oid) = i + 1;
  }
  return so_done();
}

// double_cap doubles an array and its capacity; the contents stay.
static so_status double_cap(const so_heap *heap, void **items, uint32_t *cap, size_t size) {
  const uint32_t wanted = *cap == 0 ? CAP_START : *cap * 2;
  void *grown = heap->resize(heap->ctx, *items, *cap * size, wanted * size);
  if (grown == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  *items = grown;
  *cap = wanted;
  return so_done();
}

// grow makes room for one more commit.
static so_status grow(so_graph *g) {
  if (g->node_count >= g->node_max) {
    return so_status_make(SO_LIMIT, 0);
  }
  if (g->node_count == g->node_cap) {
    void *nodes = g->nodes;
    const so_status s = double_cap(g->heap, &nodes, &g->node_cap, sizeof *g->nodes);
    g->nodes = nodes;
    SO_TRY(s);
  }
  if (g->node_count == g->queue_cap) {
    void *queue = g->queue;
    const so_status s = double_cap(g->heap, &queue, &g->queue_cap, sizeof *g->queue);
    g->queue = queue;
    SO_TRY(s);
  }
  return 2 * (g->node_count + 1) > g->slot_count ? grow_slots(g, 4 * g->node_cap) : so_done();
}

// before orders the queue: high generations first, then late times, then by name.
static bool before(const so_graph *g, uint32_t a, uint32_t b) {
  const so_graph_node *x = &g->nodes[a];
  const so_graph_node *y = &g->nodes[b];
  if (x->generation != y->generation) {
    return x->generation > y->generation;
  }
  if (x->time_ms != y->time_ms) {
    return x->time_ms > y->time_ms;
  }
  return so_oid_compare(&x->oid, &y->oid) < 0;
}

static void queue_push(so_graph *g, uint32_t index) {
  uint32_t at = g->queue_len++;
  while (at > 0) {
    const uint32_t up = (at - 1) / 2;
    if (!before(g, index, g->queue[up])) {
      break;
    }
    g->queue[at] = g->queue[up];
    at = up;
  }
  g->queue[at] = index;
}

static uint32_t queue_pop(so_graph *g) {
  const uint32_t top = g->queue[0];
  const uint32_t moved = g->queue[--g->queue_len];
  uint32_t at = 0;
  for (;;) {
    uint32_t down = 2 * at + 1;
    if (down >= g->queue_len) {
      break;
    }
    if (down + 1 < g->queue_len && before(g, g->queue[down + 1], g->queue[down])) {
      down++;
    }
    if (!before(g, g->queue[down], moved)) {
      break;
    }
    g->queue[at] = g->queue[down];
    at = down;
  }
  g->queue[at] = moved;
  return top;
}

static bool is_settled(const so_graph *g, uint32_t flags) {
  return g->settled != 0 && (flags & g->settled) == g->settled;
}

static so_status load(const so_graph *g, const so_oid *oid, so_graph_node *out) {
  so_object object;
  SO_TRY(so_objects_get_kind(g->objects, oid, SO_KIND_COMMIT, &object));
  so_commit commit;
  const so_status s = so_commit_decode(object.bytes, &commit);
  so_objects_unpin(g->objects, &object);
  if (!so_ok(s)) {
    return so_status_make(SO_CORRUPT, 0);
  }
  out->oid = *oid;
  out->root = commit.root;
  out->generation = commit.generation;
  out->time_ms = commit.committer.time_ms;
  out->parent_count = commit.parent_count;
  out->flags = 0;
  return so_done();
}

so_status so_graph_add(so_graph *g, const so_oid *oid, uint32_t flags) {
  so_graph_node *node = (so_graph_node *)so_graph_find(g, oid);
  if (node != NULL) {
    const bool was = is_settled(g, node->flags);
    node->flags |= flags;
    // Flags come from children, which are all taken before: this one is still in the queue.
    if (!was && is_settled(g, node->flags)) {
      g->live--;
    }
    return so_done();
  }
  so_graph_node fresh;
  SO_TRY(load(g, oid, &fresh));
  if (fresh.generation < g->generation_min) {
    return so_done();
  }
  fresh.flags = flags;
  SO_TRY(grow(g));
  g->nodes[g->node_count++] = fresh;
  *find_slot(g, oid) = g->node_count;
  queue_push(g, g->node_count - 1);
  g->live += !is_settled(g, flags);
  return so_done();
}

so_status so_graph_take(so_graph *g, so_graph_node *out) {
  if (g->live == 0) {
    return so_status_make(SO_NOT_FOUND, 0);
  }
  *out = g->nodes[queue_pop(g)];
  g->live -= !is_settled(g, out->flags);
  return so_done();
}

so_status so_graph_follow(so_graph *g, const so_graph_node *node, uint32_t flags) {
  so_object object;
  SO_TRY(so_objects_get_kind(g->objects, &node->oid, SO_KIND_COMMIT, &object));
  so_commit commit;
  so_status s = so_commit_decode(object.bytes, &commit);
  if (!so_ok(s)) {
    s = so_status_make(SO_CORRUPT, 0);
  }
  for (uint32_t i = 0; so_ok(s) && i < commit.parent_count; i++) {
    s = so_graph_add(g, &commit.parents[i], flags);
    const so_graph_node *parent = so_ok(s) ? so_graph_find(g, &commit.parents[i]) : NULL;
    if (parent != NULL && parent->generation >= node->generation) {
      s = so_status_make(SO_CORRUPT, 0);  // Or the order of the walk would mean nothing.
    }
  }
  so_objects_unpin(g->objects, &object);
  // A parent that is not there is damage: the closure invariant promises it.
  return so_is(s, SO_NOT_FOUND) ? so_status_make(SO_CORRUPT, 0) : s;
}
