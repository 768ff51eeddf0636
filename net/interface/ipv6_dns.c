// Name servers and search lists that routers announce, for as long as they say (RFC 8106 5.3).

#include "net/interface/ipv6_internal.h"

static uint64_t until(uint64_t now_ns, uint32_t life_s) {
  return life_s == SO_ND_INFINITE_S ? SO_NEVER : now_ns + life_s * SO_NS_PER_S;
}

// --- name servers -----------------------------------------------------------------------------

// The place of `server`, else a free one or one whose time is over.
static so_ipv6_dns *dns_slot(so_ipv6_state *v6, const so_ip *server, uint64_t now_ns) {
  so_ipv6_dns *free = NULL;
  for (unsigned k = 0; k < SO_INTERFACE_DNS_MAX; k++) {
    so_ipv6_dns *d = &v6->dns[k];
    if (so_ip_equal(&d->server, server)) {
      return d;
    }
    if (free == NULL && (d->server.family == 0 || d->until_ns <= now_ns)) {
      free = d;
    }
  }
  return free;
}

void so_ipv6_on_dns(void *interface, const so_nd_dns *servers, size_t count) {
  so_interface *i = interface;
  for (size_t k = 0; k < count; k++) {
    so_ipv6_dns *d = dns_slot(so_ipv6_of(i), &servers[k].server, i->core->now_ns);
    if (d != NULL) {
      d->server = servers[k].server;
      d->until_ns = until(i->core->now_ns, servers[k].lifetime_s);
    }
  }
}

size_t so_interface_ipv6_dns(const so_interface *i, uint64_t now_ns, so_ip *out, size_t max) {
  size_t count = 0;
  for (unsigned k = 0; k < SO_INTERFACE_DNS_MAX && count < max; k++) {
    const so_ipv6_dns *d = &so_ipv6_of(i)->dns[k];
    if (d->server.family != 0 && d->until_ns > now_ns) {
      out[count++] = d->server;
    }
  }
  return count;
}

// --- search lists -----------------------------------------------------------------------------

static so_ipv6_search *search_slot(so_ipv6_state *v6, const so_dns_name *domain, uint64_t now_ns) {
  so_ipv6_search *free = NULL;
  for (unsigned k = 0; k < SO_SEARCH_DOMAINS_MAX; k++) {
    so_ipv6_search *s = &v6->search[k];
    if (s->domain.len != 0 &&
        so_dns_name_equal(so_dns_name_view(&s->domain), so_dns_name_view(domain))) {
      return s;
    }
    if (free == NULL && (s->domain.len == 0 || s->until_ns <= now_ns)) {
      free = s;
    }
  }
  return free;
}

// note_domain keeps a domain; false: it is none that can end a host's name, or there is no room.
static bool note_domain(so_ipv6_state *v6, const so_dns_name *domain, uint64_t until_ns,
                        uint64_t now_ns) {
  so_search one = {0};
  so_ipv6_search *s = search_slot(v6, domain, now_ns);
  if (s == NULL || !so_ok(so_search_add(&one, domain))) {
    return false;
  }
  s->domain = one.domains[0];
  s->until_ns = until_ns;
  return true;
}

void so_ipv6_on_search(void *interface, const so_nd_search *lists, size_t count) {
  so_interface *i = interface;
  so_ipv6_state *v6 = so_ipv6_of(i);
  const uint64_t now_ns = i->core->now_ns;
  for (size_t k = 0; k < count; k++) {
    const uint64_t until_ns = until(now_ns, lists[k].lifetime_s);
    size_t offset = 0;
    so_dns_name domain;
    so_status s = so_search_next_nd(lists[k].names, &offset, &domain);
    while (so_ok(s)) {
      v6->ndp.stats.values_refused += note_domain(v6, &domain, until_ns, now_ns) ? 0 : 1;
      s = so_search_next_nd(lists[k].names, &offset, &domain);
    }
    v6->ndp.stats.values_refused += so_is(s, SO_MALFORMED) ? 1 : 0;
  }
}

void so_interface_ipv6_search(const so_interface *i, uint64_t now_ns, so_search *out) {
  for (unsigned k = 0; k < SO_SEARCH_DOMAINS_MAX; k++) {
    const so_ipv6_search *s = &so_ipv6_of(i)->search[k];
    if (s->domain.len != 0 && s->until_ns > now_ns) {
      (void)so_search_add(out, &s->domain).code;
    }
  }
}
