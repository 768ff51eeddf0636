// Reading neighbour discovery messages, with the checks that RFC 4861 asks for before anything
// else.

#include "base/mem.h"
#include "base/reader.h"
#include "net/ndp/wire/wire.h"

#define HOP_LIMIT 255u
#define UNIT 8u  // Options are measured in these.

enum {
  OPTION_SOURCE = 1,
  OPTION_TARGET = 2,
  OPTION_PREFIX = 3,
  OPTION_MTU = 5,
  OPTION_NONCE = 14,
  OPTION_DNS = 25,
  OPTION_SEARCH = 31,
};

static bool read_ip(so_reader *r, so_ip *out) {
  uint8_t bytes[16];
  if (!so_read_copy(r, bytes, sizeof bytes)) {
    return false;
  }
  *out = so_ip6(bytes);
  return true;
}

// --- options ---------------------------------------------------------------------------------

static bool link_option(so_reader *body, bool *has, uint8_t out[SO_ND_LINK_LEN]) {
  if (*has) {
    return so_skip(body, body->len);  // The first counts.
  }
  *has = so_read_copy(body, out, SO_ND_LINK_LEN);
  return *has;
}

static bool prefix_option(so_reader *body, so_nd_message *m) {
  so_nd_prefix p = {0};
  uint8_t flags = 0;
  if (!so_read_u8(body, &p.len) || !so_read_u8(body, &flags) || !so_read_u32be(body, &p.valid_s) ||
      !so_read_u32be(body, &p.preferred_s) || !so_skip(body, 4) || !read_ip(body, &p.prefix) ||
      !so_reader_done(body) || p.len > 128) {
    return false;
  }
  p.on_link = (flags & 0x80u) != 0;
  p.autonomous = (flags & 0x40u) != 0;
  if (m->router.prefix_count == SO_ND_PREFIXES_MAX) {
    m->ignored++;
    return true;
  }
  m->router.prefixes[m->router.prefix_count++] = p;
  return true;
}

static bool mtu_option(so_reader *body, so_nd_message *m) {
  uint32_t mtu = 0;
  if (!so_skip(body, 2) || !so_read_u32be(body, &mtu) || !so_reader_done(body)) {
    return false;
  }
  m->router.mtu = mtu;
  return true;
}

// RFC 8106 5.1: one address at least, and nothing but addresses.
static bool dns_option(so_reader *body, so_nd_message *m) {
  uint32_t lifetime_s = 0;
  if (!so_skip(body, 2) || !so_read_u32be(body, &lifetime_s) || body->len == 0 ||
      body->len % 16 != 0) {
    return false;
  }
  while (body->len != 0) {
    so_nd_dns d = {.lifetime_s = lifetime_s};
    if (!read_ip(body, &d.server)) {
      return false;
    }
    if (m->router.dns_count == SO_ND_DNS_MAX || so_ip_is_multicast(&d.server) ||
        so_ip_is_any(&d.server)) {
      m->ignored++;
    } else {
      m->router.dns[m->router.dns_count++] = d;
    }
  }
  return true;
}

// RFC 8106 5.2: whether the names can be read is seen by who reads them; they are no check of RFC
// 4861.
static bool search_option(so_reader *body, so_nd_message *m) {
  so_nd_search s = {0};
  if (!so_skip(body, 2) || !so_read_u32be(body, &s.lifetime_s) || body->len == 0) {
    return false;
  }
  s.names = so_reader_rest(body);
  if (m->router.search_count == SO_ND_SEARCH_MAX) {
    m->ignored++;
  } else {
    m->router.search[m->router.search_count++] = s;
  }
  return true;
}

static bool nonce_option(so_reader *body, so_nd_message *m) {
  if (body->len != SO_ND_NONCE_LEN) {
    return true;  // Longer ones belong to SEND (RFC 3971), which we do not speak.
  }
  m->has_nonce = so_read_copy(body, m->nonce, SO_ND_NONCE_LEN);
  return m->has_nonce;
}

// An option with its two bytes of type and length read. Which messages it means something in: RFC
// 4861 4.1 to 4.5; elsewhere it is skipped like one that is not known.
static bool one_option(uint8_t type, so_reader *body, so_nd_message *m) {
  const bool advert = m->type == SO_ND_ROUTER_ADVERT;
  const bool solicits = m->type == SO_ND_SOLICIT || m->type == SO_ND_ROUTER_SOLICIT;
  const bool names_target = m->type == SO_ND_ADVERT || m->type == SO_ND_REDIRECT;
  if (type == OPTION_SOURCE && (advert || solicits)) {
    return link_option(body, &m->has_source, m->source);
  }
  if (type == OPTION_TARGET && names_target) {
    return link_option(body, &m->has_target, m->target_link);
  }
  if (type == OPTION_PREFIX && advert) {
    return prefix_option(body, m);
  }
  if (type == OPTION_MTU && advert) {
    return mtu_option(body, m);
  }
  if (type == OPTION_DNS && advert) {
    return dns_option(body, m);
  }
  if (type == OPTION_SEARCH && advert) {
    return search_option(body, m);
  }
  if (type == OPTION_NONCE && (m->type == SO_ND_SOLICIT || m->type == SO_ND_ADVERT)) {
    return nonce_option(body, m);
  }
  return true;
}

static bool options(so_reader *r, so_nd_message *m) {
  for (unsigned count = 0; r->len != 0; count++) {
    uint8_t type = 0;
    uint8_t units = 0;
    so_bytes body;
    if (count == SO_ND_OPTIONS_MAX || !so_read_u8(r, &type) || !so_read_u8(r, &units) ||
        units == 0 || !so_read_bytes(r, (size_t)units * UNIT - 2, &body)) {
      return false;
    }
    so_reader sub = so_reader_of(body);
    if (!one_option(type, &sub, m)) {
      return false;
    }
  }
  return so_reader_done(r);
}

// --- the five messages -----------------------------------------------------------------------

static bool router_solicit(so_reader *r, const so_nd_envelope *e, so_nd_message *m) {
  return so_skip(r, 4) && options(r, m) && !(so_ip_is_any(&e->src) && m->has_source);
}

static int8_t preference(uint8_t flags) {
  switch (flags >> 3 & 3u) {
    case 1:
      return 1;
    case 3:
      return -1;
    default:
      return 0;  // 2 is reserved, and read as medium (RFC 4191 2.1).
  }
}

static bool router_advert(so_reader *r, const so_nd_envelope *e, so_nd_message *m) {
  uint8_t flags = 0;
  so_nd_router *a = &m->router;
  if (!so_read_u8(r, &a->hop_limit) || !so_read_u8(r, &flags) ||
      !so_read_u16be(r, &a->lifetime_s) || !so_read_u32be(r, &a->reachable_ms) ||
      !so_read_u32be(r, &a->retrans_ms)) {
    return false;
  }
  a->managed = (flags & 0x80u) != 0;
  a->other = (flags & 0x40u) != 0;
  a->preference = preference(flags);
  return options(r, m) && so_ip_is_link_local(&e->src);
}

// ff02::1:ff00:0/104, whichever address it is for.
static bool is_solicited_node(const so_ip *ip) {
  static const uint8_t prefix[13] = {0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff};
  return memcmp(ip->bytes, prefix, sizeof prefix) == 0;
}

static bool solicit(so_reader *r, const so_nd_envelope *e, so_nd_message *m) {
  if (!so_skip(r, 4) || !read_ip(r, &m->target) || !options(r, m) ||
      so_ip_is_multicast(&m->target)) {
    return false;
  }
  return !so_ip_is_any(&e->src) || (is_solicited_node(&e->dst) && !m->has_source);
}

static bool advert(so_reader *r, const so_nd_envelope *e, so_nd_message *m) {
  uint8_t flags = 0;
  if (!so_read_u8(r, &flags) || !so_skip(r, 3) || !read_ip(r, &m->target) || !options(r, m)) {
    return false;
  }
  m->from_router = (flags & 0x80u) != 0;
  m->solicited = (flags & 0x40u) != 0;
  m->override = (flags & 0x20u) != 0;
  return !so_ip_is_multicast(&m->target) && !(so_ip_is_multicast(&e->dst) && m->solicited);
}

static bool redirect(so_reader *r, const so_nd_envelope *e, so_nd_message *m) {
  if (!so_skip(r, 4) || !read_ip(r, &m->target) || !read_ip(r, &m->destination) ||
      !options(r, m)) {
    return false;
  }
  return so_ip_is_link_local(&e->src) && !so_ip_is_multicast(&m->destination) &&
         (so_ip_is_link_local(&m->target) || so_ip_equal(&m->target, &m->destination));
}

static bool body(so_reader *r, const so_nd_envelope *e, so_nd_message *m) {
  switch (m->type) {
    case SO_ND_ROUTER_SOLICIT:
      return router_solicit(r, e, m);
    case SO_ND_ROUTER_ADVERT:
      return router_advert(r, e, m);
    case SO_ND_SOLICIT:
      return solicit(r, e, m);
    case SO_ND_ADVERT:
      return advert(r, e, m);
    case SO_ND_REDIRECT:
      return redirect(r, e, m);
  }
  return false;
}

so_status so_nd_parse(so_bytes message, const so_nd_envelope *envelope, so_nd_message *out) {
  so_reader r = so_reader_of(message);
  uint8_t type = 0;
  uint8_t code = 0;
  memset(out, 0, sizeof *out);
  if (!so_read_u8(&r, &type) || !so_read_u8(&r, &code) || !so_skip(&r, 2)) {
    return so_status_make(SO_MALFORMED, 0);
  }
  if (type < SO_ND_ROUTER_SOLICIT || type > SO_ND_REDIRECT) {
    return so_status_make(SO_UNSUPPORTED, type);
  }
  out->type = (so_nd_type)type;
  if (code != 0 || envelope->hop_limit != HOP_LIMIT || !body(&r, envelope, out)) {
    return so_status_make(SO_MALFORMED, type);
  }
  return so_done();
}
