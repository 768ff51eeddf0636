// Any bytes as a list of DHCP, of a router, or as text: reading ends, a list holds nothing but
// domains of hosts, and each candidate is a name with the one that was asked in front.

#include <stdlib.h>
#include <string.h>

#include "net/dns/search/search.h"

namespace {

void Require(bool condition) {
  if (!condition) {
    abort();
  }
}

void Check(const so_search &s) {
  Require(s.count <= SO_SEARCH_DOMAINS_MAX);
  for (size_t i = 0; i < s.count; i++) {
    uint8_t buf[SO_SEARCH_NAME_LEN_MAX];
    so_dns_name again;
    so_bytes name;
    Require(so_ok(so_dns_name_copy(so_dns_name_view(&s.domains[i]), &again)));
    Require(so_search_candidate(&s, so_str("www"), i, buf, &name));
    Require(name.len > 4 && memcmp(name.ptr, "www.", 4) == 0);
    const so_status read = so_dns_name_from_text(name, so_bytes_of(nullptr, 0), &again);
    Require(so_ok(read) || again.len + 4 > SO_DNS_NAME_LEN_MAX);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  const so_bytes in = so_bytes_of(data, len);
  so_search dhcp = {}, nd = {}, text = {}, all = {};
  (void)so_search_add_dhcp(&dhcp, in);
  Check(dhcp);
  size_t offset = 0;
  so_dns_name name;
  for (size_t before = 0; so_ok(so_search_next_nd(in, &offset, &name)); before = offset) {
    Require(offset > before && offset <= len);
    (void)!so_ok(so_search_add(&nd, &name));
  }
  Check(nd);
  (void)so_search_add_text(&text, in, ',');
  Check(text);
  so_search_add_all(&all, &dhcp);
  so_search_add_all(&all, &nd);
  Check(all);
  return 0;
}
