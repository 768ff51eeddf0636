#ifndef SO_APPS_STORED_JSON_IN_H_
#define SO_APPS_STORED_JSON_IN_H_

// Reading the store's things from the JSON of requests: the counterpart of json_out.h.
// MALFORMED from any of these is the client's mistake; the handler says which member.

#include "base/json.h"
#include "store/object/commit.h"
#include "store/object/object.h"
#include "store/tree/tree.h"

#ifdef __cplusplus
extern "C" {
#endif

// so_in_oid reads 64 hex digits; null gives none.
SO_MUST_USE so_status so_in_oid(const so_json *value, so_oid *out);

// so_in_oid_list reads an array of hashes into `arena`; absent gives none. LIMIT beyond `max`.
SO_MUST_USE so_status so_in_oid_list(const so_json *value, size_t max, so_arena *arena,
                                     so_oid **out, size_t *out_count);

// so_in_person reads a person; what is absent stays as it is in `*out`.
SO_MUST_USE so_status so_in_person(const so_json *value, so_person *out);

// so_in_mode reads octal permission bits such as "644".
SO_MUST_USE so_status so_in_mode(so_bytes text, uint16_t *out);

// so_in_type reads "file" or "symlink".
SO_MUST_USE so_status so_in_type(so_bytes text, so_entry_type *out);

// so_in_value reads the bytes of "value" (text) or "value_base64" of `object`. NOT_FOUND: neither.
SO_MUST_USE so_status so_in_value(const so_json *object, so_arena *arena, so_bytes *out);

#ifdef __cplusplus
}
#endif
#endif  // SO_APPS_STORED_JSON_IN_H_
