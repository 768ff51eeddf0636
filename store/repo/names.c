#include "base/mem.h"
#include "base/utf8.h"
#include "store/repo/internal.h"

static so_status ok_if(bool fine) { return fine ? so_done() : so_status_make(SO_MALFORMED, 0); }

static bool is_alnum(uint8_t c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

so_status so_repo_name_check(so_bytes name) {
  if (name.len == 0 || name.len > SO_REPO_NAME_LEN_MAX || !is_alnum(name.ptr[0]) ||
      name.ptr[name.len - 1] == '.') {
    return ok_if(false);
  }
  for (size_t i = 0; i < name.len; i++) {
    const uint8_t c = name.ptr[i];
    if (!is_alnum(c) && c != '.' && c != '_' && c != '-') {
      return ok_if(false);
    }
  }
  return so_done();
}

// next_segment takes the bytes before the next '/', and the '/'. `*rest` keeps `len` as it is when
// there is no other segment; callers loop on its return value.
static bool next_segment(so_bytes *rest, bool *more, so_bytes *out) {
  if (!*more) {
    return false;
  }
  const size_t end = so_bytes_find(*rest, '/');
  *out = so_bytes_first(*rest, end);
  *more = end < rest->len;
  *rest = so_bytes_from(*rest, end + 1);
  return true;
}

static bool is_ref_byte(uint8_t c) {
  return c > 0x20 && c != 0x7f && c != '~' && c != '^' && c != ':' && c != '?' && c != '*' &&
         c != '[' && c != '\\';
}

static bool is_ref_segment(so_bytes s) {
  if (s.len == 0 || s.ptr[0] == '.' || s.ptr[0] == '-' || so_bytes_has_suffix(s, so_str(".lock"))) {
    return false;
  }
  for (size_t i = 0; i < s.len; i++) {
    const uint8_t next = i + 1 < s.len ? s.ptr[i + 1] : 0;
    if (!is_ref_byte(s.ptr[i]) || (s.ptr[i] == '.' && next == '.') ||
        (s.ptr[i] == '@' && next == '{')) {
      return false;
    }
  }
  return true;
}

so_status so_ref_name_check(so_bytes name) {
  so_bytes rest = name;
  if (so_bytes_has_prefix(name, so_str("refs/heads/"))) {
    rest = so_bytes_from(name, 11);
  } else if (so_bytes_has_prefix(name, so_str("refs/tags/"))) {
    rest = so_bytes_from(name, 10);
  } else if (so_bytes_has_prefix(name, so_str("refs/remotes/"))) {
    rest = so_bytes_from(name, 13);
  } else {
    return ok_if(false);
  }
  if (name.len > SO_REF_NAME_LEN_MAX || name.ptr[name.len - 1] == '.' || !so_utf8_valid(name) ||
      so_bytes_equal(rest, so_str("@"))) {
    return ok_if(false);
  }
  bool more = true;
  so_bytes segment;
  while (next_segment(&rest, &more, &segment)) {
    if (!is_ref_segment(segment)) {
      return ok_if(false);
    }
  }
  return so_done();
}

so_status so_path_check(so_bytes path) {
  if (path.len == 0 || path.len > SO_PATH_LEN_MAX || so_bytes_find(path, 0) != path.len ||
      !so_utf8_valid(path)) {
    return ok_if(false);
  }
  bool more = true;
  so_bytes segment;
  while (next_segment(&path, &more, &segment)) {
    if (segment.len == 0 || so_bytes_equal(segment, so_str(".")) ||
        so_bytes_equal(segment, so_str(".."))) {
      return ok_if(false);
    }
  }
  return so_done();
}

so_status so_full_name_of(so_full_name *out, const char *prefix, so_bytes name) {
  so_writer w = so_writer_of(out->bytes, sizeof out->bytes);
  so_write_str(&w, prefix);
  so_write_bytes(&w, name);
  out->len = w.len;
  return ok_if(!w.failed && so_ok(so_ref_name_check(so_writer_bytes(&w))));
}
