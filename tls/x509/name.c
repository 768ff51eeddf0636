#include "base/fmt.h"
#include "base/mem.h"
#include "tls/x509/internal.h"

#define LABEL_LEN_MAX 63

// --- DNS names ------------------------------------------------------------------------------

static bool is_digit(uint8_t c) { return c >= '0' && c <= '9'; }

static bool is_label_char(uint8_t c) {
  const uint8_t folded = (uint8_t)(c | 0x20);
  return (folded >= 'a' && folded <= 'z') || is_digit(c) || c == '-' || c == '_';
}

static bool is_label(so_bytes label) {
  if (label.len == 0 || label.len > LABEL_LEN_MAX || label.ptr[0] == '-' ||
      label.ptr[label.len - 1] == '-') {
    return false;
  }
  for (size_t i = 0; i < label.len; i++) {
    if (!is_label_char(label.ptr[i])) {
      return false;
    }
  }
  return true;
}

// parent_of drops the first label and its dot; no bytes when there is one label only.
static so_bytes parent_of(so_bytes name) {
  return so_bytes_from(name, so_bytes_find(name, '.') + 1);
}

bool so_x509_dns_valid(so_bytes name, bool wildcard) {
  if (name.len == 0 || name.len > SO_X509_NAME_LEN_MAX || name.ptr[name.len - 1] == '.') {
    return false;
  }
  if (wildcard && so_bytes_has_prefix(name, so_str("*."))) {
    name = so_bytes_from(name, 2);
  }
  for (; name.len > 0; name = parent_of(name)) {
    if (!is_label(so_bytes_first(name, so_bytes_find(name, '.')))) {
      return false;
    }
  }
  return true;
}

// looks_numeric is true when the last label could be part of an IPv4 address: no such top-level
// domain exists, and a mistyped address must not be taken for a name.
static bool looks_numeric(so_bytes name) {
  for (so_bytes up = parent_of(name); up.len > 0; up = parent_of(name)) {
    name = up;
  }
  for (size_t i = 0; i < name.len; i++) {
    if (!is_digit(name.ptr[i])) {
      return false;
    }
  }
  return true;
}

// --- addresses ------------------------------------------------------------------------------

static bool read_ipv4(so_bytes text, uint8_t out[4]) {
  for (int i = 0; i < 4; i++) {
    const so_bytes part = so_bytes_first(text, so_bytes_find(text, '.'));
    uint64_t v;
    if (part.len > 3 || !so_ok(so_parse_u64(part, &v)) || v > 255 ||
        (i < 3) != (part.len < text.len)) {
      return false;
    }
    out[i] = (uint8_t)v;
    text = so_bytes_from(text, part.len + 1);
  }
  return true;
}

static int hex_value(uint8_t c) {
  const uint8_t folded = (uint8_t)(c | 0x20);
  return is_digit(c) ? c - '0' : folded >= 'a' && folded <= 'f' ? folded - 'a' + 10 : -1;
}

// read_group reads 1 to 4 hexadecimal digits.
static bool read_group(so_bytes text, uint8_t out[2]) {
  unsigned v = 0;
  if (text.len == 0 || text.len > 4) {
    return false;
  }
  for (size_t i = 0; i < text.len; i++) {
    const int digit = hex_value(text.ptr[i]);
    if (digit < 0) {
      return false;
    }
    v = v << 4 | (unsigned)digit;
  }
  out[0] = (uint8_t)(v >> 8);
  out[1] = (uint8_t)v;
  return true;
}

// read_groups reads groups between single colons, the last one perhaps an IPv4 address, to at most
// 16 bytes. No text is no group.
static bool read_groups(so_bytes text, uint8_t out[16], size_t *out_len) {
  size_t len = 0;
  while (text.len > 0) {
    const size_t colon = so_bytes_find(text, ':');
    const so_bytes part = so_bytes_first(text, colon);
    const bool last = colon == text.len;
    if (last && so_bytes_find(part, '.') < part.len) {
      if (len > 12 || !read_ipv4(part, out + len)) {
        return false;
      }
      len += 4;
    } else {
      if (len > 14 || !read_group(part, out + len) || (!last && colon + 1 == text.len)) {
        return false;
      }
      len += 2;
    }
    text = so_bytes_from(text, colon + 1);
  }
  *out_len = len;
  return true;
}

// find_gap returns the offset of "::", or the length.
static size_t find_gap(so_bytes text) {
  for (size_t i = 0; i + 1 < text.len; i++) {
    if (text.ptr[i] == ':' && text.ptr[i + 1] == ':') {
      return i;
    }
  }
  return text.len;
}

// read_ipv6 reads RFC 4291 2.2.
static bool read_ipv6(so_bytes text, uint8_t out[16]) {
  uint8_t head[16], tail[16];
  size_t head_len, tail_len = 0;
  const size_t gap = find_gap(text);
  const bool has_gap = gap < text.len;
  const so_bytes before = so_bytes_first(text, gap);
  if (!read_groups(before, head, &head_len) ||
      (has_gap && (so_bytes_find(before, '.') < before.len ||
                   !read_groups(so_bytes_from(text, gap + 2), tail, &tail_len)))) {
    return false;
  }
  // A gap stands for at least one group.
  if (has_gap ? head_len + tail_len > 14 : head_len != 16) {
    return false;
  }
  memset(out, 0, 16);
  memcpy(out, head, head_len);
  memcpy(out + 16 - tail_len, tail, tail_len);
  return true;
}

so_status so_x509_name_read(so_bytes text, so_x509_name *out) {
  so_x509_name name = {.kind = SO_X509_NAME_IP};
  if (so_bytes_find(text, ':') < text.len) {
    if (!read_ipv6(text, name.ip)) {
      return so_status_make(SO_MALFORMED, 0);
    }
    name.ip_len = 16;
  } else if (read_ipv4(text, name.ip)) {
    name.ip_len = 4;
  } else {
    memset(name.ip, 0, sizeof name.ip);
    name.kind = SO_X509_NAME_DNS;
    name.dns = text.len > 0 && text.ptr[text.len - 1] == '.' ? so_bytes_first(text, text.len - 1)
                                                             : text;
    if (!so_x509_dns_valid(name.dns, false) || looks_numeric(name.dns)) {
      return so_status_make(SO_MALFORMED, 0);
    }
  }
  *out = name;
  return so_done();
}

// --- names of a certificate -----------------------------------------------------------------

bool so_x509_alt_name_next(so_bytes *alt_names, so_x509_name *out) {
  so_der d = so_der_of(*alt_names);
  uint8_t tag;
  so_bytes v, whole;
  while (so_der_more(&d) && so_der_any(&d, &tag, &v, &whole)) {
    so_x509_name name = {.kind = SO_X509_NAME_DNS};
    if (tag == SO_X509_TAG_DNS) {
      name.dns = v;
    } else if (tag == SO_X509_TAG_IP && v.len <= sizeof name.ip) {
      name.kind = SO_X509_NAME_IP;
      name.ip_len = (uint8_t)v.len;
      memcpy(name.ip, v.ptr, v.len);
    } else {
      continue;
    }
    *alt_names = so_reader_rest(&d.in);
    *out = name;
    return true;
  }
  *alt_names = so_bytes_of(NULL, 0);
  return false;
}

// dns_covers matches a name of a certificate with a reference (RFC 9525 6.3).
static bool dns_covers(so_bytes pattern, so_bytes name) {
  if (!so_x509_dns_valid(pattern, true)) {
    return false;
  }
  if (!so_bytes_has_prefix(pattern, so_str("*."))) {
    return so_bytes_equal_nocase(pattern, name);
  }
  const so_bytes rest = so_bytes_from(pattern, 2);
  return so_bytes_find(rest, '.') < rest.len && so_bytes_equal_nocase(rest, parent_of(name));
}

bool so_x509_matches(const so_x509 *cert, const so_x509_name *name) {
  so_bytes list = cert->alt_names;
  so_x509_name have;
  while (so_x509_alt_name_next(&list, &have)) {
    if (have.kind != name->kind) {
      continue;
    }
    if (have.kind == SO_X509_NAME_DNS
            ? dns_covers(have.dns, name->dns)
            : so_bytes_equal(so_bytes_of(have.ip, have.ip_len),
                             so_bytes_of(name->ip, name->ip_len))) {
      return true;
    }
  }
  return false;
}
