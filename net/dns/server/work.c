// The algorithm of RFC 1034 4.3.2, with wildcards (RFC 4592), DNAME (RFC 6672) and what DNSSEC
// adds.

#include "base/mem.h"
#include "net/dns/server/internal.h"

// --- writing ----------------------------------------------------------------------------------

static void put_rdatas(dns_work *w, so_dns_section section, so_bytes owner, uint16_t type,
                       uint32_t ttl, so_dns_rdatas rest) {
  so_bytes rdata;
  while (so_dns_rdata_next(&rest, &rdata) && !w->b->w.failed) {
    so_dns_write_rr(w->b, section, owner, type, SO_DNS_IN, ttl, rdata);
  }
  w->truncated = w->truncated || w->b->w.failed;
}

static uint32_t least(uint32_t a, uint32_t b) { return a < b ? a : b; }

void so_dns_put_set(dns_work *w, so_dns_section section, so_bytes owner, const so_dns_rrset *set,
                 uint32_t ttl_max) {
  put_rdatas(w, section, owner, set->type, least(set->ttl, ttl_max), set->records);
  if (w->dnssec_ok) {
    put_rdatas(w, section, owner, SO_DNS_RRSIG, least(set->signatures_ttl, ttl_max),
               set->signatures);
  }
}

static void put_answer(dns_work *w, const so_dns_rrset *set) {
  so_dns_put_set(w, SO_DNS_ANSWER, so_dns_name_view(&w->name), set, UINT32_MAX);
}

// put_addresses puts glue behind a referral. What does not fit is left out, but the first address
// of a server that can be reached in no other way must be there (RFC 9471).
static void put_addresses(dns_work *w, so_bytes target, bool needed) {
  static const uint16_t types[] = {SO_DNS_A, SO_DNS_AAAA};
  so_dns_path path;
  if (!so_dns_name_is_under(target, w->zone->origin)) {
    return;
  }
  so_dns_path_init(&path, target, w->zone->seed);
  const so_dns_node *const n = so_dns_zone_find(w->zone, &path, 0);
  for (size_t i = 0; n != NULL && i < 2; i++) {
    const so_dns_rrset *const set = so_dns_node_set(n, types[i]);
    if (set == NULL) {
      continue;
    }
    const so_dns_mark mark = so_dns_builder_mark(w->b);
    const bool before = w->truncated;
    so_dns_put_set(w, SO_DNS_ADDITIONAL, target, set, UINT32_MAX);
    if (w->b->w.failed) {
      so_dns_builder_rewind(w->b, &mark);
      w->truncated = before;
      if (needed) {
        so_dns_builder_set_truncated(w->b);
      }
    }
  }
}

// put_glue puts the addresses of the servers that a referral, or an answer to a question for NS,
// names.
static void put_glue(dns_work *w) {
  const bool is_referral = w->referral != NULL;
  so_dns_rdatas rest = is_referral ? so_dns_node_set(w->referral, SO_DNS_NS)->records
                                   : w->servers->records;
  so_bytes target;
  while (so_dns_rdata_next(&rest, &target)) {
    put_addresses(w, target, is_referral && so_dns_name_is_under(
                                                target, so_dns_node_name(w->referral)));
  }
}

// --- endings ----------------------------------------------------------------------------------

static bool no_data(dns_work *w, const so_dns_node *node) {
  w->soa = w->zone;
  so_dns_prove_no_data(w, node);
  return false;
}

static bool no_name(dns_work *w, const so_dns_node *encloser, size_t suffix) {
  w->rcode = SO_DNS_NXDOMAIN;
  w->soa = w->zone;
  w->rate_hash = w->path->hashes[suffix];
  so_dns_prove_no_name(w, encloser, suffix);
  return false;
}

static bool refer(dns_work *w, const so_dns_node *cut) {
  w->referral = cut;
  w->rate_hash = so_dns_mix(cut->name_len, (uint64_t)(uintptr_t)cut->name);
  return false;
}

// --- aliases ----------------------------------------------------------------------------------

// follow makes `target` the name to look for. False: the chain ends here, being a loop or too long.
static bool follow(dns_work *w, const so_dns_rrset *alias, so_bytes target) {
  for (size_t i = 0; i < w->chain_count; i++) {
    if (w->chain[i] == alias && alias->type == SO_DNS_CNAME) {
      return false;
    }
  }
  if (w->chain_count == SO_DNS_CHAIN_MAX || w->truncated) {
    return false;
  }
  w->chain[w->chain_count++] = alias;
  if (!so_ok(so_dns_name_copy(target, &w->name))) {
    return false;
  }
  so_dns_path_init(&w->target_path, so_dns_name_view(&w->name), w->server->config.seed);
  w->path = &w->target_path;
  return true;
}

static bool follow_cname(dns_work *w, const so_dns_rrset *cname) {
  so_dns_rdatas rest = cname->records;
  so_bytes target;
  for (size_t i = 0; i < w->chain_count; i++) {
    if (w->chain[i] == cname) {
      return false;  // A loop: it stands in the answer already.
    }
  }
  put_answer(w, cname);
  return so_dns_rdata_next(&rest, &target) && follow(w, cname, target);
}

// follow_dname adds the DNAME and the CNAME that it stands for (RFC 6672 3.1).
static bool follow_dname(dns_work *w, const so_dns_node *node, const so_dns_rrset *dname) {
  so_dns_rdatas rest = dname->records;
  so_bytes to;
  so_dns_name target;
  bool known = false;
  for (size_t i = 0; i < w->chain_count; i++) {
    known = known || w->chain[i] == dname;
  }
  if (!known) {
    so_dns_put_set(w, SO_DNS_ANSWER, so_dns_node_name(node), dname, UINT32_MAX);
  }
  if (!so_dns_rdata_next(&rest, &to)) {
    return false;
  }
  if (!so_ok(so_dns_name_substitute(so_dns_name_view(&w->name), so_dns_node_name(node), to,
                                    &target))) {
    w->rcode = SO_DNS_YXDOMAIN;
    return false;
  }
  so_dns_write_rr(w->b, SO_DNS_ANSWER, so_dns_name_view(&w->name), SO_DNS_CNAME, SO_DNS_IN,
                  dname->ttl, so_dns_name_view(&target));
  w->truncated = w->truncated || w->b->w.failed;
  return w->type != SO_DNS_CNAME && follow(w, dname, so_dns_name_view(&target));
}

// --- one step ---------------------------------------------------------------------------------

// ANY gets one set (RFC 8482 4.1), at an apex the SOA; RRSIG the signatures of one: whoever wants
// all asks for each, and nobody can make us send much for little.
static const so_dns_rrset *choose(const so_dns_node *node, uint16_t type) {
  const so_dns_rrset *const soa = so_dns_node_set(node, SO_DNS_SOA);
  if (type == SO_DNS_ANY && soa != NULL) {
    return soa;
  }
  for (size_t i = 0; i < node->set_count; i++) {
    const so_dns_rrset *const set = &node->sets[i];
    const bool is_denial = set->type == SO_DNS_NSEC || set->type == SO_DNS_NSEC3PARAM;
    if (type == SO_DNS_RRSIG ? set->signatures.count != 0
                             : !is_denial || node->set_count == 1) {
      return set;
    }
  }
  return NULL;
}

static bool put_chosen(dns_work *w, const so_dns_node *node) {
  const so_dns_rrset *const set = choose(node, w->type);
  if (set == NULL) {
    return false;
  }
  if (w->type == SO_DNS_RRSIG) {
    put_rdatas(w, SO_DNS_ANSWER, so_dns_name_view(&w->name), SO_DNS_RRSIG, set->signatures_ttl,
               set->signatures);
  } else {
    put_answer(w, set);
  }
  return true;
}

// found answers from a node's data. `*out_more` says whether an alias leads on. False: no data.
static bool found(dns_work *w, const so_dns_node *node, bool *out_more) {
  *out_more = false;
  if (w->type == SO_DNS_ANY || w->type == SO_DNS_RRSIG) {
    return put_chosen(w, node);
  }
  const so_dns_rrset *const set = so_dns_node_set(node, w->type);
  if (set != NULL) {
    put_answer(w, set);
    w->servers = w->type == SO_DNS_NS ? set : NULL;
    return true;
  }
  const so_dns_rrset *const cname = so_dns_node_set(node, SO_DNS_CNAME);
  if (cname != NULL) {
    *out_more = follow_cname(w, cname);
    return true;
  }
  return false;
}

static bool from_wildcard(dns_work *w, const so_dns_node *wildcard, size_t suffix) {
  bool more;
  w->rate_hash = w->path->hashes[suffix];
  // The proof is about the name asked for, which following an alias replaces.
  if (w->dnssec_ok) {
    bool has = w->type == SO_DNS_ANY || w->type == SO_DNS_RRSIG;
    has = has || so_dns_node_set(wildcard, w->type) != NULL ||
          so_dns_node_set(wildcard, SO_DNS_CNAME) != NULL;
    if (has) {
      so_dns_prove_wildcard(w, suffix);
    }
  }
  if (found(w, wildcard, &more)) {
    return more;
  }
  w->soa = w->zone;
  so_dns_prove_wildcard_no_data(w, wildcard, suffix);
  return false;
}

// step looks for `w->name` in `w->zone`. True: there is a new name to look for.
static bool step(dns_work *w) {
  const so_dns_zone *const z = w->zone;
  size_t suffix = 0;
  bool more;
  const so_dns_node *const node = so_dns_zone_encloser(z, w->path, &suffix);
  if (node->cut != SO_DNS_NO_NODE) {
    const so_dns_node *const cut = &z->nodes[node->cut];
    if (suffix != 0 || node != cut || w->type != SO_DNS_DS) {
      return refer(w, cut);
    }
  }
  w->authoritative = true;
  if (suffix == 0) {
    return found(w, node, &more) ? more : no_data(w, node);
  }
  const so_dns_rrset *const dname = so_dns_node_set(node, SO_DNS_DNAME);
  if (dname != NULL) {
    return follow_dname(w, node, dname);
  }
  if (node->wildcard != SO_DNS_NO_NODE) {
    return from_wildcard(w, &z->nodes[node->wildcard], suffix);
  }
  return no_name(w, node, suffix);
}

// --- the sections -----------------------------------------------------------------------------

static void put_authority(dns_work *w) {
  if (w->referral != NULL) {
    const so_bytes owner = so_dns_node_name(w->referral);
    // The signatures of a delegation's NS belong to the zone below.
    put_rdatas(w, SO_DNS_AUTHORITY, owner, SO_DNS_NS,
               so_dns_node_set(w->referral, SO_DNS_NS)->ttl,
               so_dns_node_set(w->referral, SO_DNS_NS)->records);
    const so_dns_rrset *const ds = so_dns_node_set(w->referral, SO_DNS_DS);
    const bool is_signed = w->zone->soa->signatures.count != 0;
    if (w->dnssec_ok && is_signed && ds != NULL) {
      so_dns_put_set(w, SO_DNS_AUTHORITY, owner, ds, UINT32_MAX);
    } else if (w->dnssec_ok && is_signed) {
      so_dns_prove_no_ds(w, w->referral);
    }
  }
  if (w->soa != NULL) {
    so_dns_put_set(w, SO_DNS_AUTHORITY, w->soa->origin, w->soa->soa, w->soa->negative_ttl);
  }
  for (size_t i = 0; i < w->proof_count && !w->truncated; i++) {
    const dns_proof *const p = &w->proofs[i];
    so_dns_put_set(w, SO_DNS_AUTHORITY, so_bytes_of(p->name, p->name_len), p->set, UINT32_MAX);
  }
}

void so_dns_work_run(dns_work *w) {
  do {
    w->zone = so_dns_zone_for(w->server, w->path, w->type);
    if (w->zone == NULL) {
      w->rcode = w->chain_count == 0 ? SO_DNS_REFUSED : w->rcode;
      break;
    }
  } while (step(w));
  put_authority(w);
  if ((w->referral != NULL || w->servers != NULL) && !w->truncated) {
    put_glue(w);
  }
}
