// Names as bytes: reading with compression, comparing, cutting and joining.

#include "base/assert.h"
#include "base/mem.h"
#include "base/reader.h"
#include "net/dns/wire/fold.h"
#include "net/dns/wire/wire.h"

#define POINTER_BITS 0xc0

static so_status malformed(void) { return so_status_make(SO_MALFORMED, 0); }

static uint8_t lower(uint8_t c) { return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c; }

static bool is_letter(uint8_t c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }

// --- reading ----------------------------------------------------------------------------------

#define NO_JUMP SIZE_MAX

// Bytes with names in them, and the first that a pointer may lead to.
typedef struct name_area {
  so_bytes bytes;
  size_t least;
} name_area;

// read_labels appends the labels at `from` of `area` to `out`. It ends at the root (`*jump`
// NO_JUMP) or at a pointer, whose target is put into `*jump`. `*used` is how many bytes were read.
static bool read_labels(const name_area *area, size_t from, so_dns_name *out, size_t *used,
                        size_t *jump) {
  so_reader r = so_reader_of(so_bytes_from(area->bytes, from));
  const size_t all = r.len;
  uint8_t n = 0;
  so_bytes label;
  do {
    if (!so_read_u8(&r, &n)) {
      return false;
    }
    if ((n & POINTER_BITS) == POINTER_BITS) {
      uint8_t low;
      if (!so_read_u8(&r, &low)) {
        return false;
      }
      *jump = (size_t)(n & 0x3f) << 8 | low;
      *used = all - r.len;
      return *jump < from && *jump >= area->least;
    }
    if (n > SO_DNS_LABEL_LEN_MAX || (size_t)out->len + n + 1 > SO_DNS_NAME_LEN_MAX ||
        !so_read_bytes(&r, n, &label)) {
      return false;
    }
    out->bytes[out->len] = n;
    if (n != 0) {
      memcpy(out->bytes + out->len + 1, label.ptr, n);
    }
    out->len = (uint8_t)(out->len + n + 1);
  } while (n != 0);
  *used = all - r.len;
  *jump = NO_JUMP;
  return true;
}

so_status so_dns_name_read_in(so_bytes bytes, size_t least, size_t *offset, so_dns_name *out) {
  const name_area area = {bytes, least};
  so_dns_name name;
  size_t used;
  size_t jump;
  name.len = 0;
  if (!read_labels(&area, *offset, &name, &used, &jump)) {
    return malformed();
  }
  const size_t end = *offset + used;
  // Each target is less than the one before, so this ends.
  while (jump != NO_JUMP) {
    const size_t from = jump;
    if (!read_labels(&area, from, &name, &used, &jump)) {
      return malformed();
    }
  }
  out->len = name.len;
  memcpy(out->bytes, name.bytes, name.len);
  *offset = end;
  return so_done();
}

so_status so_dns_name_read(so_bytes message, size_t *offset, so_dns_name *out) {
  return so_dns_name_read_in(message, SO_DNS_HEADER_LEN, offset, out);
}

so_status so_dns_name_skip(so_bytes message, size_t *offset) {
  so_reader r = so_reader_of(so_bytes_from(message, *offset));
  const size_t all = r.len;
  uint8_t n = 1;
  while (n != 0) {
    if (!so_read_u8(&r, &n)) {
      return malformed();
    }
    if ((n & POINTER_BITS) == POINTER_BITS) {
      n = 0;
      if (!so_skip(&r, 1)) {
        return malformed();
      }
    } else if (n > SO_DNS_LABEL_LEN_MAX || !so_skip(&r, n)) {
      return malformed();
    }
  }
  *offset += all - r.len;
  return so_done();
}

so_status so_dns_name_copy(so_bytes wire, so_dns_name *out) {
  so_dns_name name;
  size_t used = 0;
  if (!so_ok(so_dns_name_read_in(wire, SO_DNS_NO_POINTERS, &used, &name)) || used != wire.len) {
    return malformed();
  }
  out->len = name.len;
  memcpy(out->bytes, name.bytes, name.len);
  return so_done();
}

// --- comparing --------------------------------------------------------------------------------

// Length bytes are at most 63, below the letters, so folding leaves them alone.
static bool same_folded(const uint8_t *a, const uint8_t *b, size_t len) {
  size_t i = 0;
  for (; i + 8 <= len; i += 8) {
    if (so_dns_fold8(so_dns_load8(a + i)) != so_dns_fold8(so_dns_load8(b + i))) {
      return false;
    }
  }
  for (; i < len; i++) {
    if (lower(a[i]) != lower(b[i])) {
      return false;
    }
  }
  return true;
}

bool so_dns_name_equal(so_bytes a, so_bytes b) {
  return a.len == b.len && same_folded(a.ptr, b.ptr, a.len);
}

so_bytes so_dns_name_parent(so_bytes name) {
  SO_ASSERT(name.len != 0 && name.ptr[0] < name.len);
  return name.ptr[0] == 0 ? name : so_bytes_from(name, (size_t)name.ptr[0] + 1);
}

size_t so_dns_name_labels(so_bytes name) {
  size_t count = 0;
  for (; name.ptr[0] != 0; name = so_dns_name_parent(name)) {
    count++;
  }
  return count;
}

bool so_dns_name_is_under(so_bytes name, so_bytes ancestor) {
  while (name.len > ancestor.len) {
    name = so_dns_name_parent(name);
  }
  return so_dns_name_equal(name, ancestor);
}

bool so_dns_name_is_wildcard(so_bytes name) {
  return name.len >= 2 && name.ptr[0] == 1 && name.ptr[1] == '*';
}

static int compare_label(const uint8_t *a, const uint8_t *b) {
  const size_t least = a[0] < b[0] ? a[0] : b[0];
  for (size_t i = 1; i <= least; i++) {
    const uint8_t x = lower(a[i]);
    const uint8_t y = lower(b[i]);
    if (x != y) {
      return x < y ? -1 : 1;
    }
  }
  return a[0] == b[0] ? 0 : a[0] < b[0] ? -1 : 1;
}

static size_t label_offsets(so_bytes name, uint8_t out[SO_DNS_LABELS_MAX]) {
  size_t count = 0;
  for (size_t at = 0; name.ptr[at] != 0; at += (size_t)name.ptr[at] + 1) {
    SO_ASSERT(count < SO_DNS_LABELS_MAX);
    out[count++] = (uint8_t)at;
  }
  return count;
}

int so_dns_name_compare(so_bytes a, so_bytes b) {
  uint8_t a_at[SO_DNS_LABELS_MAX];
  uint8_t b_at[SO_DNS_LABELS_MAX];
  size_t a_left = label_offsets(a, a_at);
  size_t b_left = label_offsets(b, b_at);
  while (a_left != 0 && b_left != 0) {
    const int c = compare_label(a.ptr + a_at[--a_left], b.ptr + b_at[--b_left]);
    if (c != 0) {
      return c;
    }
  }
  return a_left == b_left ? 0 : a_left < b_left ? -1 : 1;
}

// --- changing ---------------------------------------------------------------------------------

void so_dns_name_lower(so_dns_name *name) {
  for (size_t i = 0; i < name->len; i++) {
    name->bytes[i] = lower(name->bytes[i]);
  }
}

void so_dns_name_mix_case(so_dns_name *name, const uint8_t bits[32]) {
  size_t letter = 0;
  for (size_t i = 0; i < name->len; i++) {
    uint8_t *const c = &name->bytes[i];
    if (is_letter(*c)) {
      const unsigned upper = bits[letter / 8 % 32] >> letter % 8 & 1u;
      *c = (uint8_t)((*c & ~0x20u) | (upper != 0 ? 0u : 0x20u));
      letter++;
    }
  }
}

so_status so_dns_name_substitute(so_bytes name, so_bytes from, so_bytes to, so_dns_name *out) {
  SO_ASSERT(name.len >= from.len);
  const size_t kept = name.len - from.len;
  if (kept + to.len > SO_DNS_NAME_LEN_MAX) {
    return so_status_make(SO_LIMIT, 0);
  }
  memmove(out->bytes, name.ptr, kept);
  memcpy(out->bytes + kept, to.ptr, to.len);
  out->len = (uint8_t)(kept + to.len);
  return so_done();
}
