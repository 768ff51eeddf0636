// The data of records, walked field by field as types.c lays it out.

#include "base/reader.h"
#include "net/dns/wire/wire.h"

static so_status malformed(void) { return so_status_make(SO_MALFORMED, 0); }

// Data being walked. `message` ends where the data ends, so that no field reads past it, while
// pointers still reach what stands before.
typedef struct walk {
  so_bytes message;
  size_t offset;
  bool may_point;  // Names may be compressed.
  so_writer *w;    // NULL: check only.
} walk;

static bool take(walk *k, size_t n) {
  if (n > k->message.len - k->offset) {
    return false;
  }
  if (k->w != NULL) {
    so_write_bytes(k->w, so_bytes_of(k->message.ptr + k->offset, n));
  }
  k->offset += n;
  return true;
}

static so_bytes rest(const walk *k) { return so_bytes_from(k->message, k->offset); }

static bool take_counted(walk *k) {
  const so_bytes left = rest(k);
  return left.len != 0 && take(k, (size_t)left.ptr[0] + 1);
}

static bool take_name(walk *k) {
  const size_t from = k->offset;
  so_dns_name name;
  if (!so_ok(so_dns_name_read(k->message, &k->offset, &name)) ||
      (!k->may_point && k->offset - from != name.len)) {
    return false;
  }
  if (k->w != NULL) {
    so_write_bytes(k->w, so_dns_name_view(&name));
  }
  return true;
}

static bool take_strings(walk *k) {
  bool any = false;
  while (rest(k).len != 0) {
    any = true;
    if (!take_counted(k)) {
      return false;
    }
  }
  return any;
}

// Windows in rising order, 1 to 32 bytes each, the last of which is not zero.
static bool take_bitmap(walk *k) {
  so_reader r = so_reader_of(rest(k));
  int last = -1;
  while (r.len != 0) {
    uint8_t window;
    so_reader bits;
    if (!so_read_u8(&r, &window) || !so_read_sub8(&r, &bits)) {
      return false;
    }
    if ((int)window <= last || bits.len == 0 || bits.len > 32 || bits.ptr[bits.len - 1] == 0) {
      return false;
    }
    last = window;
  }
  return so_reader_done(&r) && take(k, rest(k).len);
}

// Keys in rising order (RFC 9460 2.2).
static bool take_params(walk *k) {
  so_reader r = so_reader_of(rest(k));
  int last = -1;
  while (r.len != 0) {
    uint16_t key;
    so_reader value;
    if (!so_read_u16be(&r, &key) || !so_read_sub16(&r, &value) || (int)key <= last) {
      return false;
    }
    last = key;
  }
  return so_reader_done(&r) && take(k, rest(k).len);
}

static bool take_field(walk *k, char field) {
  switch (field) {
    case '1':
      return take(k, 1);
    case '2':
    case 'y':
      return take(k, 2);
    case '4':
    case 'd':
    case 'a':
      return take(k, 4);
    case 'e':
      return take(k, 6);
    case 'E':
      return take(k, 8);
    case 'A':
      return take(k, 16);
    case 'c':
    case 'n':
      return take_name(k);
    case 's':
    case 't':
    case 'X':
    case 'H':
      return take_counted(k);
    case 'S':
      return take_strings(k);
    case 'm':
      return take_bitmap(k);
    case 'p':
      return take_params(k);
    default:  // v, x, b: whatever is left.
      return take(k, rest(k).len);
  }
}

static so_status walk_fields(walk *k, uint16_t type) {
  const so_dns_type_info *const info = so_dns_type_find(type);
  if (info == NULL || info->fields == NULL) {
    return take(k, rest(k).len) ? so_done() : malformed();
  }
  for (const char *f = info->fields; *f != 0; f++) {
    if (!take_field(k, *f)) {
      return malformed();
    }
  }
  return rest(k).len == 0 ? so_done() : malformed();
}

so_status so_dns_rdata_read(so_bytes message, const so_dns_rr *rr, so_writer *w) {
  walk k = {so_bytes_first(message, rr->rdata_off + rr->rdata.len), rr->rdata_off, true, w};
  return walk_fields(&k, rr->type);
}

so_status so_dns_rdata_check(uint16_t type, so_bytes rdata) {
  walk k = {rdata, 0, false, NULL};
  return walk_fields(&k, type);
}

bool so_dns_type_in_bitmap(so_bytes bitmap, uint16_t type) {
  so_reader r = so_reader_of(bitmap);
  uint8_t window;
  so_reader bits;
  while (r.len != 0 && so_read_u8(&r, &window) && so_read_sub8(&r, &bits)) {
    const size_t byte = (type & 0xffu) / 8;
    if (window == type >> 8) {
      return byte < bits.len && (bits.ptr[byte] >> (7 - type % 8) & 1) != 0;
    }
  }
  return false;
}
