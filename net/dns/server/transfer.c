// Whole zones over TCP (RFC 5936): the SOA, everything else, the SOA again.

#include "base/assert.h"
#include "base/mem.h"
#include "net/dns/server/internal.h"

// Messages are closed once they hold this much, so that compression pointers reach all of them.
#define MESSAGE_LEN_WANTED 16384

enum { PART_FIRST_SOA, PART_NODES, PART_NSEC3, PART_LAST_SOA, PART_END };

static bool prefix_matches(const so_dns_prefix *p, so_bytes address) {
  if (p->family != (address.len == 4 ? 4 : 6) || p->bits > 8 * address.len) {
    return false;
  }
  const size_t whole = p->bits / 8;
  const unsigned rest = p->bits % 8;
  if (memcmp(p->address, address.ptr, whole) != 0) {
    return false;
  }
  return rest == 0 || ((p->address[whole] ^ address.ptr[whole]) >> (8 - rest)) == 0;
}

bool so_dns_may_transfer(const so_dns_server *s, const so_dns_client *client) {
  for (size_t i = 0; i < s->config.transfer_count; i++) {
    if (prefix_matches(&s->config.transfers[i], client->address)) {
      return true;
    }
  }
  return false;
}

// --- the sequence of sets ---------------------------------------------------------------------

// current gives the set that comes next, or NULL at the end of the part.
static const so_dns_rrset *current(so_dns_transfer *t, so_bytes *owner) {
  const so_dns_zone *const z = t->zone;
  if (t->part == PART_FIRST_SOA || t->part == PART_LAST_SOA) {
    *owner = z->origin;
    return t->set == 0 ? z->soa : NULL;
  }
  if (t->part == PART_NSEC3) {
    if (t->nsec3 == z->nsec3_count) {
      return NULL;
    }
    *owner = so_bytes_of(z->nsec3s[t->nsec3].name, z->nsec3s[t->nsec3].name_len);
    return z->nsec3s[t->nsec3].set;
  }
  while (t->node < z->node_count && t->set == z->nodes[t->node].set_count) {
    t->node++;
    t->set = 0;
  }
  if (t->node == z->node_count) {
    return NULL;
  }
  *owner = so_dns_node_name(&z->nodes[t->node]);
  return &z->nodes[t->node].sets[t->set];
}

static void start_set(so_dns_transfer *t, const so_dns_rrset *set) {
  const bool is_soa = set == t->zone->soa;
  t->records = set->records;
  t->signatures = set->signatures;
  // At both ends the SOA stands alone; in between, its signatures.
  if (is_soa && t->part == PART_NODES) {
    t->records.count = 0;
  } else if (is_soa) {
    t->signatures.count = 0;
  }
  t->open = true;
}

static void next_set(so_dns_transfer *t) {
  t->open = false;
  if (t->part == PART_NSEC3) {
    t->nsec3++;
  } else {
    t->set++;
  }
}

// put_record writes one record of the open set. False: there is none left.
static bool put_record(so_dns_transfer *t, so_dns_builder *b, so_bytes owner,
                       const so_dns_rrset *set) {
  so_dns_rdatas records = t->records;
  so_dns_rdatas signatures = t->signatures;
  so_bytes rdata;
  if (so_dns_rdata_next(&records, &rdata)) {
    so_dns_write_rr(b, SO_DNS_ANSWER, owner, set->type, SO_DNS_IN, set->ttl, rdata);
  } else if (so_dns_rdata_next(&signatures, &rdata)) {
    so_dns_write_rr(b, SO_DNS_ANSWER, owner, SO_DNS_RRSIG, SO_DNS_IN, set->signatures_ttl, rdata);
  } else {
    return false;
  }
  if (!b->w.failed) {
    t->records = records;
    t->signatures = signatures;
  }
  return true;
}

// put_next writes the next record of the zone. False: all were written, or it does not fit any
// more.
static bool put_next(so_dns_transfer *t, so_dns_builder *b) {
  while (t->part != PART_END) {
    so_bytes owner = {NULL, 0};
    const so_dns_rrset *const set = current(t, &owner);
    if (set == NULL) {
      t->part++;
      t->set = 0;
      continue;
    }
    if (!t->open) {
      start_set(t, set);
    }
    const so_dns_mark mark = so_dns_builder_mark(b);
    if (put_record(t, b, owner, set)) {
      if (b->w.failed) {
        so_dns_builder_rewind(b, &mark);
        return false;
      }
      return true;
    }
    next_set(t);
  }
  return false;
}

bool so_dns_transfer_next(so_dns_transfer *t, uint8_t *buf, size_t cap, so_bytes *out) {
  if (t->part == PART_END) {
    return false;
  }
  so_dns_builder b;
  const so_dns_header header = {.id = t->id, .qr = true, .aa = true, .rd = t->rd};
  so_dns_builder_init(&b, buf, cap, &header);
  so_dns_write_question(&b, so_dns_name_view(&t->name), t->type, SO_DNS_IN);
  while (b.w.len < MESSAGE_LEN_WANTED && put_next(t, &b)) {
  }
  SO_ASSERT(so_ok(so_dns_builder_end(&b, out)));
  return b.counts[SO_DNS_ANSWER] != 0;
}
