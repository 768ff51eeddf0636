#include "base/utf8.h"

static bool fail(so_reader *r) {
  r->failed = true;
  r->len = 0;
  return false;
}

bool so_utf8_read(so_reader *r, uint32_t *out) {
  static const uint32_t smallest[] = {0, 0x80, 0x800, 0x10000};
  uint8_t lead;
  if (!so_read_u8(r, &lead)) {
    return false;
  }
  if (lead < 0x80) {
    *out = lead;
    return true;
  }
  const unsigned more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
  if (lead < 0xc2 || lead > 0xf4) {
    return fail(r);
  }
  uint32_t v = lead & (0x3fu >> more);
  for (unsigned i = 0; i < more; i++) {
    uint8_t next;
    if (!so_read_u8(r, &next) || (next & 0xc0) != 0x80) {
      return fail(r);
    }
    v = v << 6 | (next & 0x3f);
  }
  const bool surrogate = v >= 0xd800 && v <= 0xdfff;
  if (v < smallest[more] || surrogate || v > 0x10ffff) {
    return fail(r);
  }
  *out = v;
  return true;
}

void so_utf8_write(so_writer *w, uint32_t v) {
  if (v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff)) {
    v = 0xfffd;
  }
  if (v < 0x80) {
    so_write_u8(w, (uint8_t)v);
    return;
  }
  const unsigned more = v >= 0x10000 ? 3 : v >= 0x800 ? 2 : 1;
  const unsigned lead = 0xff00u >> (more + 1) & 0xff;
  so_write_u8(w, (uint8_t)(lead | v >> (6 * more)));
  for (unsigned i = more; i > 0; i--) {
    so_write_u8(w, (uint8_t)(0x80 | (v >> (6 * (i - 1)) & 0x3f)));
  }
}

bool so_utf8_valid(so_bytes text) {
  so_reader r = so_reader_of(text);
  uint32_t v;
  while (r.len != 0) {
    if (!so_utf8_read(&r, &v)) {
      return false;
    }
  }
  return true;
}
