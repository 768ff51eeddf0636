#include "store/tree/node.h"

#include "base/assert.h"
#include "base/mem.h"

#define FLAG_TYPE_MASK 0x0fu
#define FLAG_PLACE_SHIFT 4
#define FLAG_META 0x40u
#define MODE_MAX 07777u

enum { PLACE_INLINE = 0, PLACE_CHUNK = 1, PLACE_CHUNK_INDEX = 2 };

static so_status corrupt(void) { return so_status_make(SO_CORRUPT, 0); }

// --- entries ------------------------------------------------------------------------------------

// Names ascend strictly, so that each set of metadata has one encoding.
static bool meta_is_valid(so_bytes meta) {
  so_reader r = so_reader_of(meta);
  so_bytes last = so_bytes_of(NULL, 0);
  while (r.len != 0) {
    so_bytes name, value;
    if (!so_read_varbytes(&r, &name) || !so_read_varbytes(&r, &value) ||
        so_bytes_compare(last, name) >= 0) {
      return false;
    }
    last = name;
  }
  return so_reader_done(&r) && meta.len <= SO_META_LEN_MAX;
}

static bool value_is_valid(const so_entry *e) {
  if (e->is_inline) {
    return e->size <= SO_INLINE_LEN_LIMIT && e->inline_value.len == e->size;
  }
  const bool is_chunked = e->value_kind == SO_KIND_CHUNK || e->value_kind == SO_KIND_CHUNK_INDEX;
  return is_chunked && e->size != 0 && !so_oid_is_none(&e->value);
}

bool so_entry_is_valid(const so_entry *e) {
  const bool type_is_known = e->type == SO_ENTRY_FILE || e->type == SO_ENTRY_SYMLINK;
  return type_is_known && e->mode <= MODE_MAX && value_is_valid(e) && meta_is_valid(e->meta);
}

static uint8_t place_of(const so_entry *e) {
  if (e->is_inline) {
    return PLACE_INLINE;
  }
  return e->value_kind == SO_KIND_CHUNK ? PLACE_CHUNK : PLACE_CHUNK_INDEX;
}

void so_entry_write(const so_entry *e, so_buf *out) {
  const unsigned place = (unsigned)place_of(e) << FLAG_PLACE_SHIFT;
  const unsigned meta = e->meta.len != 0 ? FLAG_META : 0;
  so_buf_append_u8(out, (uint8_t)((unsigned)e->type | place | meta));
  so_buf_append_varint(out, e->mode);
  so_buf_append_varint(out, e->size);
  so_buf_append(out, e->is_inline ? e->inline_value : so_bytes_of(e->value.bytes, SO_OID_LEN));
  if (e->meta.len != 0) {
    so_buf_append_varint(out, e->meta.len);
    so_buf_append(out, e->meta);
  }
}

static bool read_place(so_reader *r, unsigned place, so_entry *out) {
  switch (place) {
    case PLACE_INLINE:
      out->is_inline = true;
      return out->size <= SO_INLINE_LEN_LIMIT &&
             so_read_bytes(r, (size_t)out->size, &out->inline_value);
    case PLACE_CHUNK:
      out->value_kind = SO_KIND_CHUNK;
      return so_read_copy(r, out->value.bytes, SO_OID_LEN);
    case PLACE_CHUNK_INDEX:
      out->value_kind = SO_KIND_CHUNK_INDEX;
      return so_read_copy(r, out->value.bytes, SO_OID_LEN);
    default:
      return false;
  }
}

bool so_entry_read(so_reader *r, so_entry *out) {
  uint8_t flags = 0;
  uint64_t mode = 0;
  memset(out, 0, sizeof *out);
  if (!so_read_u8(r, &flags) || !so_read_varint(r, &mode) || mode > MODE_MAX ||
      !so_read_varint(r, &out->size) || (flags & 0x80u) != 0) {
    return false;
  }
  out->type = (so_entry_type)(flags & FLAG_TYPE_MASK);
  out->mode = (uint16_t)mode;
  if (!read_place(r, (flags >> FLAG_PLACE_SHIFT) & 3u, out)) {
    return false;
  }
  const bool has_meta = (flags & FLAG_META) != 0;
  if (has_meta && (!so_read_varbytes(r, &out->meta) || out->meta.len == 0)) {
    return false;
  }
  return so_entry_is_valid(out);
}

bool so_entry_equal(const so_entry *a, const so_entry *b) {
  if (a->type != b->type || a->mode != b->mode || a->size != b->size ||
      a->is_inline != b->is_inline || !so_bytes_equal(a->meta, b->meta)) {
    return false;
  }
  if (a->is_inline) {
    return so_bytes_equal(a->inline_value, b->inline_value);
  }
  return a->value_kind == b->value_kind && so_oid_equal(&a->value, &b->value);
}

// --- nodes --------------------------------------------------------------------------------------

so_status so_node_open(so_bytes payload, so_node *out) {
  so_reader r = so_reader_of(payload);
  uint8_t version = 0, level = 0, count = 0;
  if (!so_read_u8(&r, &version) || !so_read_u8(&r, &level) || !so_read_u8(&r, &count) ||
      version != SO_NODE_VERSION || level >= SO_TREE_HEIGHT_MAX || count == 0 ||
      count > SO_NODE_COUNT_MAX) {
    return corrupt();
  }
  const so_node n = {r, level, count, 0};
  *out = n;
  return so_done();
}

static bool read_tail(so_node *n, so_item *out) {
  if (n->level == 0) {
    out->entry_count = 1;
    return so_entry_read(&n->rest, &out->entry);
  }
  return so_read_copy(&n->rest, out->child.bytes, SO_OID_LEN) &&
         so_read_varint(&n->rest, &out->entry_count);
}

so_status so_node_next(so_node *n, so_item *out) {
  if (n->index == n->count) {
    return so_reader_done(&n->rest) ? so_status_make(SO_NOT_FOUND, 0) : corrupt();
  }
  uint64_t shared = 0;
  if (!so_read_varint(&n->rest, &shared) || shared >= SO_KEY_LEN_MAX ||
      !so_read_varbytes(&n->rest, &out->suffix)) {
    return corrupt();
  }
  out->shared = (size_t)shared;
  const so_bytes tail = so_reader_rest(&n->rest);
  if (!read_tail(n, out)) {
    return corrupt();
  }
  out->tail = so_bytes_first(tail, tail.len - n->rest.len);
  n->index++;
  return so_done();
}

so_status so_key_apply(so_key *key, const so_item *item) {
  if (item->shared > key->len || item->suffix.len > SO_KEY_LEN_MAX - item->shared) {
    return corrupt();
  }
  if (item->suffix.len != 0) {
    memcpy(key->bytes + item->shared, item->suffix.ptr, item->suffix.len);
  }
  key->len = item->shared + item->suffix.len;
  return so_done();
}

static size_t common_len(so_bytes a, so_bytes b) {
  const size_t max = a.len < b.len ? a.len : b.len;
  size_t n = 0;
  while (n < max && a.ptr[n] == b.ptr[n]) {
    n++;
  }
  return n;
}

// Keys are compared as they are, compressed. `matched` bytes of the target are those of the last
// key, which is smaller. A key that shares more than that with the last one differs from the target
// at the same byte as the last one did; a key that shares less passed the target.
so_status so_node_find(so_node *n, so_bytes target, so_key *key, so_item *out, bool *out_equal) {
  size_t matched = 0;
  if (n->index == 0 && key != NULL) {
    key->len = 0;
  }
  if (n->index != 0) {
    SO_ASSERT(key != NULL);
    matched = common_len(so_key_bytes(key), target);
  }
  for (;;) {
    SO_TRY(so_node_next(n, out));
    if (key != NULL) {
      SO_TRY(so_key_apply(key, out));
    }
    if (out->shared > matched) {
      continue;
    }
    const so_bytes rest = so_bytes_from(target, out->shared);
    const size_t same = common_len(out->suffix, rest);
    *out_equal = out->shared == matched && same == rest.len && same == out->suffix.len;
    const bool is_smaller =
        same < rest.len && (same == out->suffix.len || out->suffix.ptr[same] < rest.ptr[same]);
    if (out->shared < matched || !is_smaller) {
      return so_done();
    }
    matched = out->shared + same;
  }
}

so_status so_node_load(const so_tree *tree, const so_oid *oid, int level, so_object *out_object,
                       so_node *out_node) {
  so_object object;
  SO_TRY(so_objects_get_kind(tree->objects, oid, SO_KIND_TREE, &object));
  const so_status s = so_node_open(object.bytes, out_node);
  if (!so_ok(s) || (level >= 0 && out_node->level != (uint32_t)level)) {
    so_objects_unpin(tree->objects, &object);
    return corrupt();
  }
  *out_object = object;
  return so_done();
}

// --- check --------------------------------------------------------------------------------------

// The key of an item must be greater than the one before and share with it exactly what it says.
static bool key_is_canonical(const so_key *last, const so_item *item, bool is_first) {
  if (item->suffix.len == 0 || item->shared > last->len) {
    return false;
  }
  if (is_first) {
    return item->shared == 0;
  }
  return item->shared == last->len || item->suffix.ptr[0] > last->bytes[item->shared];
}

static so_status visit_item(const so_node *n, const so_item *item,
                            so_status (*visit)(void *ctx, const so_oid *child,
                                               so_kind child_kind),
                            void *ctx) {
  if (n->level != 0) {
    return visit(ctx, &item->child, SO_KIND_TREE);
  }
  if (item->entry.is_inline) {
    return so_done();
  }
  return visit(ctx, &item->entry.value, item->entry.value_kind);
}

// check_item also holds the totals within what the rule of boundaries allows.
static bool check_item(const so_node *n, const so_item *item, so_key *key, size_t *keys_len,
                       uint64_t *entries) {
  if (!key_is_canonical(key, item, n->index == 1) || *keys_len >= SO_NODE_KEYS_LEN_MAX ||
      !so_ok(so_key_apply(key, item))) {
    return false;
  }
  const bool child_is_valid =
      n->level == 0 || (item->entry_count != 0 && !so_oid_is_none(&item->child));
  if (!child_is_valid || item->entry_count > UINT64_MAX - *entries) {
    return false;
  }
  *keys_len += key->len;
  *entries += item->entry_count;
  return true;
}

so_status so_tree_node_each_child(so_bytes payload,
                                  so_status (*visit)(void *ctx, const so_oid *child,
                                                     so_kind child_kind),
                                  void *ctx) {
  const so_status malformed = so_status_make(SO_MALFORMED, 0);
  so_node n;
  so_key key;
  size_t keys_len = 0;
  uint64_t entries = 0;
  key.len = 0;
  if (payload.len > SO_OBJECT_LEN_MAX || !so_ok(so_node_open(payload, &n))) {
    return malformed;
  }
  for (;;) {
    so_item item;
    const so_status s = so_node_next(&n, &item);
    if (so_is(s, SO_NOT_FOUND)) {
      return so_done();
    }
    if (!so_ok(s) || !check_item(&n, &item, &key, &keys_len, &entries)) {
      return malformed;
    }
    SO_TRY(visit_item(&n, &item, visit, ctx));
  }
}
