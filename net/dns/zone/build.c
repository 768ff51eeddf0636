// The zone made of its records: sorted, without duplicates, packed.

#include "base/assert.h"
#include "base/mem.h"
#include "base/sort.h"
#include "net/dns/zone/internal.h"

static so_status no_memory(void) { return so_status_make(SO_LIMIT, 0); }

static so_bytes key_of(const pile *p, const record *r) {
  return so_bytes_of(p->bytes.ptr + r->key, r->key_len);
}

static so_bytes name_of(const pile *p, const record *r) {
  return so_bytes_of(p->bytes.ptr + r->name, r->name_len);
}

static so_bytes rdata_of(const pile *p, const record *r) {
  return so_bytes_of(p->bytes.ptr + r->rdata, r->rdata_len);
}

static int compare_u32(uint32_t a, uint32_t b) { return a < b ? -1 : a > b; }

// NSEC3 records last; by name, type, records before their signatures, data, place in the text.
static int compare_records(void *ctx, const void *x, const void *y) {
  const pile *const p = ctx;
  const record *const a = x;
  const record *const b = y;
  if (a->is_nsec3 != b->is_nsec3) {
    return a->is_nsec3 ? 1 : -1;
  }
  int c = a->key == b->key ? 0 : so_bytes_compare(key_of(p, a), key_of(p, b));
  c = c != 0 ? c : compare_u32(a->type, b->type);
  c = c != 0 ? c : compare_u32(a->is_signature, b->is_signature);
  c = c != 0 ? c : so_bytes_compare(rdata_of(p, a), rdata_of(p, b));
  return c != 0 ? c : compare_u32(a->file, b->file);
}

static bool same_name(const pile *p, const record *a, const record *b) {
  return a->is_nsec3 == b->is_nsec3 &&
         (a->key == b->key || so_bytes_equal(key_of(p, a), key_of(p, b)));
}

static bool same_set(const pile *p, const record *a, const record *b) {
  return same_name(p, a, b) && a->type == b->type;
}

static void drop_duplicates(pile *p) {
  const size_t count = pile_count(p);
  size_t kept = 0;
  for (size_t i = 0; i < count; i++) {
    const record *const r = pile_record(p, i);
    const record *const last = kept == 0 ? NULL : pile_record(p, kept - 1);
    if (last == NULL || !same_set(p, last, r) || last->is_signature != r->is_signature ||
        !so_bytes_equal(rdata_of(p, last), rdata_of(p, r))) {
      *pile_record(p, kept++) = *r;
    }
  }
  p->records.len = kept * sizeof(record);
}

// --- counting ---------------------------------------------------------------------------------

typedef struct sizes {
  size_t nodes;  // Those without data too.
  size_t nsec3s;
  size_t sets;
  size_t bytes;  // Of names and data.
} sizes;

// common_labels counts labels that two keys share from the left, which is from the right in names.
static size_t common_labels(so_bytes a, so_bytes b) {
  size_t labels = 0;
  for (size_t i = 0; i < a.len && i < b.len && a.ptr[i] == b.ptr[i]; i++) {
    labels += a.ptr[i] == 0;
  }
  return labels;
}

// new_names says how many nodes a record's name adds after that of `last`: itself, and those above
// it that no record names.
static size_t new_names(const pile *p, const record *last, const record *r) {
  if (last == NULL) {
    return 1;  // The apex.
  }
  return r->labels - common_labels(key_of(p, last), key_of(p, r));
}

static sizes measure(const pile *p) {
  sizes s = {0};
  const record *last = NULL;
  for (size_t i = 0; i < pile_count(p); i++) {
    const record *const r = pile_record(p, i);
    if (last == NULL || !same_name(p, last, r)) {
      s.bytes += r->name_len;
      s.nsec3s += r->is_nsec3;
      s.nodes += r->is_nsec3 ? 0 : new_names(p, last, r);
    }
    s.sets += last == NULL || !same_set(p, last, r);
    s.bytes += 2 + (size_t)r->rdata_len;
    last = r;
  }
  return s;
}

// --- packing ----------------------------------------------------------------------------------

typedef struct packer {
  so_dns_zone *zone;
  const pile *pile;
  so_dns_zone_error *error;
  so_dns_node *nodes;
  so_dns_nsec3 *nsec3s;
  so_dns_rrset *sets;
  so_writer bytes;
  size_t set_count;
} packer;

static so_status fail_at(const packer *k, const record *r, const char *reason) {
  return so_zone_fail_name(k->error, k->pile->files[r->file], r->line, reason, name_of(k->pile, r));
}

static const uint8_t *pack(packer *k, so_bytes bytes) {
  const uint8_t *const at = k->bytes.buf + k->bytes.len;
  so_write_bytes(&k->bytes, bytes);
  SO_ASSERT(!k->bytes.failed);
  return at;
}

// pack_records packs the records from `*i` on that belong to one list of a set.
static so_status pack_records(packer *k, size_t *i, bool signatures, so_dns_rdatas *out,
                              uint32_t *ttl) {
  const pile *const p = k->pile;
  const record *const first = pile_record(p, *i);
  const size_t from = k->bytes.len;
  out->ptr = k->bytes.buf + from;
  *ttl = first->ttl;
  while (*i < pile_count(p)) {
    const record *const r = pile_record(p, *i);
    if (!same_set(p, first, r) || r->is_signature != signatures) {
      break;
    }
    if (out->count == SO_DNS_RRSET_COUNT_MAX) {
      return fail_at(k, r, "too many records of one type");
    }
    so_write_u16be(&k->bytes, r->rdata_len);
    (void)pack(k, rdata_of(p, r));
    // One set has one time to live (RFC 2181 5.2); where the text differs, the least.
    *ttl = r->ttl < *ttl ? r->ttl : *ttl;
    out->count++;
    (*i)++;
  }
  out->len = (uint32_t)(k->bytes.len - from);
  return so_done();
}

static so_status pack_set(packer *k, size_t *i) {
  const record *const first = pile_record(k->pile, *i);
  so_dns_rrset *const set = &k->sets[k->set_count++];
  set->type = first->type;
  if (first->is_signature) {
    return fail_at(k, first, "a signature of records that are not there");
  }
  SO_TRY(pack_records(k, i, false, &set->records, &set->ttl));
  const bool more = *i < pile_count(k->pile);
  if (more && same_set(k->pile, first, pile_record(k->pile, *i))) {
    SO_TRY(pack_records(k, i, true, &set->signatures, &set->signatures_ttl));
  }
  const bool single = set->type == SO_DNS_CNAME || set->type == SO_DNS_DNAME ||
                      set->type == SO_DNS_SOA || set->type == SO_DNS_NSEC3;
  return single && set->records.count != 1 ? fail_at(k, first, "more than one record of this type")
                                           : so_done();
}

// may_accompany says which types may stand beside a CNAME (RFC 2181 10.1, RFC 4034 2.5 and 3).
static bool may_accompany(uint16_t type) {
  return type == SO_DNS_CNAME || type == SO_DNS_NSEC || type == 25 /* KEY */;
}

static so_status check_alone(const packer *k, const so_dns_node *node, const record *first) {
  bool has_cname = false;
  bool has_other = false;
  for (size_t i = 0; i < node->set_count; i++) {
    has_cname = has_cname || node->sets[i].type == SO_DNS_CNAME;
    has_other = has_other || !may_accompany(node->sets[i].type);
  }
  return has_cname && has_other ? fail_at(k, first, "a CNAME has other data beside it") : so_done();
}

// add_empty adds the nodes above `name` that no record names, from the top down.
static void add_empty(packer *k, const uint8_t *name, const record *r, size_t count) {
  so_bytes suffix = so_bytes_of(name, r->name_len);
  for (size_t i = 0; i < count; i++) {
    suffix = so_dns_name_parent(suffix);
    so_dns_node *const node = &k->nodes[k->zone->node_count + count - 1 - i];
    node->name = suffix.ptr;
    node->name_len = (uint8_t)suffix.len;
    node->labels = (uint8_t)(r->labels - i - 1);
    node->sets = NULL;
    node->set_count = 0;
    node->cut = SO_DNS_NO_NODE;
    node->wildcard = SO_DNS_NO_NODE;
  }
  k->zone->node_count += (uint32_t)count;
}

static so_status pack_node(packer *k, const record *last, size_t *i) {
  const record *const first = pile_record(k->pile, *i);
  const uint8_t *const name = pack(k, name_of(k->pile, first));
  add_empty(k, name, first, new_names(k->pile, last, first) - 1);
  so_dns_node *const node = &k->nodes[k->zone->node_count++];
  node->name = name;
  node->name_len = first->name_len;
  node->labels = first->labels;
  node->sets = k->sets + k->set_count;
  node->set_count = 0;
  node->cut = SO_DNS_NO_NODE;
  node->wildcard = SO_DNS_NO_NODE;
  while (*i < pile_count(k->pile) && same_name(k->pile, first, pile_record(k->pile, *i))) {
    SO_TRY(pack_set(k, i));
    node->set_count++;
  }
  return check_alone(k, node, first);
}

static bool read_hash(so_bytes name, uint8_t out[20]) {
  uint32_t bits = 0;
  unsigned held = 0;
  size_t len = 0;
  if (name.ptr[0] != 32) {
    return false;
  }
  for (size_t i = 1; i <= 32; i++) {
    const uint8_t c = name.ptr[i];
    const uint8_t lower = (uint8_t)(c | 0x20);
    const bool is_digit = c >= '0' && c <= '9';
    if (!is_digit && !(lower >= 'a' && lower <= 'v')) {
      return false;
    }
    bits = bits << 5 | (uint32_t)(is_digit ? c - '0' : lower - 'a' + 10);
    held += 5;
    if (held >= 8) {
      held -= 8;
      out[len++] = (uint8_t)(bits >> held);
    }
  }
  return true;
}

static so_status pack_nsec3(packer *k, size_t *i) {
  const record *const first = pile_record(k->pile, *i);
  so_dns_nsec3 *const n = &k->nsec3s[k->zone->nsec3_count++];
  const so_bytes origin = k->zone->origin;
  if (!read_hash(name_of(k->pile, first), n->hash) ||
      !so_dns_name_equal(so_dns_name_parent(name_of(k->pile, first)), origin)) {
    return fail_at(k, first, "the name of an NSEC3 is not a hash below the apex");
  }
  n->name = pack(k, name_of(k->pile, first));
  n->name_len = first->name_len;
  n->set = k->sets + k->set_count;
  return pack_set(k, i);
}

static so_status pack_all(packer *k) {
  const record *last = NULL;
  for (size_t i = 0; i < pile_count(k->pile);) {
    const record *const first = pile_record(k->pile, i);
    SO_TRY(first->is_nsec3 ? pack_nsec3(k, &i) : pack_node(k, last, &i));
    last = first;
  }
  return so_done();
}

// --- the table --------------------------------------------------------------------------------

static so_status make_table(so_dns_zone *z) {
  size_t count = 8;
  while (count < 2 * (size_t)z->node_count) {
    count *= 2;
  }
  so_dns_slot *const slots = so_arena_alloc(&z->memory, count * sizeof *slots);
  if (slots == NULL) {
    return no_memory();
  }
  for (size_t i = 0; i < count; i++) {
    slots[i].node = SO_DNS_NO_NODE;
  }
  z->slot_mask = (uint32_t)(count - 1);
  for (uint32_t i = 0; i < z->node_count; i++) {
    so_dns_path path;
    so_dns_path_init(&path, so_dns_node_name(&z->nodes[i]), z->seed);
    size_t at = path.hashes[0] & z->slot_mask;
    while (slots[at].node != SO_DNS_NO_NODE) {
      at = (at + 1) & z->slot_mask;
    }
    slots[at] = (so_dns_slot){(uint32_t)(path.hashes[0] >> 32), i};
  }
  z->slots = slots;
  return so_done();
}

so_status so_zone_build(so_dns_zone *z, pile *p, const so_dns_zone_text *text,
                     so_dns_zone_error *error) {
  so_sort(p->records.ptr, pile_count(p), sizeof(record), compare_records, p);
  drop_duplicates(p);
  if (pile_count(p) == 0 || !so_dns_name_equal(name_of(p, pile_record(p, 0)), text->origin)) {
    return so_zone_fail_name(error, text->file, 0, "the zone has no SOA", text->origin);
  }
  if (pile_count(p) >= UINT32_MAX / 256) {
    return no_memory();
  }
  const sizes s = measure(p);
  z->seed = text->seed;
  z->record_count = (uint32_t)pile_count(p);
  SO_TRY(so_arena_copy(&z->memory, text->origin, &z->origin));
  packer k = {.zone = z, .pile = p, .error = error};
  k.nodes = so_arena_alloc(&z->memory, s.nodes * sizeof *k.nodes);
  k.nsec3s = so_arena_alloc(&z->memory, s.nsec3s * sizeof *k.nsec3s);
  k.sets = so_arena_alloc(&z->memory, s.sets * sizeof *k.sets);
  uint8_t *const bytes = so_arena_alloc(&z->memory, s.bytes);
  if (k.nodes == NULL || k.nsec3s == NULL || k.sets == NULL || bytes == NULL) {
    return no_memory();
  }
  k.bytes = so_writer_of(bytes, s.bytes);
  z->nodes = k.nodes;
  z->nsec3s = k.nsec3s;
  SO_TRY(pack_all(&k));
  SO_ASSERT(z->node_count == s.nodes && z->nsec3_count == s.nsec3s && k.set_count == s.sets);
  SO_TRY(make_table(z));
  return so_zone_check(z, p, error);
}
