#ifndef SO_STORE_HISTORY_INTERNAL_H_
#define SO_STORE_HISTORY_INTERNAL_H_

// A walk over the commit graph from the highest generation down, with a set of flags on each commit
// met. Flags flow from children to parents; when a commit is taken all its descendants in the walk
// were taken before, so its flags are final.

#include "store/history/history.h"

typedef struct so_graph_node {
  so_oid oid;
  so_oid root;
  uint64_t generation;
  int64_t time_ms;
  uint32_t parent_count;
  uint32_t flags;
} so_graph_node;

typedef struct so_graph {
  const so_objects *objects;
  const so_heap *heap;
  so_graph_node *nodes;
  uint32_t node_count;
  uint32_t node_cap;
  uint32_t node_max;
  uint32_t *slots;  // Hash table of node indices + 1; at most half full.
  uint32_t slot_count;
  uint32_t *queue;  // Binary heap of node indices.
  uint32_t queue_len;
  uint32_t queue_cap;
  uint32_t settled;         // Flags: with all of these in it a commit is of no further interest.
  uint32_t live;            // Commits in the queue that are not settled.
  uint64_t generation_min;  // Commits below are not followed.
} so_graph;

// so_graph_init sets up an empty walk. so_graph_release ends it.
void so_graph_init(so_graph *g, const so_history *history, uint32_t settled);
void so_graph_release(so_graph *g);

// so_graph_add meets a commit, or adds flags to one that was met. NOT_FOUND, CORRUPT, LIMIT.
SO_MUST_USE so_status so_graph_add(so_graph *g, const so_oid *oid, uint32_t flags);

// so_graph_take takes the next commit, copied into `out`. NOT_FOUND: all that is left is settled.
SO_MUST_USE so_status so_graph_take(so_graph *g, so_graph_node *out);

// so_graph_follow meets the parents of a commit that was taken.
SO_MUST_USE so_status so_graph_follow(so_graph *g, const so_graph_node *node, uint32_t flags);

// so_graph_find returns a commit that was met, or NULL.
const so_graph_node *so_graph_find(const so_graph *g, const so_oid *oid);

#endif  // SO_STORE_HISTORY_INTERNAL_H_
