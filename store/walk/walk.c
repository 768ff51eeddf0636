#include "store/walk/walk.h"

#include "store/tree/walker.h"
#include "store/walk/values.h"

typedef struct walk {
  so_walker from;
  so_walker to;
  so_visitor visit;
  void *ctx;
} walk;

static so_status leave_node(void *ctx, const so_oid *oid) {
  const walk *w = ctx;
  return w->visit(w->ctx, oid, SO_KIND_TREE);
}

// at_entry: `to` stands at an entry, and `from` at another one or at its end.
static so_status at_entry(walk *w) {
  const so_frame *to = so_walker_top(&w->to);
  const so_frame *from = so_walker_at_end(&w->from) ? NULL : so_walker_top(&w->from);
  const int order =
      from == NULL ? 1 : so_bytes_compare(so_key_bytes(&from->key), so_key_bytes(&to->key));
  if (order >= 0) {
    const so_entry *old = order == 0 ? &from->item.entry : NULL;
    SO_TRY(so_walk_value(w->to.tree, old, &to->item.entry, w->visit, w->ctx));
    SO_TRY(so_walker_advance(&w->to));
  }
  return order <= 0 ? so_walker_advance(&w->from) : so_done();
}

static so_status run(walk *w) {
  while (!so_walker_at_end(&w->to)) {
    bool moved = false;
    if (!so_walker_at_end(&w->from)) {
      SO_TRY(so_walkers_skip(&w->from, &w->to, &moved));
    }
    if (!moved) {
      SO_TRY(so_walkers_descend(&w->from, &w->to, &moved));
    }
    if (!moved) {
      SO_TRY(at_entry(w));
    }
  }
  return so_done();
}

so_status so_walk_new(const so_tree *tree, const so_oid *from, const so_oid *to,
                      so_status (*visit)(void *ctx, const so_oid *oid, so_kind kind), void *ctx) {
  if (so_oid_equal(from, to)) {
    return so_done();
  }
  walk w;
  const so_bytes from_start = so_bytes_of(NULL, 0);
  w.visit = visit;
  w.ctx = ctx;
  const so_status from_s = so_walker_open(&w.from, tree, from, from_start);
  const so_status to_s = so_walker_open(&w.to, tree, to, from_start);
  w.to.leave = leave_node;
  w.to.leave_ctx = &w;
  so_status s = so_ok(from_s) ? to_s : from_s;
  if (so_ok(s)) {
    s = run(&w);
  }
  so_walker_release(&w.from);
  so_walker_release(&w.to);
  return s;
}
