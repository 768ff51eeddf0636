#include "base/mem.h"
#include "base/sort.h"
#include "store/history/internal.h"

#define IN_A 1u
#define IN_B 2u
#define STALE 4u  // An ancestor of a common ancestor.

static so_status add_all(so_graph *g, const so_oid *oids, size_t count, uint32_t flags) {
  for (size_t i = 0; i < count; i++) {
    SO_TRY(so_graph_add(g, &oids[i], flags));
  }
  return so_done();
}

static int compare_oids(void *ctx, const void *a, const void *b) {
  (void)ctx;
  return so_oid_compare(a, b);
}

// paint lets both sides flow down. A commit that both reach, and that is no ancestor of another
// such, is a best common ancestor; what is below it is stale.
static so_status paint(so_graph *g, so_oid *out, size_t *count) {
  so_graph_node node;
  for (;;) {
    const so_status s = so_graph_take(g, &node);
    if (so_is(s, SO_NOT_FOUND)) {
      return so_done();
    }
    SO_TRY(s);
    uint32_t flags = node.flags;
    if (flags == (IN_A | IN_B)) {
      if (*count == SO_MERGE_BASES_MAX) {
        return so_status_make(SO_LIMIT, 0);
      }
      out[(*count)++] = node.oid;
      flags |= STALE;
    }
    SO_TRY(so_graph_follow(g, &node, flags));
  }
}

so_status so_merge_bases(const so_history *history, const so_oid *a, size_t a_count,
                         const so_oid *b, size_t b_count, so_oid out[SO_MERGE_BASES_MAX],
                         size_t *out_count) {
  so_graph g;
  so_graph_init(&g, history, STALE);
  size_t count = 0;
  so_status s = add_all(&g, a, a_count, IN_A);
  if (so_ok(s)) {
    s = add_all(&g, b, b_count, IN_B);
  }
  if (so_ok(s)) {
    s = paint(&g, out, &count);
  }
  so_graph_release(&g);
  SO_TRY(s);
  so_sort(out, count, sizeof *out, compare_oids, NULL);
  *out_count = count;
  return so_done();
}

static so_status generation_of(const so_history *history, const so_oid *oid, uint64_t *out) {
  so_graph g;
  so_graph_init(&g, history, 0);
  so_status s = so_graph_add(&g, oid, 0);
  if (so_ok(s)) {
    *out = so_graph_find(&g, oid)->generation;
  }
  so_graph_release(&g);
  return s;
}

static so_status search_down(so_graph *g, const so_oid *wanted, bool *out) {
  so_graph_node node;
  *out = false;
  for (;;) {
    const so_status s = so_graph_take(g, &node);
    if (so_is(s, SO_NOT_FOUND)) {
      return so_done();
    }
    SO_TRY(s);
    if (so_oid_equal(&node.oid, wanted)) {
      *out = true;
      return so_done();
    }
    SO_TRY(so_graph_follow(g, &node, 0));
  }
}

so_status so_is_ancestor(const so_history *history, const so_oid *a, const so_oid *b, bool *out) {
  uint64_t generation_min = 0;
  SO_TRY(generation_of(history, a, &generation_min));
  so_graph g;
  so_graph_init(&g, history, 0);
  g.generation_min = generation_min;
  so_status s = so_graph_add(&g, b, 0);
  if (so_ok(s)) {
    s = search_down(&g, a, out);
  }
  so_graph_release(&g);
  return s;
}

static so_status count_sides(so_graph *g, uint64_t *ahead, uint64_t *behind) {
  so_graph_node node;
  for (;;) {
    const so_status s = so_graph_take(g, &node);
    if (so_is(s, SO_NOT_FOUND)) {
      return so_done();
    }
    SO_TRY(s);
    *ahead += node.flags == IN_A;
    *behind += node.flags == IN_B;
    SO_TRY(so_graph_follow(g, &node, node.flags));
  }
}

so_status so_ahead_behind(const so_history *history, const so_oid *a, const so_oid *b,
                          uint64_t *ahead, uint64_t *behind) {
  so_graph g;
  so_graph_init(&g, history, IN_A | IN_B);
  *ahead = 0;
  *behind = 0;
  so_status s = so_graph_add(&g, a, IN_A);
  if (so_ok(s)) {
    s = so_graph_add(&g, b, IN_B);
  }
  if (so_ok(s)) {
    s = count_sides(&g, ahead, behind);
  }
  so_graph_release(&g);
  return s;
}
