// The data of records as text: field by field as the wire module lays a type out, or \# (RFC 3597).

#include "base/fmt.h"
#include "base/hex.h"
#include "net/dns/zone/internal.h"

// next takes a word or a quoted string into `in->ahead`; false at the end of the entry.
static bool next(rdata_input *in) {
  so_zone_lexer_next(in->lexer, &in->ahead);
  return in->ahead.kind == TOKEN_WORD || in->ahead.kind == TOKEN_QUOTED;
}

static const char *missing(const rdata_input *in) {
  return in->ahead.kind == TOKEN_BAD ? in->ahead.reason : "the data ends too soon";
}

// --- numbers ----------------------------------------------------------------------------------

static uint32_t unit_s(uint8_t c) {
  switch (c | 0x20) {
    case 's':
      return 1;
    case 'm':
      return 60;
    case 'h':
      return 3600;
    case 'd':
      return 86400;
    case 'w':
      return 604800;
    default:
      return 0;
  }
}

bool so_zone_read_ttl(so_bytes text, uint32_t *out) {
  uint64_t total = 0;
  uint64_t number = 0;
  size_t digits = 0;
  bool has_unit = false;
  for (size_t i = 0; i < text.len; i++) {
    const uint8_t c = text.ptr[i];
    if (c >= '0' && c <= '9') {
      number = number * 10 + (uint64_t)(c - '0');
      digits++;
    } else if (digits != 0 && unit_s(c) != 0) {
      total += number * unit_s(c);
      number = 0;
      digits = 0;
      has_unit = true;
    } else {
      return false;
    }
    if (number > SO_DNS_ZONE_TTL_MAX || total > SO_DNS_ZONE_TTL_MAX) {
      return false;
    }
  }
  // "1h30": the seconds of a sum must be named, or they would be read in two ways.
  if (text.len == 0 || (digits != 0 && has_unit)) {
    return false;
  }
  *out = (uint32_t)(total + number);
  return total + number <= SO_DNS_ZONE_TTL_MAX;
}

static void append_be(so_buf *out, uint64_t value, size_t bytes) {
  while (bytes != 0) {
    so_buf_append_u8(out, (uint8_t)(value >> 8 * --bytes));
  }
}

static bool parse_number(so_bytes text, uint64_t max, uint64_t *out) {
  while (text.len > 1 && text.ptr[0] == '0') {
    text = so_bytes_from(text, 1);
  }
  return so_ok(so_parse_u64(text, out)) && *out <= max;
}

// Algorithms by name (RFC 4034 A.1 and its successors).
static bool parse_algorithm(so_bytes text, uint64_t *out) {
  static const struct {
    const char *name;
    uint8_t number;
  } names[] = {
      {"RSASHA1", 5},    {"NSEC3-RSASHA1", 7},    {"RSASHA256", 8}, {"RSASHA512", 10},
      {"ECDSAP256SHA256", 13}, {"ECDSAP384SHA384", 14}, {"ED25519", 15},  {"ED448", 16},
  };
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (so_bytes_equal_nocase(text, so_str(names[i].name))) {
      *out = names[i].number;
      return true;
    }
  }
  return false;
}

static const char *read_number(rdata_input *in, size_t bytes, bool is_time) {
  const so_bytes text = in->ahead.text;
  uint64_t value = 0;
  uint32_t time_s = 0;
  const uint64_t max = UINT64_MAX >> (64 - 8 * bytes);
  if (parse_number(text, max, &value) || (bytes == 1 && parse_algorithm(text, &value))) {
    append_be(in->out, value, bytes);
    return NULL;
  }
  if (is_time && so_zone_read_ttl(text, &time_s)) {
    append_be(in->out, time_s, bytes);
    return NULL;
  }
  return "not a number that fits";
}

static bool two_digits(so_bytes text, size_t at, uint32_t *out) {
  const uint8_t a = text.ptr[at];
  const uint8_t b = text.ptr[at + 1];
  *out = (uint32_t)(a - '0') * 10 + (uint32_t)(b - '0');
  return a >= '0' && a <= '9' && b >= '0' && b <= '9';
}

// days_of counts days from 1970.
static uint64_t days_of(uint32_t year, uint32_t month, uint32_t day) {
  // Years that begin in March have their leap day last.
  const uint64_t y = month <= 2 ? year - 1 : year;
  const uint64_t m = month <= 2 ? month + 9 : month - 3;
  return y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1 - 719468;
}

// YYYYMMDDHHmmSS in UTC, or seconds (RFC 4034 3.2).
static const char *read_date(rdata_input *in) {
  const so_bytes text = in->ahead.text;
  uint64_t seconds;
  if (text.len != 14) {
    if (!parse_number(text, UINT32_MAX, &seconds)) {
      return "not a time";
    }
    append_be(in->out, seconds, 4);
    return NULL;
  }
  uint32_t part[7];
  for (size_t i = 0; i < 7; i++) {
    if (!two_digits(text, 2 * i, &part[i])) {
      return "not a time";
    }
  }
  const uint32_t year = part[0] * 100 + part[1];
  if (year < 1970 || part[2] < 1 || part[2] > 12 || part[3] < 1 || part[3] > 31 || part[4] > 23 ||
      part[5] > 59 || part[6] > 60) {
    return "not a time";
  }
  seconds = ((days_of(year, part[2], part[3]) * 24 + part[4]) * 60 + part[5]) * 60 + part[6];
  append_be(in->out, seconds & UINT32_MAX, 4);  // Serial arithmetic, as the RFC has it.
  return NULL;
}

// --- addresses --------------------------------------------------------------------------------

bool so_dns_ipv4_read(so_bytes text, uint8_t out[4]) {
  for (size_t i = 0; i < 4; i++) {
    const size_t len = so_bytes_find(text, '.');
    uint64_t value;
    if (!so_ok(so_parse_u64(so_bytes_first(text, len), &value)) || value > 255 ||
        (i < 3) != (len < text.len)) {
      return false;
    }
    out[i] = (uint8_t)value;
    text = so_bytes_from(text, len + 1);
  }
  return true;
}

static bool hex_group(so_bytes text, uint16_t *out) {
  unsigned value = 0;
  if (text.len == 0 || text.len > 4) {
    return false;
  }
  for (size_t i = 0; i < text.len; i++) {
    const uint8_t c = text.ptr[i];
    const unsigned lower = c | 0x20u;
    if (c >= '0' && c <= '9') {
      value = value * 16 + (unsigned)(c - '0');
    } else if (lower >= 'a' && lower <= 'f') {
      value = value * 16 + lower - 'a' + 10;
    } else {
      return false;
    }
  }
  *out = (uint16_t)value;
  return true;
}

// read_groups reads groups up to "::" or the end; the last may be an IPv4 address.
static bool read_groups(so_bytes text, uint8_t out[16], size_t *len) {
  *len = 0;
  while (text.len != 0) {
    const size_t n = so_bytes_find(text, ':');
    const so_bytes part = so_bytes_first(text, n);
    uint16_t group;
    if (n == text.len && so_bytes_find(part, '.') != part.len) {
      if (*len > 12 || !so_dns_ipv4_read(part, out + *len)) {
        return false;
      }
      *len += 4;
    } else {
      if (*len > 14 || !hex_group(part, &group)) {
        return false;
      }
      out[(*len)++] = (uint8_t)(group >> 8);
      out[(*len)++] = (uint8_t)group;
    }
    if (n + 1 == text.len) {
      return false;  // A colon at the end.
    }
    text = so_bytes_from(text, n + 1);
  }
  return true;
}

bool so_dns_ipv6_read(so_bytes text, uint8_t out[16]) {
  size_t gap = 0;
  while (gap + 1 < text.len && !(text.ptr[gap] == ':' && text.ptr[gap + 1] == ':')) {
    gap++;
  }
  const bool has_gap = gap + 1 < text.len;
  uint8_t tail[16];
  size_t head_len;
  size_t tail_len = 0;
  for (size_t i = 0; i < 16; i++) {
    out[i] = 0;
  }
  if (!read_groups(has_gap ? so_bytes_first(text, gap) : text, out, &head_len) ||
      (has_gap && !read_groups(so_bytes_from(text, gap + 2), tail, &tail_len))) {
    return false;
  }
  if (has_gap ? head_len + tail_len > 14 : head_len != 16) {
    return false;
  }
  for (size_t i = 0; i < tail_len; i++) {
    out[16 - tail_len + i] = tail[i];
  }
  return true;
}

// --- strings and blobs ------------------------------------------------------------------------

static const char *read_string(rdata_input *in) {
  so_buf_clear(in->scratch);
  if (!so_zone_unescape(in->ahead.text, in->scratch)) {
    return "a bad escape";
  }
  if (in->scratch->len > 255) {
    return "a string of more than 255 bytes";
  }
  so_buf_append_u8(in->out, (uint8_t)in->scratch->len);
  so_buf_append(in->out, so_buf_bytes(in->scratch));
  return NULL;
}

// join_rest appends all tokens that are left, beginning with the one ahead, without white space.
static const char *join_rest(rdata_input *in) {
  so_buf_clear(in->scratch);
  do {
    so_buf_append(in->scratch, in->ahead.text);
  } while (next(in));
  return in->ahead.kind == TOKEN_BAD || in->scratch->failed ? missing(in) : NULL;
}

static const char *append_hex(so_buf *out, so_bytes text) {
  uint8_t *const room = so_buf_reserve(out, text.len / 2);
  if (room == NULL || text.len % 2 != 0 || !so_ok(so_hex_read(text, room, text.len / 2))) {
    return "not hexadecimal";
  }
  so_buf_commit(out, text.len / 2);
  return NULL;
}

static const char *append_base64(so_buf *out, so_bytes text) {
  uint8_t *const room = so_buf_reserve(out, text.len / 4 * 3 < SO_DNS_RDATA_LEN_MAX - out->len
                                                ? text.len / 4 * 3
                                                : SO_DNS_RDATA_LEN_MAX - out->len);
  if (room == NULL) {
    return "the data is too long";
  }
  so_writer w = so_writer_of(room, out->cap - out->len);
  so_bytes bytes;
  if (!so_ok(so_base64_read(SO_BASE64, text, &w)) || !so_ok(so_writer_end(&w, &bytes))) {
    return "not base64";
  }
  so_buf_commit(out, bytes.len);
  return NULL;
}

static int base32hex_digit(uint8_t c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const int lower = c | 0x20;
  return lower >= 'a' && lower <= 'v' ? lower - 'a' + 10 : -1;
}

// A hash in base32hex without padding (RFC 5155 section 3.3), a length byte in front.
static const char *read_base32hex(rdata_input *in) {
  const so_bytes text = in->ahead.text;
  const size_t len = text.len * 5 / 8;
  uint32_t bits = 0;
  unsigned held = 0;
  if (len == 0 || len > 255) {
    return "not base32hex";
  }
  so_buf_append_u8(in->out, (uint8_t)len);
  for (size_t i = 0; i < text.len; i++) {
    const int digit = base32hex_digit(text.ptr[i]);
    if (digit < 0) {
      return "not base32hex";
    }
    bits = bits << 5 | (uint32_t)digit;
    held += 5;
    if (held >= 8) {
      held -= 8;
      so_buf_append_u8(in->out, (uint8_t)(bits >> held));
    }
  }
  return (bits & ((1u << held) - 1)) == 0 ? NULL : "not base32hex";
}

// A salt: "-" for none, or hexadecimal, a length byte in front.
static const char *read_salt(rdata_input *in) {
  const so_bytes text = in->ahead.text;
  if (text.len == 1 && text.ptr[0] == '-') {
    so_buf_append_u8(in->out, 0);
    return NULL;
  }
  if (text.len > 510) {
    return "not hexadecimal";
  }
  so_buf_append_u8(in->out, (uint8_t)(text.len / 2));
  return append_hex(in->out, text);
}

static bool read_eui(so_bytes text, size_t bytes, so_buf *out) {
  for (size_t i = 0; i < bytes; i++) {
    uint8_t byte;
    if (text.len != 3 * (bytes - i) - 1 || !so_ok(so_hex_read(so_bytes_first(text, 2), &byte, 1)) ||
        (i + 1 < bytes && text.ptr[2] != '-')) {
      return false;
    }
    so_buf_append_u8(out, byte);
    text = so_bytes_from(text, 3);
  }
  return true;
}

// --- type bit maps ----------------------------------------------------------------------------

static void append_windows(const uint8_t bits[8192], so_buf *out) {
  for (size_t window = 0; window < 256; window++) {
    size_t len = 32;
    while (len != 0 && bits[window * 32 + len - 1] == 0) {
      len--;
    }
    if (len != 0) {
      so_buf_append_u8(out, (uint8_t)window);
      so_buf_append_u8(out, (uint8_t)len);
      so_buf_append(out, so_bytes_of(bits + window * 32, len));
    }
  }
}

// The tokens that are left are types; one is ahead unless the entry has ended.
static const char *read_bitmap(rdata_input *in) {
  so_buf_clear(in->scratch);
  uint8_t *const bits = so_buf_reserve(in->scratch, 8192);
  if (bits == NULL) {
    return "the data is too long";
  }
  for (size_t i = 0; i < 8192; i++) {
    bits[i] = 0;
  }
  while (in->ahead.kind == TOKEN_WORD) {
    uint16_t type;
    if (!so_ok(so_dns_type_from_text(in->ahead.text, &type))) {
      return "not a type";
    }
    bits[type / 8] |= (uint8_t)(0x80 >> type % 8);
    if (!next(in) && in->ahead.kind == TOKEN_BAD) {
      return missing(in);
    }
  }
  append_windows(bits, in->out);
  return NULL;
}

// --- fields -----------------------------------------------------------------------------------

static const char *read_name(rdata_input *in) {
  so_dns_name name;
  if (in->ahead.kind != TOKEN_WORD ||
      !so_ok(so_dns_name_from_text(in->ahead.text, in->origin, &name))) {
    return "not a name";
  }
  so_buf_append(in->out, so_dns_name_view(&name));
  return NULL;
}

static const char *read_type(rdata_input *in) {
  uint16_t type;
  if (!so_ok(so_dns_type_from_text(in->ahead.text, &type))) {
    return "not a type";
  }
  append_be(in->out, type, 2);
  return NULL;
}

static const char *read_address(rdata_input *in, bool is_ipv6) {
  uint8_t bytes[16];
  const so_bytes text = in->ahead.text;
  if (is_ipv6 ? !so_dns_ipv6_read(text, bytes) : !so_dns_ipv4_read(text, bytes)) {
    return "not an address";
  }
  so_buf_append(in->out, so_bytes_of(bytes, is_ipv6 ? 16 : 4));
  return NULL;
}

static const char *read_text(rdata_input *in) {
  return so_zone_unescape(in->ahead.text, in->out) ? NULL : "a bad escape";
}

// read_single reads a field of one token, which is ahead.
static const char *read_single(rdata_input *in, char field, bool is_time) {
  switch (field) {
    case '1':
      return read_number(in, 1, false);
    case '2':
      return read_number(in, 2, false);
    case '4':
      return read_number(in, 4, is_time);
    case 'y':
      return read_type(in);
    case 'd':
      return read_date(in);
    case 'a':
      return read_address(in, false);
    case 'A':
      return read_address(in, true);
    case 'c':
    case 'n':
      return read_name(in);
    case 's':
    case 't':
      return read_string(in);
    case 'v':
      return read_text(in);
    case 'X':
      return read_salt(in);
    case 'H':
      return read_base32hex(in);
    case 'e':
      return read_eui(in->ahead.text, 6, in->out) ? NULL : "not an EUI-48";
    default:
      return read_eui(in->ahead.text, 8, in->out) ? NULL : "not an EUI-64";
  }
}

// read_rest reads a field that takes all tokens that are left, and so is the last of its type.
static const char *read_rest(rdata_input *in, char field) {
  const bool any = next(in);
  if (in->ahead.kind == TOKEN_BAD) {
    return missing(in);
  }
  if (field == 'm') {
    return read_bitmap(in);
  }
  if (field == 'p') {
    return any ? so_zone_read_params(in, &in->ahead) : NULL;
  }
  if (!any) {
    return "the data ends too soon";
  }
  if (field == 'S') {
    const char *reason = NULL;
    do {
      reason = read_string(in);
    } while (reason == NULL && next(in));
    return reason != NULL ? reason : in->ahead.kind == TOKEN_BAD ? missing(in) : NULL;
  }
  const char *const reason = join_rest(in);
  if (reason != NULL) {
    return reason;
  }
  return field == 'x' ? append_hex(in->out, so_buf_bytes(in->scratch))
                      : append_base64(in->out, so_buf_bytes(in->scratch));
}

static bool takes_rest(char field) {
  return field == 'm' || field == 'p' || field == 'S' || field == 'x' || field == 'b';
}

static const char *end_of_entry(rdata_input *in) {
  if (next(in)) {
    return "too much data";
  }
  return in->ahead.kind == TOKEN_BAD ? missing(in) : NULL;
}

// \# LENGTH HEX (RFC 3597 section 5).
static const char *read_generic(rdata_input *in) {
  uint64_t len;
  if (!next(in) || !parse_number(in->ahead.text, SO_DNS_RDATA_LEN_MAX, &len)) {
    return "\\# wants a length";
  }
  const char *reason = NULL;
  if (!next(in)) {
    reason = in->ahead.kind == TOKEN_BAD ? missing(in) : NULL;
  } else {
    reason = join_rest(in);
    if (reason == NULL) {
      reason = append_hex(in->out, so_buf_bytes(in->scratch));
    }
  }
  if (reason != NULL) {
    return reason;
  }
  return in->out->len == len ? NULL : "the data does not have the length stated";
}

const char *so_zone_read_rdata(rdata_input *in, uint16_t type) {
  static const so_bytes generic = {(const uint8_t *)"\\#", 2};
  const so_dns_type_info *const info = so_dns_type_find(type);
  const lexer before = *in->lexer;
  if (next(in) && in->ahead.kind == TOKEN_WORD && so_bytes_equal(in->ahead.text, generic)) {
    return read_generic(in);
  }
  if (info == NULL) {
    return "the data of a type that is not known begins with \\#";
  }
  *in->lexer = before;
  for (const char *f = info->fields; *f != 0; f++) {
    if (takes_rest(*f)) {
      return read_rest(in, *f);
    }
    if (!next(in)) {
      return missing(in);
    }
    const char *const reason = read_single(in, *f, type == SO_DNS_SOA);
    if (reason != NULL) {
      return reason;
    }
  }
  return end_of_entry(in);
}
