#ifndef SO_BASE_JSON_H_
#define SO_BASE_JSON_H_

// JSON (RFC 8259): a pull reader over text that is all there, a tree built from it in an arena, and
// a writer. Strict: UTF-8 only, no duplicate member names (in trees), no trailing text, no
// comments, nesting of at most SO_JSON_DEPTH_MAX. Nothing recurses.
//
// Numbers stay text: what was written is what is read, and so_json_u64 / so_json_i64 convert the
// integers that the project uses. Nothing here touches floating point.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/heap.h"
#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_JSON_DEPTH_MAX 64
// A writer nests deeper, so that what was read fits inside what is written around it.
#define SO_JSON_WRITE_DEPTH_MAX 128

// --- reader ---------------------------------------------------------------------------------

typedef enum so_json_type {
  SO_JSON_END,  // The text is complete and was valid to its end.
  SO_JSON_OBJECT,
  SO_JSON_OBJECT_END,
  SO_JSON_ARRAY,
  SO_JSON_ARRAY_END,
  SO_JSON_NAME,  // A member name; its value is the next token.
  SO_JSON_STRING,
  SO_JSON_NUMBER,
  SO_JSON_TRUE,
  SO_JSON_FALSE,
  SO_JSON_NULL,
} so_json_type;

typedef struct so_json_token {
  so_json_type type;
  so_bytes text;  // NAME and STRING: between the quotes, escapes untouched. NUMBER: the literal.
} so_json_token;

typedef struct so_json_reader {
  so_bytes text;
  size_t off;  // Where reading stands; after a failure, where the error is.
  uint32_t depth;
  uint64_t objects;  // Bit i: the container at depth i is an object.
  uint8_t expect;    // What may come next; private.
  bool failed;
} so_json_reader;

so_json_reader so_json_reader_of(so_bytes text);

// so_json_next gives the next token; its view borrows the text. MALFORMED, or LIMIT for nesting;
// either way the reader has failed and `off` says where.
SO_MUST_USE so_status so_json_next(so_json_reader *r, so_json_token *out);

// so_json_unescape decodes the text of a NAME or STRING token into `arena`. A view of the text
// itself when it has no escapes. LIMIT: the arena is full.
SO_MUST_USE so_status so_json_unescape(so_bytes text, so_arena *arena, so_bytes *out);

// --- tree -----------------------------------------------------------------------------------

// A value. `type` is one of OBJECT, ARRAY, STRING, NUMBER, TRUE, FALSE, NULL.
typedef struct so_json {
  so_json_type type;
  so_bytes name;  // Decoded, when this is a member of an object.
  so_bytes text;  // STRING: decoded. NUMBER: the literal.
  const struct so_json *first;  // OBJECT and ARRAY: the first member or element.
  const struct so_json *next;   // The next sibling.
} so_json;

// so_json_parse reads one whole value into `arena`, which it borrows along with `text`. On
// MALFORMED, `*out_off` (when not NULL) is the offset of the error.
SO_MUST_USE so_status so_json_parse(so_bytes text, so_arena *arena, const so_json **out,
                                    size_t *out_off);

// so_json_member finds a member of an object; NULL when `value` is NULL or not an object, or has
// no such member.
const so_json *so_json_member(const so_json *value, const char *name);
const so_json *so_json_member_bytes(const so_json *value, so_bytes name);

// Typed views. False (and `*out` untouched) when `value` is NULL or of another type or range.
SO_MUST_USE bool so_json_string(const so_json *value, so_bytes *out);
SO_MUST_USE bool so_json_u64(const so_json *value, uint64_t *out);
SO_MUST_USE bool so_json_i64(const so_json *value, int64_t *out);
SO_MUST_USE bool so_json_bool(const so_json *value, bool *out);

// --- writer ---------------------------------------------------------------------------------

typedef struct so_json_writer {
  so_buf *out;
  uint32_t depth;
  bool has_items[SO_JSON_WRITE_DEPTH_MAX];  // Something was written at this depth.
  bool after_name;
} so_json_writer;

// so_json_writer_of writes compact JSON to `out`. Calls must nest properly; a name comes before
// each member's value. The one status is so_buf_end's.
so_json_writer so_json_writer_of(so_buf *out);

void so_json_object(so_json_writer *w);
void so_json_object_end(so_json_writer *w);
void so_json_array(so_json_writer *w);
void so_json_array_end(so_json_writer *w);
void so_json_name(so_json_writer *w, const char *name);
void so_json_name_bytes(so_json_writer *w, so_bytes name);

// so_json_put_string escapes as needed; ill-formed UTF-8 becomes U+FFFD.
void so_json_put_string(so_json_writer *w, so_bytes text);
void so_json_put_u64(so_json_writer *w, uint64_t v);
void so_json_put_i64(so_json_writer *w, int64_t v);
void so_json_put_bool(so_json_writer *w, bool v);
void so_json_put_null(so_json_writer *w);

// so_json_put_value writes a tree, members in their order.
void so_json_put_value(so_json_writer *w, const so_json *value);

// Name and value in one call.
void so_json_member_string(so_json_writer *w, const char *name, so_bytes text);
void so_json_member_u64(so_json_writer *w, const char *name, uint64_t v);
void so_json_member_bool(so_json_writer *w, const char *name, bool v);

#ifdef __cplusplus
}
#endif
#endif  // SO_BASE_JSON_H_
