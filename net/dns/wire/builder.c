// Messages written, with names compressed against those written before.

#include "base/mem.h"
#include "base/reader.h"
#include "net/dns/wire/wire.h"

// The highest offset that a pointer of 14 bits reaches.
#define POINTER_MAX 0x3fff
#define POINTER_BITS 0xc000u
#define TRUNCATED 0x02

void so_dns_builder_init(so_dns_builder *b, uint8_t *buf, size_t cap, const so_dns_header *header) {
  b->w = so_writer_of(buf, cap);
  b->target_count = 0;
  memset(b->counts, 0, sizeof b->counts);
  so_write_u16be(&b->w, header->id);
  so_write_u16be(&b->w, (uint16_t)((header->qr ? 0x8000u : 0) | (header->opcode & 0xfu) << 11 |
                                   (header->aa ? 0x0400u : 0) | (header->tc ? 0x0200u : 0) |
                                   (header->rd ? 0x0100u : 0) | (header->ra ? 0x0080u : 0) |
                                   (header->ad ? 0x0020u : 0) | (header->cd ? 0x0010u : 0) |
                                   (header->rcode & 0xfu)));
  so_write_zeros(&b->w, 8);
}

// --- compression ------------------------------------------------------------------------------

// matches compares the name written at `at` (which may end in a pointer) with `name`. What is
// written is ours, and its pointers point backwards; the name being written has no end yet.
static bool matches(const so_dns_builder *b, size_t at, so_bytes name) {
  const uint8_t *const buf = b->w.buf;
  while (at < b->w.len) {
    while (buf[at] >= 0xc0) {
      at = (size_t)(buf[at] & 0x3f) << 8 | buf[at + 1];
    }
    const size_t n = (size_t)buf[at] + 1;
    if (buf[at] != name.ptr[0]) {
      return false;
    }
    if (n == 1) {
      return true;
    }
    if (!so_bytes_equal_nocase(so_bytes_of(buf + at + 1, n - 1),
                               so_bytes_of(name.ptr + 1, n - 1))) {
      return false;
    }
    at += n;
    name = so_bytes_from(name, n);
  }
  return false;
}

static bool find_target(const so_dns_builder *b, so_bytes name, uint16_t *out) {
  for (size_t i = 0; i < b->target_count; i++) {
    if (matches(b, b->targets[i], name)) {
      *out = b->targets[i];
      return true;
    }
  }
  return false;
}

static void add_target(so_dns_builder *b) {
  if (b->target_count < SO_DNS_TARGETS_MAX && b->w.len <= POINTER_MAX) {
    b->targets[b->target_count++] = (uint16_t)b->w.len;
  }
}

// write_name writes label after label until the rest was written before. `compress` false writes
// all of it, which later names may still point to.
static void write_name(so_dns_builder *b, so_bytes name, bool compress) {
  while (name.ptr[0] != 0 && !b->w.failed) {
    uint16_t target;
    if (compress && find_target(b, name, &target)) {
      so_write_u16be(&b->w, (uint16_t)(POINTER_BITS | target));
      return;
    }
    add_target(b);
    so_write_bytes(&b->w, so_bytes_first(name, (size_t)name.ptr[0] + 1));
    name = so_dns_name_parent(name);
  }
  so_write_u8(&b->w, 0);
}

// --- records ----------------------------------------------------------------------------------

void so_dns_write_question(so_dns_builder *b, so_bytes name, uint16_t type, uint16_t qclass) {
  write_name(b, name, true);
  so_write_u16be(&b->w, type);
  so_write_u16be(&b->w, qclass);
  b->counts[SO_DNS_QUESTION]++;
}

// write_names writes data that begins as `fields` say, up to the first field that is no name and no
// fixed number, with its names compressed; the rest as it is.
static void write_compressed(so_dns_builder *b, const char *fields, so_bytes rdata) {
  for (; *fields == 'c' || *fields == '2'; fields++) {
    if (*fields == '2') {
      so_write_bytes(&b->w, so_bytes_first(rdata, 2));
      rdata = so_bytes_from(rdata, 2);
      continue;
    }
    size_t len = 0;
    so_dns_name name;
    if (!so_ok(so_dns_name_skip(rdata, &len)) ||
        !so_ok(so_dns_name_copy(so_bytes_first(rdata, len), &name))) {
      b->w.failed = true;
      return;
    }
    write_name(b, so_bytes_first(rdata, len), true);
    rdata = so_bytes_from(rdata, len);
  }
  so_write_bytes(&b->w, rdata);
}

static const char *compressible(uint16_t type) {
  // The types of RFC 1035, all numbered below 16.
  const so_dns_type_info *const info = type < 16 ? so_dns_type_find(type) : NULL;
  const char *const fields = info != NULL ? info->fields : NULL;
  return fields != NULL && (fields[0] == 'c' || (fields[0] == '2' && fields[1] == 'c')) ? fields
                                                                                        : NULL;
}

void so_dns_write_rr(so_dns_builder *b, so_dns_section section, so_bytes owner, uint16_t type,
                     uint16_t rclass, uint32_t ttl, so_bytes rdata) {
  write_name(b, owner, true);
  so_write_u16be(&b->w, type);
  so_write_u16be(&b->w, rclass);
  so_write_u32be(&b->w, ttl);
  const size_t mark = so_open16(&b->w);
  const char *const fields = compressible(type);
  if (fields != NULL) {
    write_compressed(b, fields, rdata);
  } else {
    so_write_bytes(&b->w, rdata);
  }
  so_close16(&b->w, mark);
  if (b->counts[section] == UINT16_MAX) {
    b->w.failed = true;
    return;
  }
  b->counts[section]++;
}

// --- the whole --------------------------------------------------------------------------------

so_dns_mark so_dns_builder_mark(const so_dns_builder *b) {
  so_dns_mark m = {b->w.len, {0}, b->target_count};
  memcpy(m.counts, b->counts, sizeof m.counts);
  return m;
}

void so_dns_builder_rewind(so_dns_builder *b, const so_dns_mark *mark) {
  b->w.len = mark->len;
  b->w.failed = false;
  memcpy(b->counts, mark->counts, sizeof b->counts);
  b->target_count = mark->target_count;
}

void so_dns_builder_set_truncated(so_dns_builder *b) {
  if (b->w.len >= SO_DNS_HEADER_LEN) {
    b->w.buf[2] |= TRUNCATED;
  }
}

so_status so_dns_builder_end(so_dns_builder *b, so_bytes *out) {
  SO_TRY(so_writer_end(&b->w, out));
  so_writer counts = so_writer_of(b->w.buf + 4, 8);
  for (size_t i = 0; i < 4; i++) {
    so_write_u16be(&counts, b->counts[i]);
  }
  return so_done();
}
