// Any bytes as a master file: no crash; a zone that loads keeps its invariants; a refusal has a
// reason.

#include <stdlib.h>
#include <string.h>

#include "net/dns/zone/zone.h"

namespace {

void Require(bool condition) {
  if (!condition) {
    abort();
  }
}

void *Resize(void *, void *ptr, size_t, size_t new_len) {
  if (new_len == 0) {
    free(ptr);
    return nullptr;
  }
  return realloc(ptr, new_len);
}

void CheckSet(const so_dns_rrset &set) {
  so_dns_rdatas rest = set.records;
  so_bytes rdata;
  while (so_dns_rdata_next(&rest, &rdata)) {
    Require(so_ok(so_dns_rdata_check(set.type, rdata)));
  }
  Require(rest.len == 0 && set.records.count != 0);
}

void CheckZone(const so_dns_zone &z) {
  for (uint32_t i = 0; i < z.node_count; i++) {
    const so_dns_node &n = z.nodes[i];
    const so_bytes name = so_dns_node_name(&n);
    so_dns_path path;
    so_dns_path_init(&path, name, z.seed);
    Require(so_dns_zone_find(&z, &path, 0) == &n);
    Require(i == 0 || so_dns_zone_find(&z, &path, 1) != nullptr);
    Require(i == 0 || so_dns_name_compare(so_dns_node_name(&n - 1), name) < 0);
    for (size_t s = 0; s < n.set_count; s++) {
      Require(s == 0 || n.sets[s - 1].type < n.sets[s].type);
      CheckSet(n.sets[s]);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  static const uint8_t origin[] = "\7example\3org";
  const so_heap heap = {Resize, nullptr};
  so_dns_zone_text t = {};
  t.file = so_str("fuzz");
  t.text = so_bytes_of(data, len);
  t.origin = so_bytes_of(origin, sizeof origin);
  t.memory_limit = 1 << 22;
  so_dns_zone zone;
  so_dns_zone_error error;
  const so_status s = so_dns_zone_load(&zone, &heap, &t, &error);
  if (so_ok(s)) {
    CheckZone(zone);
    so_dns_zone_release(&zone);
  } else {
    Require(so_is(s, SO_LIMIT) || strlen(error.reason) > 0);
  }
  return 0;
}
