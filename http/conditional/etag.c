// Entity tags and conditions.

#include "http/conditional/conditional.h"

static so_status bad(void) { return so_status_make(SO_MALFORMED, 400); }

static bool is_tag_char(uint8_t c) { return c == '!' || (c >= '#' && c != 0x7f); }

static void skip_blanks_and_commas(so_bytes *rest) {
  while (rest->len != 0 &&
         (rest->ptr[0] == ' ' || rest->ptr[0] == '\t' || rest->ptr[0] == ',')) {
    *rest = so_bytes_from(*rest, 1);
  }
}

so_status so_etag_next(so_bytes *rest, so_etag *out) {
  skip_blanks_and_commas(rest);
  if (rest->len == 0) {
    return so_status_make(SO_NOT_FOUND, 0);
  }
  out->weak = so_bytes_has_prefix(*rest, so_str("W/"));
  so_bytes text = so_bytes_from(*rest, out->weak ? 2 : 0);
  if (text.len == 0 || text.ptr[0] != '"') {
    return bad();
  }
  text = so_bytes_from(text, 1);
  const size_t len = so_bytes_find(text, '"');
  for (size_t i = 0; i < len; i++) {
    if (!is_tag_char(text.ptr[i])) {
      return bad();
    }
  }
  if (len == text.len) {
    return bad();
  }
  out->tag = so_bytes_first(text, len);
  *rest = so_bytes_from(text, len + 1);
  const bool separated =
      rest->len == 0 || rest->ptr[0] == ',' || rest->ptr[0] == ' ' || rest->ptr[0] == '\t';
  return separated ? so_done() : bad();
}

// list_holds sets `*out` when one of the tags is `tag`; with `strong`, weak ones never are.
static so_status list_holds(so_bytes value, bool strong, so_bytes tag, bool *out) {
  so_etag t;
  size_t count = 0;
  *out = false;
  for (;;) {
    const so_status s = so_etag_next(&value, &t);
    if (so_is(s, SO_NOT_FOUND)) {
      return count != 0 ? so_done() : bad();
    }
    SO_TRY(s);
    count++;
    *out = *out || (so_bytes_equal(t.tag, tag) && !(strong && t.weak));
  }
}

static so_status matches(so_bytes value, bool strong, bool exists, so_bytes tag, bool *out) {
  if (so_bytes_equal(value, so_str("*"))) {
    *out = exists;
    return so_done();
  }
  SO_TRY(list_holds(value, strong, tag, out));
  *out = *out && exists;
  return so_done();
}

static so_status failed_condition(void) { return so_status_make(SO_CONFLICT, 412); }

so_status so_if_match(so_bytes value, bool exists, so_bytes tag) {
  bool match;
  SO_TRY(matches(value, true, exists, tag, &match));
  return match ? so_done() : failed_condition();
}

so_status so_if_none_match(so_bytes value, bool exists, so_bytes tag) {
  bool match;
  SO_TRY(matches(value, false, exists, tag, &match));
  return match ? failed_condition() : so_done();
}

bool so_if_range(so_bytes value, so_bytes tag) {
  so_etag t;
  return so_ok(so_etag_next(&value, &t)) && value.len == 0 && !t.weak &&
         so_bytes_equal(t.tag, tag);
}
