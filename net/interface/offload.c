#include "base/assert.h"
#include "base/mem.h"
#include "net/checksum/checksum.h"
#include "net/interface/internal.h"

// What a device does not do: summing, and cutting TCP into segments.

enum {
  TCP_HEADER_LEN = 20,
  TCP_HEADER_LEN_MAX = 60,
  TCP_SEQUENCE = 4,
  TCP_DATA_OFFSET = 12,
  TCP_FLAGS = 13,
  TCP_CHECKSUM = 16,
  FLAG_FIN = 0x01,
  FLAG_PSH = 0x08,
  FLAG_CWR = 0x80,
};

static so_status invalid(so_interface *i, so_packet *p) {
  so_interface_drop(i, p, &i->stats.tx_invalid);
  return so_status_make(SO_CONFLICT, 0);
}

static so_status no_buffer(so_interface *i, so_packet *p) {
  so_interface_drop(i, p, &i->stats.tx_no_buffer);
  return so_status_make(SO_LIMIT, 0);
}

static void store16(uint8_t *out, uint16_t v) {
  out[0] = (uint8_t)(v >> 8);
  out[1] = (uint8_t)v;
}

static uint32_t load32(const uint8_t *p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void store32(uint8_t *out, uint32_t v) {
  store16(out, (uint16_t)(v >> 16));
  store16(out + 2, (uint16_t)v);
}

// Puts the sum into the packet: all of it, or what a device adds the rest to.
static void fill_sum(so_interface *i, so_packet *p, bool by_device) {
  so_checksum c = so_checksum_start();
  uint8_t field[2] = {0, 0};
  const size_t at = (size_t)p->offload.csum_start + p->offload.csum_offset;
  const uint32_t len = p->len - p->offload.csum_start;
  so_checksum_add_pseudo(&c, &p->src, &p->dst, p->protocol, len);
  if (by_device) {
    store16(field, so_checksum_fold(&c));
  } else {
    so_packet_write_at(p, at, so_bytes_of(field, sizeof field));
    so_checksum_add_packet(&c, p, p->offload.csum_start, len);
    const uint16_t sum = so_checksum_end(&c);
    // To UDP zero means that there is none (RFC 768); for it and all others 0xffff is the same
    // number.
    store16(field, sum == 0 && p->protocol == SO_PROTOCOL_UDP ? 0xffff : sum);
    p->offload.needs_csum = false;
    i->stats.tx_summed++;
  }
  so_packet_write_at(p, at, so_bytes_of(field, sizeof field));
}

static bool device_cuts(const so_interface *i, const so_packet *p) {
  if (!i->config.tx_csum) {
    return false;
  }
  return p->dst.family == 4 ? i->config.tx_tso4 : i->config.tx_tso6;
}

// --- segments --------------------------------------------------------------------------------

typedef struct cutter {
  uint8_t header[TCP_HEADER_LEN_MAX];
  size_t header_len;
  uint32_t sequence;
  uint8_t flags;
} cutter;

static so_packet *make_segment(so_interface *i, const so_packet *p, cutter *c, size_t off,
                               size_t len) {
  const bool last = c->header_len + off + len == p->len;
  uint8_t flags = c->flags;
  if (off != 0) {
    flags &= (uint8_t)~FLAG_CWR;  // RFC 3168 6.1.2: said once.
  }
  if (!last) {
    flags &= (uint8_t)~(FLAG_FIN | FLAG_PSH);
  }
  store32(c->header + TCP_SEQUENCE, c->sequence + (uint32_t)off);
  c->header[TCP_FLAGS] = flags;
  so_packet *s = so_packet_alloc(i->pool, SO_PACKET_HEADROOM, c->header_len);
  if (s == NULL) {
    return NULL;
  }
  if (!so_ok(so_packet_append(i->pool, s, so_bytes_of(c->header, c->header_len))) ||
      !so_ok(so_packet_share(i->pool, s, p, c->header_len + off, len))) {
    so_packet_free(i->pool, s);
    return NULL;
  }
  s->src = p->src;
  s->dst = p->dst;
  s->protocol = p->protocol;
  s->hop_limit = p->hop_limit;
  s->traffic_class = p->traffic_class;
  s->dont_fragment = p->dont_fragment;
  s->offload.needs_csum = true;
  s->offload.csum_offset = TCP_CHECKSUM;
  return s;
}

static so_status cut(so_interface *i, so_packet *p, cutter *c, so_interface_emit emit,
                     const void *route) {
  const size_t size = p->offload.gso_size;
  const size_t payload = p->len - c->header_len;
  i->stats.tx_segmented++;
  for (size_t off = 0; off < payload; off += size) {
    const size_t left = payload - off;
    so_packet *s = make_segment(i, p, c, off, left < size ? left : size);
    if (s == NULL) {
      return no_buffer(i, p);
    }
    fill_sum(i, s, i->config.tx_csum);
    emit(i, s, route);
  }
  so_packet_free(i->pool, p);
  return so_done();
}

static so_status segment(so_interface *i, so_packet *p, size_t ip_len, uint32_t mtu,
                         so_interface_emit emit, const void *route) {
  cutter c;
  const uint8_t *head = so_packet_head(i->pool, p, TCP_HEADER_LEN);
  const size_t n = head == NULL ? 0 : (head[TCP_DATA_OFFSET] >> 4) * 4u;
  if (n < TCP_HEADER_LEN || n > p->len || p->offload.gso_size == 0 || !p->offload.needs_csum ||
      p->offload.csum_start != 0 || p->protocol != SO_PROTOCOL_TCP) {
    return invalid(i, p);
  }
  if (ip_len + n + p->offload.gso_size > mtu) {
    so_interface_drop(i, p, &i->stats.tx_too_big);
    return so_status_make(SO_LIMIT, 0);
  }
  if (p->len - n <= p->offload.gso_size) {  // One segment after all.
    p->offload.gso = SO_GSO_NONE;
    p->offload.gso_size = 0;
    fill_sum(i, p, i->config.tx_csum);
    emit(i, p, route);
    return so_done();
  }
  if (device_cuts(i, p)) {
    p->offload.gso = p->dst.family == 4 ? SO_GSO_TCP4 : SO_GSO_TCP6;
    p->offload.header_len = (uint16_t)n;  // Grows as headers are put in front.
    fill_sum(i, p, true);
    emit(i, p, route);
    return so_done();
  }
  so_packet_copy(p, 0, c.header, n);
  c.header_len = n;
  c.sequence = load32(c.header + TCP_SEQUENCE);
  c.flags = c.header[TCP_FLAGS];
  return cut(i, p, &c, emit, route);
}

so_status so_interface_offload(so_interface *i, so_packet *p, size_t ip_len, uint32_t mtu,
                               bool sum_here, so_interface_emit emit, const void *route) {
  if (p->offload.gso != SO_GSO_NONE) {
    return segment(i, p, ip_len, mtu, emit, route);
  }
  if (p->offload.needs_csum) {
    const size_t at = (size_t)p->offload.csum_start + p->offload.csum_offset;
    if (p->offload.csum_start > p->len || at + 2 > p->len) {
      return invalid(i, p);
    }
    fill_sum(i, p, i->config.tx_csum && !sum_here);
  }
  emit(i, p, route);
  return so_done();
}
