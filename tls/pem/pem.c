#include "tls/pem/pem.h"

#include <stdbool.h>

#include "base/hex.h"

static so_status malformed(void) { return so_status_make(SO_MALFORMED, 0); }

// next_line takes one line off `*text`, without its end. False when no text is left.
static bool next_line(so_bytes *text, so_bytes *line) {
  if (text->len == 0) {
    return false;
  }
  const size_t end = so_bytes_find(*text, '\n');
  *line = so_bytes_first(*text, end);
  *text = so_bytes_from(*text, end + 1);
  if (line->len > 0 && line->ptr[line->len - 1] == '\r') {
    line->len--;
  }
  return true;
}

// read_boundary is true for the line PREFIX LABEL "-----".
static bool read_boundary(so_bytes line, so_bytes prefix, so_bytes *label) {
  const so_bytes dashes = so_str("-----");
  if (!so_bytes_has_prefix(line, prefix) || !so_bytes_has_suffix(line, dashes) ||
      line.len <= prefix.len + dashes.len) {
    return false;
  }
  *label = so_bytes_of(line.ptr + prefix.len, line.len - prefix.len - dashes.len);
  return label->len <= SO_PEM_LABEL_MAX;
}

so_status so_pem_next(so_bytes *text, so_pem_block *out) {
  so_bytes line, label, end_label;
  do {
    if (!next_line(text, &line)) {
      return so_status_make(SO_NOT_FOUND, 0);
    }
  } while (!read_boundary(line, so_str("-----BEGIN "), &label));
  const so_bytes start = *text;
  for (;;) {
    const size_t body_len = start.len - text->len;
    if (!next_line(text, &line)) {
      return malformed();
    }
    if (!so_bytes_has_prefix(line, so_str("-----"))) {
      continue;
    }
    if (!read_boundary(line, so_str("-----END "), &end_label) ||
        !so_bytes_equal(label, end_label)) {
      return malformed();
    }
    out->label = label;
    out->body = so_bytes_first(start, body_len);
    return so_done();
  }
}

so_status so_pem_decode(const so_pem_block *block, so_writer *w) {
  so_bytes rest = block->body;
  so_bytes line;
  const size_t before = w->len;
  bool first = true;
  while (next_line(&rest, &line)) {
    if (first && so_bytes_find(line, ':') < line.len) {
      return so_status_make(SO_UNSUPPORTED, 0);
    }
    first = false;
    const bool padded = line.len > 0 && line.ptr[line.len - 1] == '=';
    if (line.len == 0 || line.len > SO_PEM_LINE_MAX || (padded && rest.len > 0)) {
      return malformed();
    }
    SO_TRY(so_base64_read(SO_BASE64, line, w));
  }
  if (w->failed) {
    return so_status_make(SO_LIMIT, 0);
  }
  return w->len == before ? malformed() : so_done();
}

void so_pem_write(so_writer *w, const char *label, so_bytes der) {
  so_write_str(w, "-----BEGIN ");
  so_write_str(w, label);
  so_write_str(w, "-----\n");
  while (der.len > 0) {
    so_base64_write(w, SO_BASE64, so_bytes_first(der, 48));
    so_write_u8(w, '\n');
    der = so_bytes_from(der, 48);
  }
  so_write_str(w, "-----END ");
  so_write_str(w, label);
  so_write_str(w, "-----\n");
}
