#include "arm/device_tree/device_tree.h"

#define MAGIC 0xd00dfeedu
#define VERSION 17u
#define RESERVATION_LEN 16u

enum { TOKEN_NODE = 1, TOKEN_NODE_END = 2, TOKEN_PROPERTY = 3, TOKEN_NOP = 4, TOKEN_END = 9 };

static so_status malformed(void) { return so_status_make(SO_MALFORMED, 0); }

// The part of `blob` at `off`; false when it is not all there.
static bool part(so_bytes blob, uint32_t off, uint32_t len, so_bytes *out) {
  if (off > blob.len || len > blob.len - off) {
    return false;
  }
  *out = so_bytes_of(blob.ptr + off, len);
  return true;
}

size_t so_device_tree_len(const uint8_t header[8]) {
  so_reader r = so_reader_of(so_bytes_of(header, 8));
  uint32_t magic = 0;
  uint32_t len = 0;
  if (!so_read_u32be(&r, &magic) || !so_read_u32be(&r, &len) || magic != MAGIC) {
    return 0;
  }
  return len >= SO_DEVICE_TREE_HEADER_LEN && len <= SO_DEVICE_TREE_LEN_MAX ? len : 0;
}

typedef struct header {
  uint32_t magic, len, structure_off, strings_off, reservations_off, version, compatible_version;
  uint32_t boot_cpu, strings_len, structure_len;
} header;

static bool read_header(so_bytes blob, header *h) {
  so_reader r = so_reader_of(blob);
  return so_read_u32be(&r, &h->magic) && so_read_u32be(&r, &h->len) &&
         so_read_u32be(&r, &h->structure_off) && so_read_u32be(&r, &h->strings_off) &&
         so_read_u32be(&r, &h->reservations_off) && so_read_u32be(&r, &h->version) &&
         so_read_u32be(&r, &h->compatible_version) && so_read_u32be(&r, &h->boot_cpu) &&
         so_read_u32be(&r, &h->strings_len) && so_read_u32be(&r, &h->structure_len);
}

// Sets the list of reservations without its end; false when it has none.
static bool find_reservations(so_bytes blob, uint32_t off, so_bytes *out) {
  if (off > blob.len) {
    return false;
  }
  const so_bytes all = so_bytes_from(blob, off);
  so_reader r = so_reader_of(all);
  for (size_t len = 0;; len += RESERVATION_LEN) {
    uint64_t base = 0;
    uint64_t size = 0;
    if (!so_read_u64be(&r, &base) || !so_read_u64be(&r, &size)) {
      return false;
    }
    if (base == 0 && size == 0) {
      *out = so_bytes_first(all, len);
      return true;
    }
  }
}

so_status so_device_tree_open(so_bytes blob, so_device_tree *out) {
  header h = {0};
  if (!read_header(blob, &h) || h.magic != MAGIC) {
    return malformed();
  }
  if (h.len > SO_DEVICE_TREE_LEN_MAX) {
    return so_status_make(SO_LIMIT, 0);
  }
  if (h.version < VERSION || h.compatible_version > VERSION) {
    return so_status_make(SO_UNSUPPORTED, 0);
  }
  if (h.len < SO_DEVICE_TREE_HEADER_LEN || h.len > blob.len) {
    return malformed();
  }
  so_device_tree tree = {.blob = so_bytes_first(blob, h.len)};
  if (!part(tree.blob, h.structure_off, h.structure_len, &tree.structure) ||
      !part(tree.blob, h.strings_off, h.strings_len, &tree.strings) ||
      !find_reservations(tree.blob, h.reservations_off, &tree.reservations)) {
    return malformed();
  }
  *out = tree;
  return so_done();
}

so_device_tree_walk so_device_tree_begin(const so_device_tree *tree) {
  const so_device_tree_walk w = {.tree = tree, .in = so_reader_of(tree->structure)};
  return w;
}

// Tokens stand at multiples of 4 bytes, and what is between is padding.
static bool skip_padding(so_reader *in, size_t len) {
  const size_t padding = (4u - len % 4u) % 4u;
  return so_skip(in, padding);
}

static so_status read_node(so_device_tree_walk *w, so_device_tree_item *out) {
  if (w->started && w->depth == 0) {
    return malformed();  // A second root.
  }
  if (w->depth >= SO_DEVICE_TREE_DEPTH_MAX) {
    return so_status_make(SO_LIMIT, 0);
  }
  const so_bytes rest = so_reader_rest(&w->in);
  const size_t name_len = so_bytes_find(rest, 0);
  so_bytes name = {0};
  if (!so_read_bytes(&w->in, name_len, &name) || !so_skip(&w->in, 1) ||
      !skip_padding(&w->in, name_len + 1)) {
    return malformed();
  }
  w->started = true;
  w->depth++;
  out->token = SO_DEVICE_TREE_NODE;
  out->name = name;
  return so_done();
}

static so_status read_property(so_device_tree_walk *w, so_device_tree_item *out) {
  uint32_t len = 0;
  uint32_t name_off = 0;
  so_bytes value = {0};
  if (w->depth == 0 || !so_read_u32be(&w->in, &len) || !so_read_u32be(&w->in, &name_off) ||
      !so_read_bytes(&w->in, len, &value) || !skip_padding(&w->in, len)) {
    return malformed();
  }
  const so_bytes names = so_bytes_from(w->tree->strings, name_off);
  const size_t name_len = so_bytes_find(names, 0);
  if (name_len == names.len) {
    return malformed();  // Outside of the strings, or not ended within them.
  }
  out->token = SO_DEVICE_TREE_PROPERTY;
  out->name = so_bytes_first(names, name_len);
  out->value = value;
  return so_done();
}

static so_status read_token(so_device_tree_walk *w, so_device_tree_item *out) {
  uint32_t token = TOKEN_NOP;
  while (token == TOKEN_NOP) {
    if (!so_read_u32be(&w->in, &token)) {
      return malformed();
    }
  }
  if (token == TOKEN_NODE) {
    return read_node(w, out);
  }
  if (token == TOKEN_PROPERTY) {
    return read_property(w, out);
  }
  if (token == TOKEN_NODE_END && w->depth > 0) {
    w->depth--;
    out->token = SO_DEVICE_TREE_NODE_END;
    return so_done();
  }
  if (token == TOKEN_END && w->depth == 0 && w->started && so_reader_done(&w->in)) {
    out->token = SO_DEVICE_TREE_END;
    return so_done();
  }
  return malformed();
}

so_status so_device_tree_next(so_device_tree_walk *w, so_device_tree_item *out) {
  so_device_tree_item item = {.token = SO_DEVICE_TREE_END};
  const so_status s = read_token(w, &item);
  if (!so_ok(s)) {
    w->in.failed = true;
    w->in.len = 0;
    return s;
  }
  *out = item;
  return s;
}

bool so_device_tree_has(so_bytes list, const char *text) {
  const so_bytes want = so_str(text);
  while (list.len > 0) {
    const size_t len = so_bytes_find(list, 0);
    if (so_bytes_equal(so_bytes_first(list, len), want)) {
      return len < list.len;
    }
    list = so_bytes_from(list, len + 1);
  }
  return false;
}
