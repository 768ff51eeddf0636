#include "apps/stored/json_in.h"

#include "base/hex.h"
#include "base/time.h"

static so_status malformed(void) { return so_status_make(SO_MALFORMED, 0); }

so_status so_in_oid(const so_json *value, so_oid *out) {
  const so_oid none = {{0}};
  so_bytes text;
  if (value != NULL && value->type == SO_JSON_NULL) {
    *out = none;
    return so_done();
  }
  if (!so_json_string(value, &text)) {
    return malformed();
  }
  return so_hex_read(text, out->bytes, SO_OID_LEN);
}

so_status so_in_oid_list(const so_json *value, size_t max, so_arena *arena, so_oid **out,
                         size_t *out_count) {
  size_t count = 0;
  if (value != NULL && value->type != SO_JSON_ARRAY) {
    return malformed();
  }
  for (const so_json *v = value == NULL ? NULL : value->first; v != NULL; v = v->next) {
    count++;
  }
  if (count > max) {
    return so_status_make(SO_LIMIT, 0);
  }
  so_oid *oids = so_arena_alloc(arena, count * sizeof *oids);
  if (oids == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  size_t i = 0;
  for (const so_json *v = value == NULL ? NULL : value->first; v != NULL; v = v->next) {
    SO_TRY(so_in_oid(v, &oids[i++]));
  }
  *out = oids;
  *out_count = count;
  return so_done();
}

so_status so_in_person(const so_json *value, so_person *out) {
  if (value == NULL || value->type == SO_JSON_NULL) {
    return so_done();
  }
  if (value->type != SO_JSON_OBJECT) {
    return malformed();
  }
  const so_json *name = so_json_member(value, "name");
  const so_json *time = so_json_member(value, "time");
  so_bytes text;
  if (name != NULL && !so_json_string(name, &out->name)) {
    return malformed();
  }
  if (time == NULL) {
    return so_done();
  }
  if (!so_json_string(time, &text)) {
    return malformed();
  }
  return so_time_read(text, &out->time_ms, &out->zone_minutes);
}

so_status so_in_mode(so_bytes text, uint16_t *out) {
  uint16_t mode = 0;
  if (text.len == 0 || text.len > 5) {
    return malformed();
  }
  for (size_t i = 0; i < text.len; i++) {
    if (text.ptr[i] < '0' || text.ptr[i] > '7') {
      return malformed();
    }
    mode = (uint16_t)(mode << 3 | (text.ptr[i] - '0'));
  }
  if (mode > 07777) {
    return malformed();
  }
  *out = mode;
  return so_done();
}

so_status so_in_type(so_bytes text, so_entry_type *out) {
  const bool file = so_bytes_equal(text, so_str("file"));
  if (!file && !so_bytes_equal(text, so_str("symlink"))) {
    return malformed();
  }
  *out = file ? SO_ENTRY_FILE : SO_ENTRY_SYMLINK;
  return so_done();
}

so_status so_in_value(const so_json *object, so_arena *arena, so_bytes *out) {
  const so_json *text = so_json_member(object, "value");
  const so_json *coded = so_json_member(object, "value_base64");
  so_bytes base64;
  if (text == NULL && coded == NULL) {
    return so_status_make(SO_NOT_FOUND, 0);
  }
  if (text != NULL) {
    return coded == NULL && so_json_string(text, out) ? so_done() : malformed();
  }
  if (!so_json_string(coded, &base64)) {
    return malformed();
  }
  uint8_t *room = so_arena_alloc(arena, base64.len);
  if (room == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  so_writer w = so_writer_of(room, base64.len);
  SO_TRY(so_base64_read(SO_BASE64, base64, &w));
  return so_writer_end(&w, out);
}
