#include "apps/website/path.h"

#include "http/url/url.h"

static bool is_served(so_bytes segment) {
  const bool hidden = segment.len == 0 || segment.ptr[0] == '.';
  return (!hidden || so_bytes_equal(segment, so_str(".well-known"))) &&
         so_bytes_find(segment, '/') == segment.len;
}

static so_status add_segment(so_bytes text, so_writer *w) {
  const size_t before = w->len;
  SO_TRY(so_url_decode(SO_URL_SEGMENT, text, w));
  const so_bytes segment = so_bytes_from(so_writer_bytes(w), before);
  return is_served(segment) ? so_done() : so_status_make(SO_NOT_FOUND, 0);
}

so_status so_website_path(so_bytes path, so_writer *w, so_bytes *out) {
  if (path.len == 0 || path.ptr[0] != '/') {
    return so_status_make(SO_NOT_FOUND, 0);
  }
  so_bytes rest = so_bytes_from(path, 1);
  while (rest.len != 0) {
    const so_bytes text = so_bytes_first(rest, so_bytes_find(rest, '/'));
    const bool has_slash = text.len < rest.len;
    SO_TRY(add_segment(text, w));
    if (has_slash) {
      so_write_u8(w, '/');
    }
    rest = so_bytes_from(rest, text.len + has_slash);
  }
  if (path.ptr[path.len - 1] == '/') {
    so_write_str(w, "index.html");
  }
  SO_TRY(so_writer_end(w, out));
  return so_bytes_equal(*out, so_str("_redirects")) ? so_status_make(SO_NOT_FOUND, 0) : so_done();
}
