#include "base/fmt.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"

// Where formatted text goes.
typedef struct sink {
  void (*put)(void *ctx, so_bytes text);
  void *ctx;
} sink;

typedef enum length_mod {
  LENGTH_INT,
  LENGTH_LONG,
  LENGTH_LLONG,
  LENGTH_SIZE,
  LENGTH_MAX,
} length_mod;

// One conversion, as parsed from the format.
typedef struct conversion {
  bool left;
  bool zero;
  size_t width;
  bool has_precision;  // Only ".*".
  length_mod length;
  char type;
} conversion;

static const char *parse_conversion(const char *f, conversion *out) {
  const conversion none = {false, false, 0, false, LENGTH_INT, 0};
  *out = none;
  for (; *f == '-' || *f == '0'; f++) {
    out->left = out->left || *f == '-';
    out->zero = out->zero || *f == '0';
  }
  for (; *f >= '0' && *f <= '9'; f++) {
    out->width = out->width * 10 + (size_t)(*f - '0');
  }
  if (f[0] == '.') {
    SO_ASSERT(f[1] == '*');
    out->has_precision = true;
    f += 2;
  }
  for (; *f == 'h'; f++) {  // Promoted to int by the caller.
  }
  if (*f == 'l') {
    out->length = f[1] == 'l' ? LENGTH_LLONG : LENGTH_LONG;
    f += f[1] == 'l' ? 2 : 1;
  } else if (*f == 'z' || *f == 'j') {
    out->length = *f == 'z' ? LENGTH_SIZE : LENGTH_MAX;
    f++;
  }
  out->type = *f;
  return f + 1;
}

static void pad(const sink *s, char c, size_t count) {
  const uint8_t byte = (uint8_t)c;
  for (size_t i = 0; i < count; i++) {
    s->put(s->ctx, so_bytes_of(&byte, 1));
  }
}

static void put_padded(const sink *s, const conversion *c, so_bytes sign, so_bytes text) {
  const size_t len = sign.len + text.len;
  const size_t fill = c->width > len ? c->width - len : 0;
  if (!c->left && !c->zero) {
    pad(s, ' ', fill);
  }
  s->put(s->ctx, sign);
  if (!c->left && c->zero) {
    pad(s, '0', fill);
  }
  s->put(s->ctx, text);
  if (c->left) {
    pad(s, ' ', fill);
  }
}

static void put_number(const sink *s, const conversion *c, bool negative, uint64_t v) {
  uint8_t digits[20];
  size_t at = sizeof digits;
  const unsigned base = c->type == 'x' ? 16 : 10;
  do {
    const uint8_t d = (uint8_t)(v % base);
    digits[--at] = (uint8_t)(d < 10 ? '0' + d : 'a' + d - 10);
    v /= base;
  } while (v != 0);
  put_padded(s, c, so_bytes_of("-", negative ? 1 : 0),
             so_bytes_of(digits + at, sizeof digits - at));
}

// A va_list in a struct can be passed on by address; a bare one is an array on some targets.
typedef struct arguments {
  va_list list;
} arguments;

static uint64_t next_unsigned(arguments *a, length_mod length) {
  switch (length) {
    case LENGTH_INT:
      return va_arg(a->list, unsigned);
    case LENGTH_LONG:
      return va_arg(a->list, unsigned long);
    case LENGTH_LLONG:
      return va_arg(a->list, unsigned long long);
    case LENGTH_SIZE:
      return va_arg(a->list, size_t);
    case LENGTH_MAX:
      return va_arg(a->list, uintmax_t);
  }
  return 0;
}

static int64_t next_signed(arguments *a, length_mod length) {
  switch (length) {
    case LENGTH_INT:
      return va_arg(a->list, int);
    case LENGTH_LONG:
      return va_arg(a->list, long);
    case LENGTH_LLONG:
      return va_arg(a->list, long long);
    case LENGTH_SIZE:
      return (int64_t)va_arg(a->list, ptrdiff_t);
    case LENGTH_MAX:
      return va_arg(a->list, intmax_t);
  }
  return 0;
}

static void put_text(const sink *s, const conversion *c, arguments *a) {
  if (c->has_precision) {
    const int len = va_arg(a->list, int);
    const void *ptr = va_arg(a->list, const void *);
    put_padded(s, c, so_bytes_of(NULL, 0), so_bytes_of(ptr, len < 0 ? 0 : (size_t)len));
  } else {
    put_padded(s, c, so_bytes_of(NULL, 0), so_str(va_arg(a->list, const char *)));
  }
}

static void put_conversion(const sink *s, const conversion *c, arguments *a) {
  uint8_t byte;
  int64_t v;
  switch (c->type) {
    case '%':
      s->put(s->ctx, so_str("%"));
      break;
    case 'c':
      byte = (uint8_t)va_arg(a->list, int);
      s->put(s->ctx, so_bytes_of(&byte, 1));
      break;
    case 's':
      put_text(s, c, a);
      break;
    case 'd':
    case 'i':
      v = next_signed(a, c->length);
      put_number(s, c, v < 0, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
      break;
    case 'u':
    case 'x':
      put_number(s, c, false, next_unsigned(a, c->length));
      break;
    default:
      SO_ASSERT(false);
  }
}

static void format_all(const sink *s, const char *f, arguments *a) {
  while (*f != '\0') {
    size_t plain = 0;
    while (f[plain] != '\0' && f[plain] != '%') {
      plain++;
    }
    s->put(s->ctx, so_bytes_of(f, plain));
    f += plain;
    if (*f == '%') {
      conversion c;
      f = parse_conversion(f + 1, &c);
      put_conversion(s, &c, a);
    }
  }
}

static void put_buf(void *ctx, so_bytes text) { so_buf_append(ctx, text); }
static void put_writer(void *ctx, so_bytes text) { so_write_bytes(ctx, text); }

void so_buf_vprintf(so_buf *buf, const char *format, va_list args) {
  const sink s = {put_buf, buf};
  arguments a;
  va_copy(a.list, args);
  format_all(&s, format, &a);
  va_end(a.list);
}

void so_buf_printf(so_buf *buf, const char *format, ...) {
  va_list args;
  va_start(args, format);
  so_buf_vprintf(buf, format, args);
  va_end(args);
}

void so_write_printf(so_writer *w, const char *format, ...) {
  const sink s = {put_writer, w};
  arguments a;
  va_start(a.list, format);
  format_all(&s, format, &a);
  va_end(a.list);
}

so_status so_parse_u64(so_bytes text, uint64_t *out) {
  uint64_t v = 0;
  if (text.len == 0 || (text.len > 1 && text.ptr[0] == '0')) {
    return so_status_make(SO_MALFORMED, 0);
  }
  for (size_t i = 0; i < text.len; i++) {
    const uint8_t c = text.ptr[i];
    if (c < '0' || c > '9' || __builtin_mul_overflow(v, 10u, &v) ||
        __builtin_add_overflow(v, (uint64_t)(c - '0'), &v)) {
      return so_status_make(SO_MALFORMED, 0);
    }
  }
  *out = v;
  return so_done();
}
