// Service parameters as text (RFC 9460 section 2.1 and appendix A).

#include "base/fmt.h"
#include "base/hex.h"
#include "base/sort.h"
#include "net/dns/zone/internal.h"

#define PARAMS_MAX 64
#define KEY_MANDATORY 0
#define KEY_ALPN 1
#define KEY_NO_DEFAULT_ALPN 2
#define KEY_PORT 3
#define KEY_IPV4HINT 4
#define KEY_ECH 5
#define KEY_IPV6HINT 6

typedef struct param {
  uint16_t key;
  bool has_value;
  so_bytes text;  // As written, without quotes.
} param;

static bool find_key(so_bytes name, uint16_t *out) {
  static const char *const names[] = {"mandatory", "alpn", "no-default-alpn",
                                      "port",      "ipv4hint", "ech",
                                      "ipv6hint",  "dohpath", "ohttp"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (so_bytes_equal(name, so_str(names[i]))) {
      *out = (uint16_t)i;
      return true;
    }
  }
  uint64_t number;
  if (!so_bytes_has_prefix(name, so_str("key")) ||
      !so_ok(so_parse_u64(so_bytes_from(name, 3), &number)) || number >= UINT16_MAX) {
    return false;
  }
  *out = (uint16_t)number;
  return true;
}

static bool split(so_bytes text, param *out) {
  const size_t at = so_bytes_find(text, '=');
  out->has_value = at != text.len;
  out->text = so_bytes_from(text, at + 1);
  if (out->text.len >= 2 && out->text.ptr[0] == '"' && out->text.ptr[out->text.len - 1] == '"') {
    out->text = so_bytes_first(so_bytes_from(out->text, 1), out->text.len - 2);
  }
  return find_key(so_bytes_first(text, at), &out->key);
}

static void append_u16(so_buf *out, uint16_t v) {
  so_buf_append_u8(out, (uint8_t)(v >> 8));
  so_buf_append_u8(out, (uint8_t)v);
}

static bool next_item(so_bytes *rest, so_bytes *out) {
  if (rest->len == 0) {
    return false;
  }
  const size_t n = so_bytes_find(*rest, ',');
  *out = so_bytes_first(*rest, n);
  *rest = so_bytes_from(*rest, n + 1);
  return true;
}

static int compare_keys(void *ctx, const void *a, const void *b) {
  (void)ctx;
  return (int)*(const uint16_t *)a - (int)*(const uint16_t *)b;
}

static bool append_mandatory(so_bytes text, so_buf *out) {
  uint16_t keys[PARAMS_MAX];
  size_t count = 0;
  so_bytes item;
  while (next_item(&text, &item)) {
    if (count == PARAMS_MAX || !find_key(item, &keys[count]) || keys[count] == KEY_MANDATORY) {
      return false;
    }
    count++;
  }
  so_sort(keys, count, sizeof keys[0], compare_keys, NULL);
  for (size_t i = 0; i < count; i++) {
    if (i != 0 && keys[i] == keys[i - 1]) {
      return false;
    }
    append_u16(out, keys[i]);
  }
  return count != 0;
}

// append_alpn splits at commas; a backslash that the string's own escapes left quotes one
// character.
static bool append_alpn(so_bytes text, so_buf *out) {
  uint8_t id[255];
  size_t len = 0;
  for (size_t i = 0; i <= text.len; i++) {
    if (i == text.len || text.ptr[i] == ',') {
      if (len == 0) {
        return false;
      }
      so_buf_append_u8(out, (uint8_t)len);
      so_buf_append(out, so_bytes_of(id, len));
      len = 0;
      continue;
    }
    if (text.ptr[i] == '\\' && ++i == text.len) {
      return false;
    }
    if (len == sizeof id) {
      return false;
    }
    id[len++] = text.ptr[i];
  }
  return true;
}

static bool append_hints(so_bytes text, bool is_ipv6, so_buf *out) {
  so_bytes item;
  size_t count = 0;
  while (next_item(&text, &item)) {
    uint8_t address[16];
    if (is_ipv6 ? !so_dns_ipv6_read(item, address) : !so_dns_ipv4_read(item, address)) {
      return false;
    }
    so_buf_append(out, so_bytes_of(address, is_ipv6 ? 16 : 4));
    count++;
  }
  return count != 0;
}

static bool append_port(so_bytes text, so_buf *out) {
  uint64_t port;
  if (!so_ok(so_parse_u64(text, &port)) || port > UINT16_MAX) {
    return false;
  }
  append_u16(out, (uint16_t)port);
  return true;
}

static bool append_ech(so_bytes text, so_buf *out) {
  uint8_t *const room = so_buf_reserve(out, text.len);
  if (room == NULL) {
    return false;
  }
  so_writer w = so_writer_of(room, text.len);
  if (text.len == 0 || !so_ok(so_base64_read(SO_BASE64, text, &w))) {
    return false;
  }
  so_buf_commit(out, w.len);
  return true;
}

static bool append_value(rdata_input *in, const param *p) {
  so_buf_clear(in->scratch);
  if (!so_zone_unescape(p->text, in->scratch)) {
    return false;
  }
  const so_bytes value = so_buf_bytes(in->scratch);
  switch (p->key) {
    case KEY_MANDATORY:
      return append_mandatory(value, in->out);
    case KEY_ALPN:
      return append_alpn(value, in->out);
    case KEY_NO_DEFAULT_ALPN:
      return !p->has_value;
    case KEY_PORT:
      return append_port(value, in->out);
    case KEY_IPV4HINT:
      return append_hints(value, false, in->out);
    case KEY_ECH:
      return append_ech(value, in->out);
    case KEY_IPV6HINT:
      return append_hints(value, true, in->out);
    default:
      so_buf_append(in->out, value);
      return true;
  }
}

static int compare_params(void *ctx, const void *a, const void *b) {
  (void)ctx;
  return (int)((const param *)a)->key - (int)((const param *)b)->key;
}

const char *so_zone_read_params(rdata_input *in, const token *first) {
  param params[PARAMS_MAX];
  size_t count = 0;
  for (token t = *first; t.kind == TOKEN_WORD; t = in->ahead) {
    if (count == PARAMS_MAX || !split(t.text, &params[count])) {
      return "not a service parameter";
    }
    count++;
    so_zone_lexer_next(in->lexer, &in->ahead);
  }
  if (in->ahead.kind == TOKEN_BAD || in->ahead.kind == TOKEN_QUOTED) {
    return in->ahead.kind == TOKEN_BAD ? in->ahead.reason : "not a service parameter";
  }
  so_sort(params, count, sizeof params[0], compare_params, NULL);
  for (size_t i = 0; i < count; i++) {
    if (i != 0 && params[i].key == params[i - 1].key) {
      return "a service parameter stands twice";
    }
    append_u16(in->out, params[i].key);
    const size_t mark = in->out->len;
    append_u16(in->out, 0);
    if (!append_value(in, &params[i]) || in->out->failed || in->out->len - mark - 2 > UINT16_MAX) {
      return "the value of a service parameter is bad";
    }
    const size_t len = in->out->len - mark - 2;
    in->out->ptr[mark] = (uint8_t)(len >> 8);
    in->out->ptr[mark + 1] = (uint8_t)len;
  }
  return NULL;
}
