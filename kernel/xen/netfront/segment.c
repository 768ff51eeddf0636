// Cutting a large TCP segment, for a back end that does not (any more).

#include "base/assert.h"
#include "base/mem.h"
#include "kernel/xen/netfront/internal.h"

#define HEADER_LEN_MAX 256u
#define PROTOCOL_TCP 6u
#define TCP_LEN_MIN 20u
#define TCP_SEQUENCE 4u
#define TCP_FLAGS 13u
#define TCP_CHECKSUM 16u
#define FLAG_FIN 0x01u
#define FLAG_PSH 0x08u
#define FLAG_CWR 0x80u

typedef struct cut {
  uint8_t header[HEADER_LEN_MAX];  // As the caller made it.
  size_t header_len;
  so_netfront_headers at;
  size_t payload_len;
  size_t size;  // Payload of every segment but the last.
} cut;

static uint32_t load32(const uint8_t *p) {
  return (uint32_t)so_netfront_load16(p) << 16 | so_netfront_load16(p + 2);
}

static void store32(uint8_t *p, uint32_t v) {
  so_netfront_store16(p, (uint16_t)(v >> 16));
  so_netfront_store16(p + 2, (uint16_t)v);
}

static void fix_ipv4(uint8_t *ip, size_t len, uint16_t index) {
  so_netfront_store16(ip + 2, (uint16_t)len);
  so_netfront_store16(ip + 4, (uint16_t)(so_netfront_load16(ip + 4) + index));
  so_netfront_store16(ip + 10, 0);
  const size_t header_len = (size_t)(ip[0] & 15) * 4;
  so_netfront_store16(ip + 10, (uint16_t)~so_netfront_fold(so_netfront_sum(
                                0, so_bytes_of(ip, header_len), 0)));
}

// pseudo_sum is what stands in the checksum field before the bytes are summed (RFC 9293 3.1, RFC
// 8200 8.1).
static uint16_t pseudo_sum(const cut *c, const uint8_t *ip, size_t tcp_len) {
  const so_bytes addresses = c->at.family == 4 ? so_bytes_of(ip + 12, 8) : so_bytes_of(ip + 8, 32);
  return so_netfront_fold(so_netfront_sum(tcp_len + PROTOCOL_TCP, addresses, 0));
}

// make_header writes the headers of the segment at `off` of the payload, `len` bytes long.
static void make_header(const cut *c, uint8_t *out, size_t off, size_t len) {
  memcpy(out, c->header, c->header_len);
  uint8_t *const ip = out + c->at.network;
  uint8_t *const tcp = out + c->at.transport;
  const size_t tcp_len = c->header_len - c->at.transport + len;
  if (c->at.family == 4) {
    fix_ipv4(ip, c->at.transport - c->at.network + tcp_len, (uint16_t)(off / c->size));
  } else {
    so_netfront_store16(ip + 4, (uint16_t)tcp_len);
  }
  store32(tcp + TCP_SEQUENCE, load32(tcp + TCP_SEQUENCE) + (uint32_t)off);
  if (off != 0) {
    tcp[TCP_FLAGS] &= (uint8_t)~FLAG_CWR;  // RFC 3168 6.1.2: said once.
  }
  if (off + len != c->payload_len) {
    tcp[TCP_FLAGS] &= (uint8_t) ~(FLAG_FIN | FLAG_PSH);
  }
  so_netfront_store16(tcp + TCP_CHECKSUM, pseudo_sum(c, ip, tcp_len));
}

static bool prepare(cut *c, const so_offload *o, size_t len, so_netfront_reader *r) {
  c->header_len = o->header_len;
  c->size = o->gso_size;
  if (c->header_len > HEADER_LEN_MAX || c->header_len >= len) {
    return false;
  }
  for (size_t at = 0; at < c->header_len;) {
    const so_bytes part = r->frame->parts[r->part];
    const size_t left = part.len - r->off;
    const size_t n = left < c->header_len - at ? left : c->header_len - at;
    if (n != 0) {
      memcpy(c->header + at, part.ptr + r->off, n);
    }
    at += n;
    r->off += n;
    if (r->off == part.len) {
      r->part++;
      r->off = 0;
    }
  }
  c->payload_len = len - c->header_len;
  c->at = so_netfront_find_headers(so_bytes_of(c->header, c->header_len));
  return c->at.family == (o->gso == SO_GSO_TCP4 ? 4 : 6) && c->at.protocol == PROTOCOL_TCP &&
         o->csum_start == c->at.transport && o->csum_offset == TCP_CHECKSUM &&
         (size_t)c->at.transport + TCP_LEN_MIN <= c->header_len;
}

static size_t pages_of(size_t len) { return (len + PAGE_LEN - 1) / PAGE_LEN; }

static void put_segment(so_netfront *f, const cut *c, so_netfront_reader *r, size_t off,
                        size_t len) {
  uint8_t header[HEADER_LEN_MAX];
  make_header(c, header, off, len);
  so_netfront_builder b = {.f = f};
  so_netfront_build_bytes(&b, so_bytes_of(header, c->header_len));
  so_netfront_build_copy(&b, r, len);
  const so_offload o = {
      .needs_csum = true, .csum_start = c->at.transport, .csum_offset = TCP_CHECKSUM};
  so_netfront_build_end(&b, so_netfront_build_sum(&b, &o), &o);
}

so_status so_netfront_cut(so_netfront *f, const so_frame *frame, size_t len) {
  cut c;
  so_netfront_reader r = {.frame = frame};
  if (!prepare(&c, &frame->offload, len, &r)) {
    return so_status_make(SO_LIMIT, 0);
  }
  const size_t whole = c.payload_len / c.size;
  const size_t rest = c.payload_len % c.size;
  const size_t pages = whole * pages_of(c.header_len + c.size) +
                       (rest != 0 ? pages_of(c.header_len + rest) : 0);
  const size_t longest = c.header_len + (whole != 0 ? c.size : rest);
  if (pages > f->tx_pages.usable || pages > f->tx.entry_count ||
      longest > (f->features.sg ? TX_LEN_MAX : PAGE_LEN)) {
    return so_status_make(SO_LIMIT, 0);
  }
  if (so_ring_free(&f->tx) < pages || f->tx_pages.free_count < pages) {
    return so_status_make(SO_AGAIN, 0);
  }
  for (size_t off = 0; off < c.payload_len; off += c.size) {
    const size_t left = c.payload_len - off;
    put_segment(f, &c, &r, off, left < c.size ? left : c.size);
  }
  f->stats.sent_cut++;
  return so_done();
}
