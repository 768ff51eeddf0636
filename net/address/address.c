#include "net/address/address.h"

#include "base/fmt.h"
#include "base/mem.h"
#include "base/reader.h"

so_ip so_ip4(const uint8_t bytes[4]) {
  so_ip ip = {.family = 4};
  memcpy(ip.bytes, bytes, 4);
  return ip;
}

so_ip so_ip6(const uint8_t bytes[16]) {
  so_ip ip = {.family = 6};
  memcpy(ip.bytes, bytes, 16);
  return ip;
}

so_ip so_ip_any(uint8_t family) {
  const so_ip ip = {.family = family};
  return ip;
}

so_ip so_ip_broadcast(void) {
  const uint8_t ones[4] = {255, 255, 255, 255};
  return so_ip4(ones);
}

so_ip so_ip_of(const so_endpoint *e) {
  so_ip ip = {.family = e->family};
  memcpy(ip.bytes, e->address, so_ip_len(&ip));
  return ip;
}

so_endpoint so_ip_endpoint(const so_ip *ip, uint16_t port) {
  so_endpoint e = {.family = ip->family, .port = port};
  memcpy(e.address, ip->bytes, sizeof e.address);
  return e;
}

size_t so_ip_len(const so_ip *ip) {
  return ip->family == 4 ? 4 : ip->family == 6 ? 16 : 0;
}

bool so_ip_equal(const so_ip *a, const so_ip *b) {
  return a->family == b->family && memcmp(a->bytes, b->bytes, so_ip_len(a)) == 0;
}

bool so_ip_is_any(const so_ip *ip) {
  const so_ip any = so_ip_any(ip->family);
  return so_ip_equal(ip, &any);
}

bool so_ip_is_multicast(const so_ip *ip) {
  return ip->family == 4 ? (ip->bytes[0] & 0xF0) == 0xE0
                         : ip->family == 6 && ip->bytes[0] == 0xFF;
}

bool so_ip_is_broadcast(const so_ip *ip) {
  const so_ip all = so_ip_broadcast();
  return so_ip_equal(ip, &all);
}

bool so_ip_is_loopback(const so_ip *ip) {
  if (ip->family == 4) {
    return ip->bytes[0] == 127;
  }
  so_ip one = so_ip_any(6);
  one.bytes[15] = 1;
  return so_ip_equal(ip, &one);
}

bool so_ip_is_link_local(const so_ip *ip) {
  return ip->family == 4 ? ip->bytes[0] == 169 && ip->bytes[1] == 254
                         : ip->family == 6 && ip->bytes[0] == 0xFE && (ip->bytes[1] & 0xC0) == 0x80;
}

bool so_ip_in_prefix(const so_ip *ip, const so_ip *prefix, uint8_t prefix_len) {
  const size_t whole = prefix_len / 8u;
  const unsigned rest = prefix_len % 8u;
  if (ip->family != prefix->family || prefix_len > 8 * so_ip_len(ip) ||
      memcmp(ip->bytes, prefix->bytes, whole) != 0) {
    return false;
  }
  return rest == 0 || ((ip->bytes[whole] ^ prefix->bytes[whole]) >> (8 - rest)) == 0;
}

so_ip so_ip_solicited_node(const so_ip *ip) {
  uint8_t bytes[16] = {0xFF, 0x02, [11] = 0x01, [12] = 0xFF};
  memcpy(bytes + 13, ip->bytes + 13, 3);
  return so_ip6(bytes);
}

// --- text -----------------------------------------------------------------------------------

static bool digit(uint8_t c) { return c >= '0' && c <= '9'; }

static so_status malformed(void) { return so_status_make(SO_MALFORMED, 0); }

// read_octet reads 0..255 without leading zeros.
static bool read_octet(so_bytes *text, uint8_t *out) {
  unsigned v = 0;
  size_t n = 0;
  while (n < text->len && n < 3 && digit(text->ptr[n])) {
    v = v * 10 + (unsigned)(text->ptr[n] - '0');
    n++;
  }
  if (n == 0 || v > 255 || (n > 1 && text->ptr[0] == '0')) {
    return false;
  }
  *out = (uint8_t)v;
  *text = so_bytes_from(*text, n);
  return true;
}

static bool take_char(so_bytes *text, char c) {
  if (text->len == 0 || text->ptr[0] != (uint8_t)c) {
    return false;
  }
  *text = so_bytes_from(*text, 1);
  return true;
}

static so_status parse_4(so_bytes text, uint8_t out[4]) {
  for (int i = 0; i < 4; i++) {
    if ((i != 0 && !take_char(&text, '.')) || !read_octet(&text, &out[i])) {
      return malformed();
    }
  }
  return text.len == 0 ? so_done() : malformed();
}

static int hex_value(uint8_t c) {
  if (digit(c)) {
    return c - '0';
  }
  const uint8_t lower = c | 0x20;
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static bool read_group(so_bytes *text, uint8_t out[2]) {
  unsigned v = 0;
  size_t n = 0;
  while (n < text->len && n < 4 && hex_value(text->ptr[n]) >= 0) {
    v = v << 4 | (unsigned)hex_value(text->ptr[n]);
    n++;
  }
  out[0] = (uint8_t)(v >> 8);
  out[1] = (uint8_t)v;
  *text = so_bytes_from(*text, n);
  return n != 0;
}

// The bytes read so far, and where "::" stood.
typedef struct groups {
  uint8_t bytes[16];
  size_t len;
  size_t gap;  // SIZE_MAX: none.
} groups;

// read_groups reads up to the end of the text; the last group may be an IPv4 address.
static so_status read_groups(so_bytes text, groups *g) {
  while (text.len != 0) {
    if (g->len == 16) {
      return malformed();
    }
    if (g->len <= 12 && so_bytes_find(text, ':') == text.len &&
        so_bytes_find(text, '.') < text.len) {
      SO_TRY(parse_4(text, g->bytes + g->len));
      g->len += 4;
      return so_done();
    }
    if (!read_group(&text, g->bytes + g->len)) {
      return malformed();
    }
    g->len += 2;
    if (text.len == 0) {
      return so_done();
    }
    if (!take_char(&text, ':') || text.len == 0) {
      return malformed();
    }
    if (take_char(&text, ':')) {
      if (g->gap != SIZE_MAX) {
        return malformed();
      }
      g->gap = g->len;
    }
  }
  return so_done();
}

static so_status parse_6(so_bytes text, uint8_t out[16]) {
  groups g = {.gap = SIZE_MAX};
  if (take_char(&text, ':')) {
    if (!take_char(&text, ':')) {
      return malformed();
    }
    g.gap = 0;
  }
  SO_TRY(read_groups(text, &g));
  if (g.gap == SIZE_MAX ? g.len != 16 : g.len > 14) {
    return malformed();
  }
  const size_t before = g.gap == SIZE_MAX ? 16 : g.gap;
  memset(out, 0, 16);
  memcpy(out, g.bytes, before);
  memcpy(out + 16 - (g.len - before), g.bytes + before, g.len - before);
  return so_done();
}

so_status so_ip_parse(so_bytes text, so_ip *out) {
  so_ip ip = {.family = so_bytes_find(text, ':') < text.len ? 6 : 4};
  SO_TRY(ip.family == 6 ? parse_6(text, ip.bytes) : parse_4(text, ip.bytes));
  *out = ip;
  return so_done();
}

static void write_number(so_writer *w, unsigned v) {
  char digits[3];
  size_t n = 0;
  do {
    digits[n++] = (char)('0' + v % 10);
    v /= 10;
  } while (v != 0);
  while (n != 0) {
    so_write_u8(w, (uint8_t)digits[--n]);
  }
}

static void write_4(const uint8_t *bytes, so_writer *w) {
  for (int i = 0; i < 4; i++) {
    if (i != 0) {
      so_write_u8(w, '.');
    }
    write_number(w, bytes[i]);
  }
}

static unsigned group_at(const so_ip *ip, size_t i) {
  return (unsigned)ip->bytes[2 * i] << 8 | ip->bytes[2 * i + 1];
}

// longest_zeros finds the first longest run of two zero groups or more (RFC 5952 4.2.3).
static size_t longest_zeros(const so_ip *ip, size_t *out_len) {
  size_t best = 8, best_len = 1;
  for (size_t i = 0; i < 8;) {
    size_t n = 0;
    while (i + n < 8 && group_at(ip, i + n) == 0) {
      n++;
    }
    if (n > best_len) {
      best = i;
      best_len = n;
    }
    i += n + 1;
  }
  *out_len = best_len;
  return best;
}

static void write_group(so_writer *w, unsigned v) {
  static const char kHex[] = "0123456789abcdef";
  bool started = false;
  for (int shift = 12; shift >= 0; shift -= 4) {
    const unsigned nibble = v >> shift & 15;
    started = started || nibble != 0 || shift == 0;
    if (started) {
      so_write_u8(w, (uint8_t)kHex[nibble]);
    }
  }
}

static void write_6(const so_ip *ip, so_writer *w) {
  static const uint8_t kMapped[12] = {[10] = 0xFF, [11] = 0xFF};
  if (memcmp(ip->bytes, kMapped, sizeof kMapped) == 0) {  // RFC 5952 5.
    so_write_bytes(w, so_str("::ffff:"));
    write_4(ip->bytes + 12, w);
    return;
  }
  size_t gap_len;
  const size_t gap = longest_zeros(ip, &gap_len);
  for (size_t i = 0; i < 8;) {
    if (i == gap) {
      so_write_bytes(w, so_str("::"));
      i += gap_len;
      continue;
    }
    if (i != 0 && i != gap + gap_len) {
      so_write_u8(w, ':');
    }
    write_group(w, group_at(ip, i));
    i++;
  }
}

void so_ip_write(const so_ip *ip, so_writer *w) {
  if (ip->family == 4) {
    write_4(ip->bytes, w);
  } else if (ip->family == 6) {
    write_6(ip, w);
  }
}
