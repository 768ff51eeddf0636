// Answers remembered, and answers counted.

#include "base/mem.h"
#include "net/dns/server/internal.h"

uint64_t so_dns_mix(uint64_t h, uint64_t v) {
  h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
  return h ^ h >> 29;
}

// --- answers ----------------------------------------------------------------------------------

static so_dns_memo *place(const so_dns_server *s, const dns_memo_key *key) {
  return &s->config.memos[key->hash & (s->config.memo_count - 1)];
}

const so_dns_memo *so_dns_memo_find(const so_dns_server *s, const dns_memo_key *key) {
  if (s->config.memo_count == 0) {
    return NULL;
  }
  const so_dns_memo *const m = place(s, key);
  const bool same = m->hash == key->hash && m->generation == s->generation &&
                    m->type == key->type && m->dnssec_ok == key->dnssec_ok &&
                    m->name_len == key->name.len;
  return same && so_dns_name_equal(so_bytes_of(m->message + SO_DNS_HEADER_LEN, m->name_len),
                                   key->name)
             ? m
             : NULL;
}

void so_dns_memo_keep(so_dns_server *s, const dns_memo_key *key, so_bytes message,
                   uint64_t rate_hash) {
  if (s->config.memo_count == 0 || message.len > sizeof s->config.memos[0].message) {
    return;
  }
  so_dns_memo *const m = place(s, key);
  m->hash = key->hash;
  m->generation = s->generation;
  m->type = key->type;
  m->dnssec_ok = key->dnssec_ok;
  m->name_len = (uint8_t)key->name.len;
  m->len = (uint16_t)message.len;
  m->rate_hash = rate_hash;
  memcpy(m->message, message.ptr, message.len);
}

// --- rates ------------------------------------------------------------------------------------

#define CREDIT_ONE 1024u  // Of one answer.
#define SLIP_EVERY 2
#define NS_PER_S UINT64_C(1000000000)

// network is the part of an address that one client may be taken to own: /24 or /56.
static uint64_t network(so_bytes address) {
  uint64_t v = address.len;
  const size_t len = address.len == 4 ? 3 : 7;
  for (size_t i = 0; i < len; i++) {
    v = v << 8 | address.ptr[i];
  }
  return v;
}

static void earn(const so_dns_server *s, so_dns_rate *r, uint64_t now_ns) {
  const uint64_t limit = (uint64_t)s->config.rate_limit * CREDIT_ONE;
  const uint64_t passed = now_ns > r->at_ns ? now_ns - r->at_ns : 0;
  if (passed >= NS_PER_S) {
    r->credit = (uint32_t)(limit < UINT32_MAX ? limit : UINT32_MAX);
    r->at_ns = now_ns;
    return;
  }
  // Below 2^30 ns times at most 2^32: no overflow.
  const uint64_t earned = passed * (limit / CREDIT_ONE) / (NS_PER_S / CREDIT_ONE);
  if (earned != 0) {
    const uint64_t sum = r->credit + earned;
    r->credit = (uint32_t)(sum < limit ? sum : limit);
    r->at_ns = now_ns;
  }
}

dns_rate so_dns_rate_check(so_dns_server *s, const so_dns_client *client, uint64_t kind) {
  if (s->config.rate_limit == 0 || s->config.rate_count == 0 || client->is_tcp) {
    return DNS_RATE_PASS;
  }
  const uint64_t key = so_dns_mix(so_dns_mix(s->config.seed, network(client->address)), kind);
  so_dns_rate *const r = &s->config.rates[key & (s->config.rate_count - 1)];
  if (r->key != key) {
    // A slot shared by two starts over: the table errs on the side of answering.
    *r = (so_dns_rate){key, client->now_ns, s->config.rate_limit * CREDIT_ONE, 0};
  }
  earn(s, r, client->now_ns);
  if (r->credit >= CREDIT_ONE) {
    r->credit -= CREDIT_ONE;
    return DNS_RATE_PASS;
  }
  return ++r->slips % SLIP_EVERY == 0 ? DNS_RATE_SLIP : DNS_RATE_DROP;
}
