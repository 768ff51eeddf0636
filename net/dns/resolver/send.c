// What is sent to name servers.

#include "base/assert.h"
#include "base/mem.h"
#include "crypto/siphash/siphash.h"
#include "kernel/ports/clock.h"
#include "net/dns/resolver/internal.h"

#define PORT_MIN 1024u

void so_resolver_client_cookie(const so_resolver *r, const resolver_server *s,
                               uint8_t out[SO_DNS_COOKIE_CLIENT_LEN]) {
  const uint64_t mac =
      so_siphash24(r->cookie_key, so_bytes_of(s->at.address, s->at.family == 4 ? 4 : 16));
  memcpy(out, &mac, SO_DNS_COOKIE_CLIENT_LEN);
}

static void write_edns(const so_resolver *r, const resolver_server *s, so_dns_builder *b) {
  so_dns_edns edns = {.udp_len = SO_RESOLVER_UDP_LEN, .has_cookie = true};
  so_resolver_client_cookie(r, s, edns.client_cookie);
  edns.server_cookie_len = s->cookie_len;
  memcpy(edns.server_cookie, s->cookie, sizeof edns.server_cookie);
  so_dns_write_edns(b, &edns);
}

static so_bytes write_question(so_resolver *r, resolver_lookup *l) {
  const resolver_server *s = so_resolver_server_of(r, l);
  const so_dns_header header = {.id = l->id, .rd = true};
  so_dns_builder b;
  so_bytes message;
  so_dns_builder_init(&b, r->out, sizeof r->out, &header);
  so_dns_write_question(&b, so_dns_name_view(&l->sent), l->type, SO_DNS_IN);
  l->with_edns = !s->no_edns;
  if (l->with_edns) {
    write_edns(r, s, &b);
  }
  // 12 + 255 + 4, and 11 + 4 + 40 for EDNS, always fit.
  SO_ASSERT(so_ok(so_dns_builder_end(&b, &message)));
  return message;
}

static void fill_request(so_resolver *r, resolver_lookup *l, uint64_t now_ns,
                         so_resolver_request *out) {
  uint8_t bits[32];
  const uint64_t round = l->attempt / r->server_count;
  const uint64_t udp_ms = (uint64_t)SO_RESOLVER_TIMEOUT_MS << round;
  const uint64_t ms = l->tcp ? SO_RESOLVER_TCP_TIMEOUT_MS : udp_ms;
  so_rng_fill(&r->rng, bits, sizeof bits);
  l->sent = l->name;
  so_dns_name_mix_case(&l->sent, bits);
  l->id = (uint16_t)so_rng_u64(&r->rng);
  l->port = (uint16_t)(PORT_MIN + so_rng_below(&r->rng, UINT16_MAX + 1u - PORT_MIN));
  l->state = RESOLVER_WAIT;
  l->deadline_ns = now_ns + ms * SO_NS_PER_MS;
  *out = (so_resolver_request){.id = so_resolver_id_of(r, l),
                               .tcp = l->tcp,
                               .server = so_resolver_server_of(r, l)->at,
                               .local_port = l->tcp ? 0 : l->port,
                               .message = write_question(r, l)};
  r->stats.sent_tcp += l->tcp;
  r->stats.sent_udp += !l->tcp;
}

bool so_resolver_next(so_resolver *r, uint64_t now_ns, so_resolver_request *out) {
  for (size_t i = 0; i < SO_RESOLVER_LOOKUPS_MAX; i++) {
    if (r->lookups[i].state == RESOLVER_SEND) {
      if (r->server_count == 0) {
        so_resolver_finish(&r->lookups[i], so_status_make(SO_IO, 0));
        continue;
      }
      fill_request(r, &r->lookups[i], now_ns, out);
      return true;
    }
  }
  return false;
}

void so_resolver_unsent(so_resolver *r, so_resolver_id id, uint64_t now_ns) {
  resolver_lookup *const l = so_resolver_lookup_of(r, id);
  (void)now_ns;
  if (l != NULL && l->state == RESOLVER_WAIT) {
    so_resolver_attempt_failed(r, l);
  }
}
