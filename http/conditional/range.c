// Byte ranges (RFC 9110 14).

#include "base/fmt.h"
#include "http/conditional/conditional.h"

static so_status ignore(void) { return so_status_make(SO_UNSUPPORTED, 0); }
static so_status unsatisfiable(void) { return so_status_make(SO_LIMIT, 416); }

static bool is_digits(so_bytes text) {
  for (size_t i = 0; i < text.len; i++) {
    if (text.ptr[i] < '0' || text.ptr[i] > '9') {
      return false;
    }
  }
  return text.len != 0;
}

// read_number gives the largest number for one that is larger still: as an offset they mean the same.
static bool read_number(so_bytes text, uint64_t *out) {
  if (!is_digits(text)) {
    return false;
  }
  uint64_t n = 0;
  for (size_t i = 0; i < text.len; i++) {
    const uint64_t digit = (uint64_t)(text.ptr[i] - '0');
    n = n > (UINT64_MAX - digit) / 10 ? UINT64_MAX : n * 10 + digit;
  }
  *out = n;
  return true;
}

static so_status suffix(so_bytes count_text, uint64_t size, so_range *out) {
  uint64_t count;
  if (!read_number(count_text, &count)) {
    return ignore();
  }
  if (count == 0 || size == 0) {
    return unsatisfiable();
  }
  out->len = count < size ? count : size;
  out->first = size - out->len;
  return so_done();
}

so_status so_range_parse(so_bytes value, uint64_t size, so_range *out) {
  const so_bytes unit = so_str("bytes=");
  uint64_t first;
  uint64_t last = UINT64_MAX;
  if (!so_bytes_equal_nocase(so_bytes_first(value, unit.len), unit)) {
    return ignore();
  }
  const so_bytes spec = so_bytes_from(value, unit.len);
  const size_t dash = so_bytes_find(spec, '-');
  if (dash == spec.len) {
    return ignore();
  }
  const so_bytes last_text = so_bytes_from(spec, dash + 1);
  if (dash == 0) {
    return suffix(last_text, size, out);
  }
  if (!read_number(so_bytes_first(spec, dash), &first) ||
      (last_text.len != 0 && !read_number(last_text, &last)) || last < first) {
    return ignore();
  }
  if (first >= size) {
    return unsatisfiable();
  }
  out->first = first;
  out->len = (last < size - 1 ? last : size - 1) - first + 1;
  return so_done();
}

void so_range_write(so_writer *w, const so_range *range, uint64_t size) {
  if (range == NULL) {
    so_write_printf(w, "bytes */%llu", (unsigned long long)size);
    return;
  }
  so_write_printf(w, "bytes %llu-%llu/%llu", (unsigned long long)range->first,
                  (unsigned long long)(range->first + range->len - 1), (unsigned long long)size);
}
