#include "base/writer.h"
#include "net/ndp/wire/wire.h"

enum {
  OPTION_SOURCE = 1,
  OPTION_TARGET = 2,
  OPTION_PREFIX = 3,
  OPTION_MTU = 5,
  OPTION_NONCE = 14,
  OPTION_DNS = 25,
  OPTION_SEARCH = 31,
};

static void flag(uint8_t *flags, bool on, uint8_t bit) {
  if (on) {
    *flags = (uint8_t)(*flags | bit);
  }
}

static void write_ip(so_writer *w, const so_ip *ip) {
  so_write_bytes(w, so_bytes_of(ip->bytes, 16));
}

static void write_link(so_writer *w, uint8_t type, const uint8_t mac[SO_ND_LINK_LEN]) {
  so_write_u8(w, type);
  so_write_u8(w, 1);
  so_write_bytes(w, so_bytes_of(mac, SO_ND_LINK_LEN));
}

static void write_prefix(so_writer *w, const so_nd_prefix *p) {
  uint8_t flags = 0;
  flag(&flags, p->on_link, 0x80);
  flag(&flags, p->autonomous, 0x40);
  so_write_u8(w, OPTION_PREFIX);
  so_write_u8(w, 4);
  so_write_u8(w, p->len);
  so_write_u8(w, flags);
  so_write_u32be(w, p->valid_s);
  so_write_u32be(w, p->preferred_s);
  so_write_u32be(w, 0);
  write_ip(w, &p->prefix);
}

// write_search pads the names to whole units with zeros (RFC 8106 5.2).
static void write_search(so_writer *w, const so_nd_search *s) {
  const size_t units = 1 + (s->names.len + 7) / 8;
  so_write_u8(w, OPTION_SEARCH);
  so_write_u8(w, (uint8_t)units);
  so_write_u16be(w, 0);
  so_write_u32be(w, s->lifetime_s);
  so_write_bytes(w, s->names);
  so_write_zeros(w, 8 * (units - 1) - s->names.len);
}

static void write_router(so_writer *w, const so_nd_router *a) {
  uint8_t flags = 0;
  flag(&flags, a->managed, 0x80);
  flag(&flags, a->other, 0x40);
  flag(&flags, a->preference != 0, 0x08);
  flag(&flags, a->preference < 0, 0x10);
  so_write_u8(w, a->hop_limit);
  so_write_u8(w, flags);
  so_write_u16be(w, a->lifetime_s);
  so_write_u32be(w, a->reachable_ms);
  so_write_u32be(w, a->retrans_ms);
}

static void write_router_options(so_writer *w, const so_nd_router *a) {
  if (a->mtu != 0) {
    so_write_u8(w, OPTION_MTU);
    so_write_u8(w, 1);
    so_write_u16be(w, 0);
    so_write_u32be(w, a->mtu);
  }
  for (size_t i = 0; i < a->prefix_count; i++) {
    write_prefix(w, &a->prefixes[i]);
  }
  for (size_t i = 0; i < a->dns_count; i++) {
    so_write_u8(w, OPTION_DNS);
    so_write_u8(w, 3);
    so_write_u16be(w, 0);
    so_write_u32be(w, a->dns[i].lifetime_s);
    write_ip(w, &a->dns[i].server);
  }
  for (size_t i = 0; i < a->search_count; i++) {
    write_search(w, &a->search[i]);
  }
}

static void write_body(const so_nd_message *m, so_writer *w) {
  uint8_t flags = 0;
  switch (m->type) {
    case SO_ND_ROUTER_SOLICIT:
      so_write_u32be(w, 0);
      break;
    case SO_ND_ROUTER_ADVERT:
      write_router(w, &m->router);
      break;
    case SO_ND_SOLICIT:
      so_write_u32be(w, 0);
      write_ip(w, &m->target);
      break;
    case SO_ND_ADVERT:
      flag(&flags, m->from_router, 0x80);
      flag(&flags, m->solicited, 0x40);
      flag(&flags, m->override, 0x20);
      so_write_u8(w, flags);
      so_write_u24be(w, 0);
      write_ip(w, &m->target);
      break;
    case SO_ND_REDIRECT:
      so_write_u32be(w, 0);
      write_ip(w, &m->target);
      write_ip(w, &m->destination);
      break;
  }
}

void so_nd_emit(const so_nd_message *m, so_writer *w) {
  so_write_u8(w, (uint8_t)m->type);
  so_write_u8(w, 0);
  so_write_u16be(w, 0);
  write_body(m, w);
  if (m->has_source) {
    write_link(w, OPTION_SOURCE, m->source);
  }
  if (m->has_target) {
    write_link(w, OPTION_TARGET, m->target_link);
  }
  if (m->has_nonce) {
    write_link(w, OPTION_NONCE, m->nonce);
  }
  if (m->type == SO_ND_ROUTER_ADVERT) {
    write_router_options(w, &m->router);
  }
}
