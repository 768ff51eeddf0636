#include "kernel/virtio/typed/typed.h"

#include "base/bytes.h"

#define CTRL_C 0x03

static bool ask(so_typed *t, so_end how) {
  const bool news = !t->asked || t->how != how;
  t->asked = true;
  t->how = how;
  return news;
}

static bool end_line(so_typed *t) {
  const size_t len = t->line_len <= SO_TYPED_LINE_MAX ? t->line_len : 0;
  const so_bytes line = so_bytes_of(t->line, len);
  t->line_len = 0;
  if (so_bytes_equal(line, so_str("stop"))) {
    return ask(t, SO_END_POWEROFF);
  }
  return so_bytes_equal(line, so_str("reboot")) && ask(t, SO_END_REBOOT);
}

static void keep(so_typed *t, uint8_t byte) {
  if (t->count == SO_TYPED_KEPT) {
    t->first = (t->first + 1) % SO_TYPED_KEPT;
    t->count--;
  }
  t->kept[(t->first + t->count) % SO_TYPED_KEPT] = byte;
  t->count++;
}

bool so_typed_put(so_typed *t, uint8_t byte) {
  keep(t, byte);
  if (byte == CTRL_C) {
    t->line_len = 0;
    return ask(t, SO_END_POWEROFF);
  }
  if (byte == '\r' || byte == '\n') {
    return end_line(t);
  }
  if (t->line_len < SO_TYPED_LINE_MAX) {
    t->line[t->line_len] = byte;
  }
  if (t->line_len <= SO_TYPED_LINE_MAX) {
    t->line_len++;
  }
  return false;
}

size_t so_typed_take(so_typed *t, uint8_t *out, size_t cap) {
  size_t n = 0;
  while (n < cap && t->count != 0) {
    out[n++] = t->kept[t->first];
    t->first = (t->first + 1) % SO_TYPED_KEPT;
    t->count--;
  }
  return n;
}
