// Splitting texts into lines and numbering the lines, so that the searches compare integers.

#include "base/mem.h"
#include "crypto/blake2b/blake2b.h"
#include "crypto/siphash/siphash.h"
#include "store/diff3/internal.h"

#define EMPTY UINT32_MAX

// Where a number was first seen.
typedef struct line_ref {
  uint32_t text;
  uint32_t line;
  uint64_t hash;
} line_ref;

typedef struct line_table {
  uint32_t *slots;  // Numbers, or EMPTY. A power of two of them, at most half in use.
  size_t slot_count;
  line_ref *refs;  // By number.
  size_t ref_cap;
  uint8_t key[16];
} line_table;

static uint32_t count_lines(so_bytes text) {
  uint32_t count = 0;
  for (size_t i = 0; i < text.len; i++) {
    count += text.ptr[i] == '\n';
  }
  if (text.len != 0 && text.ptr[text.len - 1] != '\n') {
    count++;
  }
  return count;
}

static so_status split(so_text *t, const so_heap *heap) {
  t->count = count_lines(t->bytes);
  if (t->count > SO_TEXT_LINES_MAX) {
    t->count = 0;
    return so_status_make(SO_LIMIT, 0);
  }
  t->starts = so_heap_alloc_array(heap, (size_t)t->count + 1, sizeof *t->starts);
  t->ids = so_heap_alloc_array(heap, (size_t)t->count + 1, sizeof *t->ids);
  if (t->starts == NULL || t->ids == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  uint32_t line = 0;
  for (size_t i = 0; i < t->bytes.len; i++) {
    if (t->bytes.ptr[i] == '\n') {
      line++;
      t->starts[line] = (uint32_t)(i + 1);
    }
  }
  t->starts[t->count] = (uint32_t)t->bytes.len;
  return so_done();
}

so_bytes so_text_lines(const so_text *text, uint32_t start, uint32_t count) {
  const uint32_t from = text->starts[start];
  const uint32_t to = text->starts[start + count];
  return from == to ? so_bytes_of(NULL, 0) : so_bytes_of(text->bytes.ptr + from, to - from);
}

// derive_key makes the hash key out of the texts themselves: whoever wants lines that collide would
// have to know the key before choosing the lines that make it.
static void derive_key(const so_texts *texts, uint8_t key[16]) {
  so_bytes parts[SO_TEXTS_MAX];
  for (size_t i = 0; i < texts->count; i++) {
    parts[i] = texts->items[i].bytes;
  }
  uint8_t hash[SO_BLAKE2B_256_LEN];
  so_blake2b_256(parts, texts->count, hash);
  memcpy(key, hash, 16);
}

// number returns the number of a line, giving it the next one when it is new.
static uint32_t number(so_texts *texts, line_table *table, uint32_t text, uint32_t line) {
  const so_bytes bytes = so_text_lines(&texts->items[text], line, 1);
  const uint64_t hash = so_siphash24(table->key, bytes);
  size_t slot = (size_t)hash & (table->slot_count - 1);
  while (table->slots[slot] != EMPTY) {
    const line_ref *ref = &table->refs[table->slots[slot]];
    if (ref->hash == hash &&
        so_bytes_equal(bytes, so_text_lines(&texts->items[ref->text], ref->line, 1))) {
      return table->slots[slot];
    }
    slot = (slot + 1) & (table->slot_count - 1);
  }
  const line_ref ref = {text, line, hash};
  table->refs[texts->id_count] = ref;
  table->slots[slot] = texts->id_count;
  return texts->id_count++;
}

static so_status number_all(so_texts *texts) {
  size_t total = 1;
  for (size_t i = 0; i < texts->count; i++) {
    total += texts->items[i].count;
  }
  line_table table = {.slot_count = 16, .ref_cap = total};
  while (table.slot_count < 2 * total) {
    table.slot_count *= 2;
  }
  table.slots = so_heap_alloc_array(texts->heap, table.slot_count, sizeof *table.slots);
  table.refs = so_heap_alloc_array(texts->heap, table.ref_cap, sizeof *table.refs);
  const bool fits = table.slots != NULL && table.refs != NULL;
  if (fits) {
    memset(table.slots, 0xff, table.slot_count * sizeof *table.slots);
    derive_key(texts, table.key);
    for (uint32_t t = 0; t < texts->count; t++) {
      for (uint32_t line = 0; line < texts->items[t].count; line++) {
        texts->items[t].ids[line] = number(texts, &table, t, line);
      }
    }
  }
  so_heap_free(texts->heap, table.slots, table.slot_count * sizeof *table.slots);
  so_heap_free(texts->heap, table.refs, table.ref_cap * sizeof *table.refs);
  return fits ? so_done() : so_status_make(SO_LIMIT, 0);
}

static so_status open_all(const so_bytes *texts, size_t count, so_texts *out) {
  for (size_t i = 0; i < count; i++) {
    out->items[i].bytes = texts[i];
    out->count = i + 1;
    if (texts[i].len > SO_TEXT_LEN_MAX) {
      return so_status_make(SO_LIMIT, 0);
    }
    SO_TRY(split(&out->items[i], out->heap));
  }
  return number_all(out);
}

so_status so_texts_open(const so_bytes *texts, size_t count, const so_heap *heap, so_texts *out) {
  memset(out, 0, sizeof *out);
  out->heap = heap;
  const so_status s = open_all(texts, count, out);
  if (!so_ok(s)) {
    so_texts_release(out);
  }
  return s;
}

void so_texts_release(so_texts *texts) {
  for (size_t i = 0; i < texts->count; i++) {
    so_text *t = &texts->items[i];
    // An allocation that failed is NULL, which so_heap_free allows.
    so_heap_free(texts->heap, t->starts, ((size_t)t->count + 1) * sizeof *t->starts);
    so_heap_free(texts->heap, t->ids, ((size_t)t->count + 1) * sizeof *t->ids);
  }
  memset(texts, 0, sizeof *texts);
}

bool so_text_is_binary(so_bytes value) {
  return value.len > SO_TEXT_LEN_MAX ||
         so_bytes_find(so_bytes_first(value, 8000), 0) != so_bytes_first(value, 8000).len;
}
