// Fragmenting what we send (RFC 8200 4.5): the payload is shared, the headers are each piece's own.

#include "base/assert.h"
#include "net/ipv6/ipv6.h"

typedef struct pieces {
  so_packet *first;
  so_packet *last;
} pieces;

static void put(pieces *q, so_packet *p) {
  p->next = NULL;
  if (q->last == NULL) {
    q->first = p;
  } else {
    q->last->next = p;
  }
  q->last = p;
}

static so_packet *take(pieces *q) {
  so_packet *p = q->first;
  if (p != NULL) {
    q->first = p->next;
    p->next = NULL;
  }
  return p;
}

static bool write_headers(so_packet_pool *pool, so_packet *p, const so_ipv6_header *h,
                          const so_ipv6_fragment *f) {
  const size_t len = SO_IPV6_HEADER_LEN + SO_IPV6_FRAGMENT_LEN;
  so_ipv6_header header = *h;
  header.payload_len = (uint16_t)(p->len + SO_IPV6_FRAGMENT_LEN);
  header.next_header = SO_IPV6_FRAGMENT;
  uint8_t *at = so_packet_prepend(pool, p, len);
  if (at == NULL) {
    return false;
  }
  so_writer w = so_writer_of(at, len);
  so_ipv6_emit(&header, &w);
  so_write_u8(&w, h->next_header);
  so_write_u8(&w, 0);
  so_write_u16be(&w, (uint16_t)(f->offset | (f->more ? 1u : 0u)));
  so_write_u32be(&w, f->id);
  SO_ASSERT(!w.failed && w.len == len);
  return true;
}

static so_packet *piece(so_packet_pool *pool, const so_packet *payload, const so_ipv6_header *h,
                        const so_ipv6_fragment *f, size_t len) {
  so_packet *p = so_packet_alloc(pool, SO_PACKET_HEADROOM, 0);
  if (p == NULL) {
    return NULL;
  }
  if (!so_ok(so_packet_share(pool, p, payload, f->offset, len)) ||
      !write_headers(pool, p, h, f)) {
    so_packet_free(pool, p);
    return NULL;
  }
  p->src = h->src;
  p->dst = h->dst;
  p->protocol = SO_IPV6_FRAGMENT;
  p->hop_limit = h->hop_limit;
  p->traffic_class = h->traffic_class;
  return p;
}

static so_status cut(so_packet_pool *pool, const so_packet *payload, const so_ipv6_header *h,
                     uint16_t mtu, uint32_t id, pieces *out) {
  const size_t room = (mtu - SO_IPV6_HEADER_LEN - SO_IPV6_FRAGMENT_LEN) / 8u * 8u;
  for (size_t off = 0; off < payload->len; off += room) {
    const size_t rest = payload->len - off;
    const size_t len = rest < room ? rest : room;
    const so_ipv6_fragment f = {(uint16_t)off, len < rest, id};
    so_packet *p = piece(pool, payload, h, &f, len);
    if (p == NULL) {
      return so_status_make(SO_LIMIT, 0);
    }
    put(out, p);
  }
  return so_done();
}

so_status so_ipv6_fragment_out(so_packet_pool *pool, const so_packet *payload,
                               const so_ipv6_header *h, uint16_t mtu, uint32_t id,
                               const so_ipv6_fragment_sink *sink) {
  SO_ASSERT(mtu >= SO_IPV6_MTU_MIN);
  if (payload->len > SO_IPV6_PAYLOAD_LEN_MAX) {
    return so_status_make(SO_LIMIT, 0);
  }
  pieces q = {0};
  const so_status s = cut(pool, payload, h, mtu, id, &q);
  for (so_packet *p = take(&q); p != NULL; p = take(&q)) {
    if (so_ok(s)) {
      sink->packet(sink->ctx, p);
    } else {
      so_packet_free(pool, p);
    }
  }
  return s;
}
