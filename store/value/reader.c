#include "store/value/index.h"

typedef struct index_frame {
  so_object object;
  so_index node;
} index_frame;

struct so_value_reader {
  const so_tree *tree;
  so_entry entry;
  uint64_t left;  // Bytes not yet given out.
  uint64_t skip;  // Bytes of what comes next that lie before the first one asked for.
  uint32_t depth;
  bool has_started;
  bool has_chunk;
  so_object chunk;
  index_frame levels[SO_TREE_HEIGHT_MAX];
};

static so_status corrupt(void) { return so_status_make(SO_CORRUPT, 0); }

so_status so_value_reader_open(const so_tree *tree, const so_entry *entry, uint64_t offset,
                               so_value_reader **out) {
  if (offset > entry->size) {
    return so_status_make(SO_LIMIT, 0);
  }
  so_value_reader *r = so_heap_alloc(tree->heap, sizeof *r);
  if (r == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  r->tree = tree;
  r->entry = *entry;
  r->left = entry->size - offset;
  r->skip = offset;
  r->depth = 0;
  r->has_started = false;
  r->has_chunk = false;
  *out = r;
  return so_done();
}

static void drop_chunk(so_value_reader *r) {
  if (r->has_chunk) {
    so_objects_unpin(r->tree->objects, &r->chunk);
    r->has_chunk = false;
  }
}

static void pop(so_value_reader *r) {
  r->depth--;
  so_objects_unpin(r->tree->objects, &r->levels[r->depth].object);
}

void so_value_reader_close(so_value_reader *r) {
  drop_chunk(r);
  while (r->depth != 0) {
    pop(r);
  }
  so_heap_free(r->tree->heap, r, sizeof *r);
}

static so_status push(so_value_reader *r, const so_oid *oid, int level) {
  if (r->depth == SO_TREE_HEIGHT_MAX) {
    return corrupt();
  }
  index_frame *f = &r->levels[r->depth];
  SO_TRY(so_objects_get_kind(r->tree->objects, oid, SO_KIND_CHUNK_INDEX, &f->object));
  r->depth++;
  SO_TRY(so_index_open(f->object.bytes, &f->node));
  return level >= 0 && f->node.level != (uint32_t)level ? corrupt() : so_done();
}

static so_status pin_chunk(so_value_reader *r, const so_oid *oid, uint64_t size) {
  SO_TRY(so_objects_get_kind(r->tree->objects, oid, SO_KIND_CHUNK, &r->chunk));
  r->has_chunk = true;
  return r->chunk.bytes.len == size ? so_done() : corrupt();
}

// next_item reads an item of the lowest node, leaving nodes that are read to their end.
static so_status next_item(so_value_reader *r, so_index_item *out) {
  while (r->depth != 0) {
    const so_status s = so_index_next(&r->levels[r->depth - 1].node, out);
    if (!so_is(s, SO_NOT_FOUND)) {
      return s;
    }
    pop(r);
  }
  return corrupt();  // There should be more.
}

static so_status next_chunk(so_value_reader *r) {
  for (;;) {
    so_index_item item;
    SO_TRY(next_item(r, &item));
    if (item.size <= r->skip) {
      r->skip -= item.size;
      continue;
    }
    const so_index *n = &r->levels[r->depth - 1].node;
    if (n->level == 0) {
      return pin_chunk(r, &item.child, item.size);
    }
    SO_TRY(push(r, &item.child, (int)n->level - 1));
  }
}

static so_status first_chunk(so_value_reader *r) {
  r->has_started = true;
  if (r->entry.value_kind == SO_KIND_CHUNK) {
    return pin_chunk(r, &r->entry.value, r->entry.size);
  }
  SO_TRY(push(r, &r->entry.value, -1));
  return next_chunk(r);
}

static so_status give(so_value_reader *r, so_bytes piece, so_bytes *out) {
  const so_bytes rest = so_bytes_from(piece, (size_t)r->skip);
  if (rest.len > r->left) {
    return corrupt();
  }
  r->skip = 0;
  r->left -= rest.len;
  *out = rest;
  return so_done();
}

so_status so_value_read(so_value_reader *r, so_bytes *out) {
  drop_chunk(r);
  if (r->left == 0) {
    *out = so_bytes_of(NULL, 0);
    return so_done();
  }
  if (r->entry.is_inline) {
    return give(r, r->entry.inline_value, out);
  }
  SO_TRY(r->has_started ? next_chunk(r) : first_chunk(r));
  return give(r, r->chunk.bytes, out);
}

static so_status append_all(so_value_reader *r, so_buf *out) {
  for (;;) {
    so_bytes piece, all;
    SO_TRY(so_value_read(r, &piece));
    if (piece.len == 0) {
      return so_buf_end(out, &all);
    }
    so_buf_append(out, piece);
    SO_TRY(so_buf_end(out, &all));
  }
}

so_status so_value_read_all(const so_tree *tree, const so_entry *entry, so_buf *out) {
  so_value_reader *r = NULL;
  SO_TRY(so_value_reader_open(tree, entry, 0, &r));
  const so_status s = append_all(r, out);
  so_value_reader_close(r);
  return s;
}
