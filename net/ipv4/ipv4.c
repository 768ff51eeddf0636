#include "net/ipv4/ipv4.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/reader.h"
#include "net/checksum/checksum.h"

enum {
  FLAG_DONT_FRAGMENT = 0x4000,
  FLAG_MORE_FRAGMENTS = 0x2000,
  OFFSET_MASK = 0x1fff,
  OPTION_END = 0,
  OPTION_NOP = 1,
  OPTION_LOOSE_ROUTE = 131,
  OPTION_STRICT_ROUTE = 137,
};

uint8_t so_ipv4_header_len(uint8_t first) {
  const uint8_t len = (uint8_t)((first & 0x0f) * 4);
  return first >> 4 == 4 && len >= SO_IPV4_HEADER_LEN ? len : 0;
}

static so_status malformed(void) { return so_status_make(SO_MALFORMED, 0); }

// Bounded: each round consumes at least a byte of at most 40.
static so_status check_options(so_bytes options) {
  so_reader r = so_reader_of(options);
  while (r.len != 0) {
    uint8_t kind;
    uint8_t len;
    if (!so_read_u8(&r, &kind) || kind == OPTION_END) {
      return so_done();
    }
    if (kind == OPTION_NOP) {
      continue;
    }
    if (!so_read_u8(&r, &len) || len < 2 || !so_skip(&r, len - 2u)) {
      return malformed();
    }
    if (kind == OPTION_LOOSE_ROUTE || kind == OPTION_STRICT_ROUTE) {
      return so_status_make(SO_DENIED, 0);
    }
  }
  return so_done();
}

// The header's fields, options left to be checked in `options`.
static so_status read_fields(so_bytes packet, so_ipv4_header *h, so_bytes *options) {
  so_reader r = so_reader_of(packet);
  uint8_t first;
  uint16_t flags;
  uint8_t src[4];
  uint8_t dst[4];
  if (!so_read_u8(&r, &first) || !so_read_u8(&r, &h->traffic_class) ||
      !so_read_u16be(&r, &h->total_len) || !so_read_u16be(&r, &h->id) ||
      !so_read_u16be(&r, &flags) || !so_read_u8(&r, &h->hop_limit) ||
      !so_read_u8(&r, &h->protocol) || !so_skip(&r, 2) || !so_read_copy(&r, src, 4) ||
      !so_read_copy(&r, dst, 4)) {
    return malformed();
  }
  h->header_len = so_ipv4_header_len(first);
  if (h->header_len == 0 || h->total_len < h->header_len ||
      !so_read_bytes(&r, h->header_len - SO_IPV4_HEADER_LEN, options)) {
    return malformed();
  }
  h->dont_fragment = (flags & FLAG_DONT_FRAGMENT) != 0;
  h->more_fragments = (flags & FLAG_MORE_FRAGMENTS) != 0;
  h->fragment_off = (uint16_t)((flags & OFFSET_MASK) * 8);
  h->src = so_ip4(src);
  h->dst = so_ip4(dst);
  return so_done();
}

so_status so_ipv4_parse(so_bytes packet, size_t packet_len, so_ipv4_header *out) {
  so_ipv4_header h;
  so_bytes options;
  SO_TRY(read_fields(packet, &h, &options));
  if (h.total_len > packet_len) {
    return malformed();
  }
  if (so_checksum_of(so_bytes_first(packet, h.header_len)) != 0) {
    return so_status_make(SO_CORRUPT, 0);
  }
  if (options.len != 0) {
    SO_TRY(check_options(options));
  }
  *out = h;
  return so_done();
}

so_status so_ipv4_parse_quote(so_bytes packet, so_ipv4_header *out) {
  so_ipv4_header h;
  so_bytes options;
  SO_TRY(read_fields(packet, &h, &options));
  *out = h;
  return so_done();
}

void so_ipv4_emit(const so_ipv4_header *h, uint8_t out[SO_IPV4_HEADER_LEN]) {
  SO_ASSERT(h->fragment_off % 8 == 0);
  const uint16_t flags = (uint16_t)((h->dont_fragment ? FLAG_DONT_FRAGMENT : 0) |
                                    (h->more_fragments ? FLAG_MORE_FRAGMENTS : 0) |
                                    h->fragment_off / 8);
  so_writer w = so_writer_of(out, SO_IPV4_HEADER_LEN);
  so_write_u8(&w, 0x45);
  so_write_u8(&w, h->traffic_class);
  so_write_u16be(&w, h->total_len);
  so_write_u16be(&w, h->id);
  so_write_u16be(&w, flags);
  so_write_u8(&w, h->hop_limit);
  so_write_u8(&w, h->protocol);
  so_write_u16be(&w, 0);
  so_write_bytes(&w, so_bytes_of(h->src.bytes, 4));
  so_write_bytes(&w, so_bytes_of(h->dst.bytes, 4));
  const uint16_t sum = so_checksum_of(so_writer_bytes(&w));
  out[10] = (uint8_t)(sum >> 8);
  out[11] = (uint8_t)sum;
}

static void free_list(so_packet_pool *pool, so_packet *p) {
  while (p != NULL) {
    so_packet *next = p->next;
    so_packet_free(pool, p);
    p = next;
  }
}

static so_packet *make_fragment(so_packet_pool *pool, const so_packet *payload,
                                const so_ipv4_header *h, size_t off, size_t len) {
  so_packet *p = so_packet_alloc(pool, SO_PACKET_HEADROOM, 0);
  if (p == NULL) {
    return NULL;
  }
  uint8_t *header = NULL;
  if (so_ok(so_packet_share(pool, p, payload, off, len))) {
    header = so_packet_prepend(pool, p, SO_IPV4_HEADER_LEN);
  }
  if (header == NULL) {
    so_packet_free(pool, p);
    return NULL;
  }
  so_ipv4_header mine = *h;
  mine.total_len = (uint16_t)(SO_IPV4_HEADER_LEN + len);
  mine.fragment_off = (uint16_t)off;
  mine.more_fragments = off + len < payload->len;
  so_ipv4_emit(&mine, header);
  p->src = h->src;
  p->dst = h->dst;
  p->protocol = h->protocol;
  return p;
}

so_status so_ipv4_fragment(so_packet_pool *pool, const so_packet *payload, const so_ipv4_header *h,
                           uint32_t mtu, so_packet **out) {
  SO_ASSERT(mtu >= SO_IPV4_HEADER_LEN + 8);
  if (payload->len > SO_IPV4_LEN_MAX - SO_IPV4_HEADER_LEN) {
    return so_status_make(SO_LIMIT, 0);
  }
  const size_t step = (mtu - SO_IPV4_HEADER_LEN) / 8 * 8;
  so_packet *first = NULL;
  so_packet **link = &first;
  for (size_t off = 0; off < payload->len; off += step) {
    const size_t left = payload->len - off;
    *link = make_fragment(pool, payload, h, off, left < step ? left : step);
    if (*link == NULL) {
      free_list(pool, first);
      return so_status_make(SO_LIMIT, 0);
    }
    link = &(*link)->next;
    *link = NULL;
  }
  *out = first;
  return so_done();
}
