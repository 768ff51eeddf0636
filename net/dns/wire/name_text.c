// Names as people write them (RFC 1035 5.1).

#include "base/mem.h"
#include "base/reader.h"
#include "net/dns/wire/wire.h"

static so_status malformed(void) { return so_status_make(SO_MALFORMED, 0); }

static bool is_digit(uint8_t c) { return c >= '0' && c <= '9'; }

// read_escape reads what follows a backslash: three digits up to 255, or any one character.
static bool read_escape(so_reader *r, uint8_t *out) {
  uint8_t c;
  if (!so_read_u8(r, &c)) {
    return false;
  }
  if (!is_digit(c)) {
    *out = c;
    return true;
  }
  uint8_t d1;
  uint8_t d2;
  if (!so_read_u8(r, &d1) || !so_read_u8(r, &d2) || !is_digit(d1) || !is_digit(d2)) {
    return false;
  }
  const unsigned value = (c - '0') * 100u + (d1 - '0') * 10u + (unsigned)(d2 - '0');
  *out = (uint8_t)value;
  return value <= 255;
}

typedef struct label_writer {
  so_dns_name *out;
  uint8_t at;  // Of the length byte of the label being written.
} label_writer;

static so_status label_byte(label_writer *l, uint8_t c) {
  so_dns_name *const n = l->out;
  if (n->len - l->at > SO_DNS_LABEL_LEN_MAX || n->len >= SO_DNS_NAME_LEN_MAX - 1) {
    return so_status_make(SO_LIMIT, 0);
  }
  n->bytes[n->len++] = c;
  return so_done();
}

// label_end fills in the length byte and makes room for the next. An empty label ends names only.
static so_status label_end(label_writer *l) {
  so_dns_name *const n = l->out;
  const uint8_t len = (uint8_t)(n->len - l->at - 1);
  if (len == 0) {
    return malformed();
  }
  if (n->len >= SO_DNS_NAME_LEN_MAX) {
    return so_status_make(SO_LIMIT, 0);
  }
  n->bytes[l->at] = len;
  l->at = n->len;
  n->bytes[n->len++] = 0;
  return so_done();
}

static so_status read_text(so_reader *r, label_writer *l) {
  uint8_t c;
  while (r->len != 0 && so_read_u8(r, &c)) {
    if (c == '.') {
      SO_TRY(label_end(l));
    } else {
      if (c == '\\' && !read_escape(r, &c)) {
        return malformed();
      }
      SO_TRY(label_byte(l, c));
    }
  }
  return so_reader_done(r) ? so_done() : malformed();
}

static so_status finish(label_writer *l, so_bytes origin, so_dns_name *out) {
  so_dns_name *const n = l->out;
  if (n->len - l->at > 1) {  // No dot at the end.
    SO_TRY(label_end(l));
    if (origin.len != 0) {
      if ((size_t)n->len - 1 + origin.len > SO_DNS_NAME_LEN_MAX) {
        return so_status_make(SO_LIMIT, 0);
      }
      memcpy(n->bytes + n->len - 1, origin.ptr, origin.len);
      n->len = (uint8_t)(n->len - 1 + origin.len);
    }
  }
  out->len = n->len;
  memcpy(out->bytes, n->bytes, n->len);
  return so_done();
}

so_status so_dns_name_from_text(so_bytes text, so_bytes origin, so_dns_name *out) {
  if (text.len == 1 && text.ptr[0] == '@' && origin.len != 0) {
    return so_dns_name_copy(origin, out);
  }
  if (text.len == 1 && text.ptr[0] == '.') {
    out->len = 1;
    out->bytes[0] = 0;
    return so_done();
  }
  if (text.len == 0) {
    return malformed();
  }
  so_dns_name name;
  name.len = 1;
  name.bytes[0] = 0;
  label_writer l = {&name, 0};
  so_reader r = so_reader_of(text);
  SO_TRY(read_text(&r, &l));
  return finish(&l, origin, out);
}

static void write_char(so_writer *w, uint8_t c) {
  static const char special[] = ".\\\"();@$";
  if (c <= ' ' || c >= 0x7f) {
    so_write_u8(w, '\\');
    so_write_u8(w, (uint8_t)('0' + c / 100));
    so_write_u8(w, (uint8_t)('0' + c / 10 % 10));
    so_write_u8(w, (uint8_t)('0' + c % 10));
    return;
  }
  for (size_t i = 0; i < sizeof special - 1; i++) {
    if (c == (uint8_t)special[i]) {
      so_write_u8(w, '\\');
    }
  }
  so_write_u8(w, c);
}

void so_dns_name_write_text(so_writer *w, so_bytes name) {
  if (name.len <= 1) {
    so_write_u8(w, '.');
  }
  while (name.len > 1) {
    const so_bytes label = so_bytes_first(so_bytes_from(name, 1), name.ptr[0]);
    for (size_t i = 0; i < label.len; i++) {
      write_char(w, label.ptr[i]);
    }
    so_write_u8(w, '.');
    name = so_dns_name_parent(name);
  }
}
