#include "base/mem.h"
#include "net/dns/resolver/internal.h"

static void lower_ttl(resolver_lookup *l, uint32_t ttl_s) {
  // RFC 2181 section 8: a TTL with its first bit set is zero.
  const uint32_t ttl = (ttl_s & UINT32_C(0x80000000)) != 0 ? 0 : ttl_s;
  l->ttl_s = ttl < l->ttl_s ? ttl : l->ttl_s;
}

// start_of skips the questions: the message was checked as a whole.
static size_t start_of(so_bytes message, const so_dns_header *header) {
  size_t at = SO_DNS_HEADER_LEN;
  so_dns_question q;
  for (uint16_t i = 0; i < header->counts[SO_DNS_QUESTION]; i++) {
    if (!so_ok(so_dns_question_read(message, &at, &q))) {
      break;
    }
  }
  return at;
}

static bool is_named(const so_dns_rr *rr, const so_dns_name *name) {
  return rr->rclass == SO_DNS_IN &&
         so_dns_name_equal(so_dns_name_view(&rr->name), so_dns_name_view(name));
}

static void take_address(resolver_lookup *l, const so_dns_rr *rr) {
  so_resolver_answer *const a = &l->answer;
  const size_t len = l->type == SO_DNS_A ? 4 : 16;
  lower_ttl(l, rr->ttl);
  if (rr->rdata.len == len && a->count < SO_RESOLVER_ADDRESSES_MAX) {
    a->addresses[a->count++] = len == 4 ? so_ip4(rr->rdata.ptr) : so_ip6(rr->rdata.ptr);
  }
}

// scan looks through the answers for what stands at l->name. True: a CNAME does, and `*out_target`
// is where it leads; addresses go into the answer.
static bool scan(resolver_lookup *l, so_bytes message, const so_dns_header *header,
                 so_dns_name *out_target) {
  size_t at = start_of(message, header);
  bool has_target = false;
  for (uint16_t i = 0; i < header->counts[SO_DNS_ANSWER]; i++) {
    so_dns_rr rr;
    if (!so_ok(so_dns_rr_read(message, &at, &rr))) {
      break;
    }
    if (!is_named(&rr, &l->name)) {
      continue;
    }
    if (rr.type == l->type) {
      take_address(l, &rr);
    } else if (rr.type == SO_DNS_CNAME && !has_target) {
      size_t target_at = rr.rdata_off;
      has_target = so_ok(so_dns_name_read(message, &target_at, out_target));
      lower_ttl(l, rr.ttl);
    }
  }
  return has_target && l->answer.count == 0;
}

// read_denial finds the SOA that says how long a denial holds (RFC 2308 section 5).
static bool read_denial(resolver_lookup *l, so_bytes message, const so_dns_header *header) {
  size_t at = start_of(message, header);
  const uint32_t total =
      (uint32_t)header->counts[SO_DNS_ANSWER] + header->counts[SO_DNS_AUTHORITY];
  for (uint32_t i = 0; i < total; i++) {
    so_dns_rr rr;
    if (!so_ok(so_dns_rr_read(message, &at, &rr))) {
      break;
    }
    if (i < header->counts[SO_DNS_ANSWER] || rr.type != SO_DNS_SOA || rr.rdata.len < 4 ||
        !so_dns_name_is_under(so_dns_name_view(&l->name), so_dns_name_view(&rr.name))) {
      continue;
    }
    const uint8_t *p = rr.rdata.ptr + rr.rdata.len - 4;  // MINIMUM is the last field.
    lower_ttl(l, rr.ttl);
    lower_ttl(l, (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]);
    lower_ttl(l, SO_RESOLVER_NEGATIVE_TTL_MAX_S);
    return true;
  }
  return false;
}

resolver_outcome so_resolver_read_answer(resolver_lookup *l, so_bytes message,
                                         const so_dns_header *header) {
  so_dns_name target;
  bool moved = false;
  l->answer.count = 0;
  while (scan(l, message, header, &target)) {
    if (l->chain == SO_RESOLVER_CHAIN_MAX) {
      return RESOLVER_TOO_LONG;
    }
    l->chain++;
    so_dns_name_lower(&target);
    l->name = target;
    moved = true;
  }
  l->answer.canonical = l->name;
  if (l->answer.count != 0) {
    lower_ttl(l, SO_RESOLVER_TTL_MAX_S);
    return RESOLVER_FOUND;
  }
  const bool has_soa = read_denial(l, message, header);
  if (moved && !has_soa && header->rcode == SO_DNS_NOERROR) {
    return RESOLVER_CONTINUE;
  }
  l->ttl_s = has_soa ? l->ttl_s : 0;
  return RESOLVER_ABSENT;
}
