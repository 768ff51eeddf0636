// Where names are looked up: name servers and search lists of settings, leases and routers.

#include "base/fmt.h"
#include "base/mem.h"
#include "net/host/internal.h"

#define DNS_PORT 53

static void use_servers(so_host *h, const so_ip *servers, size_t count) {
  so_endpoint list[SO_RESOLVER_SERVERS_MAX];
  const size_t n = count < SO_RESOLVER_SERVERS_MAX ? count : SO_RESOLVER_SERVERS_MAX;
  for (size_t i = 0; i < n; i++) {
    list[i] = so_ip_endpoint(&servers[i], DNS_PORT);
  }
  so_resolver_set_servers(h->resolver, list, n, so_host_now(h));
  so_event_signal(h->world->sched, &h->resolver_event);
}

// found_servers collects those of the lease, then those of routers.
static size_t found_servers(const so_host *h, so_ip found[SO_HOST_DNS_MAX]) {
  size_t count = 0;
  if (h->leased.family != 0) {
    const so_dhcp_lease *const lease = &h->dhcp.lease;
    while (count < lease->dns_count && count < SO_HOST_DNS_MAX) {
      found[count] = lease->dns[count];
      count++;
    }
  }
  if (h->interface.config.ipv6 != NULL) {
    count += h->config.parts.ipv6->dns(&h->interface, so_host_now(h), &found[count],
                                       SO_HOST_DNS_MAX - count);
  }
  return count;
}

// find_search: settings alone, else the lease's before those of routers.
static void find_search(so_host *h) {
  if (h->config.search_len != 0 || h->config.no_search) {
    return;
  }
  h->search = h->leased_search;
  if (h->interface.config.ipv6 != NULL) {
    h->config.parts.ipv6->search(&h->interface, so_host_now(h), &h->search);
  }
}

void so_host_find_servers(so_host *h) {
  so_ip found[SO_HOST_DNS_MAX] = {{0}};
  find_search(h);
  if (h->config.dns_count != 0) {  // What was configured by hand is all there is.
    return;
  }
  const size_t count = found_servers(h, found);
  bool same = count == h->found_dns_count;
  for (size_t i = 0; same && i < count; i++) {
    same = so_ip_equal(&found[i], &h->found_dns[i]);
  }
  if (!same) {
    memcpy(h->found_dns, found, sizeof found);
    h->found_dns_count = count;
    use_servers(h, found, count);
  }
}

void so_host_start_servers(so_host *h) {
  use_servers(h, h->config.dns, h->config.dns_count);
  h->stats.search_refused +=
      so_search_add_text(&h->search, so_bytes_of(h->config.search, h->config.search_len), ',');
}

// so_host_take_names: a server that has no option 119 may name one domain by option 15.
void so_host_take_names(so_host *h) {
  const so_dhcp_lease *const lease = &h->dhcp.lease;
  h->leased_search.count = 0;
  if (h->leased.family != 0 && lease->search_len != 0) {
    h->stats.search_refused += so_search_add_dhcp(
        &h->leased_search, so_bytes_of(lease->search, lease->search_len));
  } else if (h->leased.family != 0) {
    h->stats.search_refused += so_search_add_text(
        &h->leased_search, so_bytes_of(lease->domain, lease->domain_len), ' ');
  }
  so_host_find_servers(h);
}

void so_host_describe_names(so_host *h, so_buf *text) {
  uint8_t domains[SO_SEARCH_DOMAINS_MAX * (SO_DNS_NAME_LEN_MAX + 2)];
  so_host_find_servers(h);
  const bool by_hand = h->config.dns_count != 0;
  const so_ip *const servers = by_hand ? h->config.dns : h->found_dns;
  const size_t count = by_hand ? h->config.dns_count : h->found_dns_count;
  for (size_t i = 0; i < count; i++) {
    uint8_t name[SO_IP_TEXT_LEN_MAX];
    so_writer w = so_writer_of(name, sizeof name);
    so_ip_write(&servers[i], &w);
    so_buf_printf(text, "%s%.*s", i == 0 ? "names are looked up at " : ", ",
                  SO_FMT(so_writer_bytes(&w)));
  }
  if (count != 0 && h->search.count != 0) {
    so_writer w = so_writer_of(domains, sizeof domains);
    so_search_write_text(&h->search, &w);
    so_buf_printf(text, "; short ones end in %.*s", SO_FMT(so_writer_bytes(&w)));
  }
}
