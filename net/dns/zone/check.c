// What must hold of a zone as a whole, and what is worked out once: cuts, wildcards, denial chains.

#include "base/reader.h"
#include "net/dns/nsec3/nsec3.h"
#include "net/dns/zone/internal.h"

typedef struct check {
  so_dns_zone *zone;
  const pile *pile;
  so_dns_zone_error *error;
} check;

// fail_at finds the line of a node's first record again; only failures pay for it.
static so_status fail_at(const check *k, const so_dns_node *n, const char *reason) {
  for (size_t i = 0; i < pile_count(k->pile); i++) {
    const record *const r = pile_record(k->pile, i);
    const so_bytes name = so_bytes_of(k->pile->bytes.ptr + r->name, r->name_len);
    if (so_dns_name_equal(name, so_dns_node_name(n))) {
      return so_zone_fail_name(k->error, k->pile->files[r->file], r->line, reason, name);
    }
  }
  return so_zone_fail_name(k->error, k->pile->files[0], 0, reason, so_dns_node_name(n));
}

// --- the apex ---------------------------------------------------------------------------------

static uint32_t load32(const uint8_t *p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static so_status check_apex(const check *k) {
  so_dns_zone *const z = k->zone;
  const so_dns_node *const apex = &z->nodes[0];
  z->soa = so_dns_node_set(apex, SO_DNS_SOA);
  z->ns = so_dns_node_set(apex, SO_DNS_NS);
  if (z->soa == NULL) {
    return fail_at(k, apex, "the zone has no SOA");
  }
  if (z->ns == NULL) {
    return fail_at(k, apex, "the zone has no NS");
  }
  so_dns_rdatas rest = z->soa->records;
  so_bytes soa;
  const bool any = so_dns_rdata_next(&rest, &soa);
  if (!any || soa.len < 22) {
    return fail_at(k, apex, "the SOA is too short");
  }
  const uint32_t minimum = load32(soa.ptr + soa.len - 4);
  z->serial = load32(soa.ptr + soa.len - 20);
  z->negative_ttl = minimum < z->soa->ttl ? minimum : z->soa->ttl;
  return so_done();
}

// --- walks over all nodes ---------------------------------------------------------------------

static so_status check_types(const check *k, uint32_t i) {
  const so_dns_node *const n = &k->zone->nodes[i];
  if (i != 0 && so_dns_node_set(n, SO_DNS_SOA) != NULL) {
    return fail_at(k, n, "a SOA that is not at the apex");
  }
  if (i != 0 && so_dns_node_set(n, SO_DNS_DNAME) != NULL &&
      so_dns_node_set(n, SO_DNS_NS) != NULL) {
    return fail_at(k, n, "a DNAME beside the NS of a delegation");
  }
  if (i == 0 && so_dns_node_set(n, SO_DNS_DS) != NULL) {
    return fail_at(k, n, "a DS at the apex belongs to the zone above");
  }
  return so_done();
}

// link_all finds for each node the delegation above it, its wildcard child, and data below a DNAME.
// In canonical order the descendants of a node follow it at once.
static so_status link_all(const check *k, so_dns_node *nodes) {
  so_dns_zone *const z = k->zone;
  uint32_t cut = SO_DNS_NO_NODE;
  uint32_t dname = SO_DNS_NO_NODE;
  for (uint32_t i = 0; i < z->node_count; i++) {
    so_dns_node *const n = &nodes[i];
    const so_bytes name = so_dns_node_name(n);
    if (cut != SO_DNS_NO_NODE && !so_dns_name_is_under(name, so_dns_node_name(&nodes[cut]))) {
      cut = SO_DNS_NO_NODE;
    }
    if (dname != SO_DNS_NO_NODE && !so_dns_name_is_under(name, so_dns_node_name(&nodes[dname]))) {
      dname = SO_DNS_NO_NODE;
    }
    if (dname != SO_DNS_NO_NODE) {
      return fail_at(k, n, "data below a DNAME");
    }
    SO_TRY(check_types(k, i));
    if (i != 0 && cut == SO_DNS_NO_NODE && so_dns_node_set(n, SO_DNS_NS) != NULL) {
      cut = i;
    }
    n->cut = cut;
    if (so_dns_node_set(n, SO_DNS_DNAME) != NULL && cut == SO_DNS_NO_NODE) {
      dname = i;
    }
    if (so_dns_name_is_wildcard(name) && i != 0) {
      so_dns_path path;
      so_dns_path_init(&path, name, z->seed);
      const so_dns_node *const parent = so_dns_zone_find(z, &path, 1);
      if (parent != NULL) {
        nodes[parent - nodes].wildcard = i;
      }
    }
  }
  return so_done();
}

// A server below its own delegation can be reached only by an address that this zone gives.
static void count_unglued(so_dns_zone *z) {
  for (uint32_t i = 0; i < z->node_count; i++) {
    if (z->nodes[i].cut != i) {
      continue;
    }
    so_dns_rdatas rest = so_dns_node_set(&z->nodes[i], SO_DNS_NS)->records;
    so_bytes target;
    while (so_dns_rdata_next(&rest, &target)) {
      so_dns_path path;
      so_dns_path_init(&path, target, z->seed);
      const so_dns_node *const n = so_dns_zone_find(z, &path, 0);
      const bool is_below = so_dns_name_is_under(target, so_dns_node_name(&z->nodes[i]));
      const bool has_address = n != NULL && (so_dns_node_set(n, SO_DNS_A) != NULL ||
                                             so_dns_node_set(n, SO_DNS_AAAA) != NULL);
      z->unglued_count += is_below && !has_address;
    }
  }
}

// --- denial -----------------------------------------------------------------------------------

static so_status list_nsecs(so_dns_zone *z) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < z->node_count; i++) {
    count += so_dns_node_set(&z->nodes[i], SO_DNS_NSEC) != NULL;
  }
  uint32_t *const list = so_arena_alloc(&z->memory, count * sizeof *list);
  if (list == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  z->nsecs = list;
  for (uint32_t i = 0; i < z->node_count; i++) {
    if (so_dns_node_set(&z->nodes[i], SO_DNS_NSEC) != NULL) {
      list[z->nsec_count++] = i;
    }
  }
  return so_done();
}

// read_nsec3 reads the parameters in front of NSEC3PARAM and NSEC3 alike.
static bool read_nsec3(so_bytes rdata, uint8_t *algorithm, uint16_t *iterations, so_bytes *salt) {
  so_reader r = so_reader_of(rdata);
  uint8_t flags;
  uint8_t len;
  return so_read_u8(&r, algorithm) && so_read_u8(&r, &flags) && so_read_u16be(&r, iterations) &&
         so_read_u8(&r, &len) && so_read_bytes(&r, len, salt);
}

static so_status check_nsec3s(const check *k) {
  so_dns_zone *const z = k->zone;
  const so_dns_rrset *const param = so_dns_node_set(&z->nodes[0], SO_DNS_NSEC3PARAM);
  if (z->nsec3_count == 0 || param == NULL) {
    z->nsec3_count = 0;  // A chain that no NSEC3PARAM announces is not served (RFC 5155 4).
    return so_done();
  }
  so_dns_rdatas rest = param->records;
  so_bytes rdata;
  uint8_t algorithm;
  if (!so_dns_rdata_next(&rest, &rdata) || rest.count != 0 ||
      !read_nsec3(rdata, &algorithm, &z->nsec3_iterations, &z->nsec3_salt)) {
    return fail_at(k, &z->nodes[0], "more than one NSEC3PARAM");
  }
  if (z->nsec3_iterations > SO_DNS_NSEC3_ITERATIONS_MAX) {
    return fail_at(k, &z->nodes[0], "too many iterations of the NSEC3 hash");
  }
  for (uint32_t i = 0; i < z->nsec3_count; i++) {
    uint8_t other;
    uint16_t iterations;
    so_bytes salt;
    rest = z->nsec3s[i].set->records;
    if (!so_dns_rdata_next(&rest, &rdata) || !read_nsec3(rdata, &other, &iterations, &salt) ||
        other != algorithm || iterations != z->nsec3_iterations ||
        !so_bytes_equal(salt, z->nsec3_salt)) {
      return fail_at(k, &z->nodes[0], "an NSEC3 that is not of the chain of the NSEC3PARAM");
    }
  }
  return algorithm == 1 ? so_done() : fail_at(k, &z->nodes[0], "an NSEC3 hash other than SHA-1");
}

so_status so_zone_check(so_dns_zone *z, const pile *p, so_dns_zone_error *error) {
  const check k = {z, p, error};
  SO_TRY(check_apex(&k));
  SO_TRY(link_all(&k, (so_dns_node *)z->nodes));
  count_unglued(z);
  SO_TRY(list_nsecs(z));
  return check_nsec3s(&k);
}
