// What proves that something does not exist: NSEC (RFC 4035 3.1.3) and NSEC3 (RFC 5155 7.2).

#include "net/dns/nsec3/nsec3.h"
#include "net/dns/server/internal.h"

static void add(dns_work *w, so_bytes name, const so_dns_rrset *set) {
  for (size_t i = 0; i < w->proof_count; i++) {
    if (w->proofs[i].set == set) {
      return;
    }
  }
  if (w->proof_count < DNS_PROOFS_MAX) {
    w->proofs[w->proof_count++] = (dns_proof){name.ptr, set, (uint8_t)name.len};
  }
}

// --- NSEC -------------------------------------------------------------------------------------

static void add_nsec(dns_work *w, const so_dns_node *n) {
  const so_dns_rrset *const set = n == NULL ? NULL : so_dns_node_set(n, SO_DNS_NSEC);
  if (set != NULL) {
    add(w, so_dns_node_name(n), set);
  }
}

static void cover_nsec(dns_work *w, so_bytes name) {
  add_nsec(w, so_dns_zone_nsec_before(w->zone, name));
}

// wildcard_of writes "*." and the encloser.
static so_bytes wildcard_of(so_bytes encloser, so_dns_name *out) {
  out->bytes[0] = 1;
  out->bytes[1] = '*';
  for (size_t i = 0; i < encloser.len; i++) {
    out->bytes[2 + i] = encloser.ptr[i];
  }
  out->len = (uint8_t)(encloser.len + 2);
  return so_dns_name_view(out);
}

// --- NSEC3 ------------------------------------------------------------------------------------

static const so_dns_nsec3 *nsec3_of(const dns_work *w, so_bytes name, bool *exact) {
  uint8_t hash[SO_DNS_NSEC3_HASH_LEN];
  so_dns_nsec3_hash(name, w->zone->nsec3_salt, w->zone->nsec3_iterations, hash);
  return so_dns_zone_nsec3_before(w->zone, hash, exact);
}

static bool add_nsec3(dns_work *w, so_bytes name) {
  bool exact;
  const so_dns_nsec3 *const n = nsec3_of(w, name, &exact);
  if (n != NULL) {
    add(w, so_bytes_of(n->name, n->name_len), n->set);
  }
  return exact;
}

// prove_encloser adds the proof of the closest encloser (RFC 5155 7.2.1): the longest suffix that
// has an NSEC3, from `suffix` on, and one that covers the next closer name. In a zone that opts out
// an encloser may have none. Bounded by the labels above the origin.
static size_t prove_encloser(dns_work *w, const so_dns_path *path, size_t suffix) {
  const size_t last = path->labels - so_dns_name_labels(w->zone->origin);
  bool exact = false;
  for (; suffix <= last; suffix++) {
    const so_dns_nsec3 *const n = nsec3_of(w, so_dns_path_suffix(path, suffix), &exact);
    if (n != NULL && exact) {
      add(w, so_bytes_of(n->name, n->name_len), n->set);
      break;
    }
  }
  if (suffix != 0 && suffix <= last) {
    (void)add_nsec3(w, so_dns_path_suffix(path, suffix - 1));
  }
  return suffix;
}

static bool has_nsec3(const dns_work *w) { return w->dnssec_ok && w->zone->nsec3_count != 0; }
static bool has_nsec(const dns_work *w) { return w->dnssec_ok && w->zone->nsec_count != 0; }

// --- claims -----------------------------------------------------------------------------------

void so_dns_prove_no_data(dns_work *w, const so_dns_node *node) {
  if (has_nsec3(w)) {
    bool exact;
    const so_dns_nsec3 *const n = nsec3_of(w, so_dns_node_name(node), &exact);
    if (exact) {
      add(w, so_bytes_of(n->name, n->name_len), n->set);
    } else {
      // A delegation, or names that lead to one only, in a zone that opts out (RFC 5155 7.2.4).
      (void)prove_encloser(w, w->path, 1);
    }
  } else if (has_nsec(w)) {
    cover_nsec(w, so_dns_node_name(node));  // Its own, or one that covers an empty non-terminal.
  }
}

void so_dns_prove_no_name(dns_work *w, const so_dns_node *encloser, size_t suffix) {
  so_dns_name wildcard;
  if (encloser->name_len > SO_DNS_NAME_LEN_MAX - 2) {
    return;  // No name below it can be denied, because none can be asked for.
  }
  if (has_nsec3(w)) {
    (void)prove_encloser(w, w->path, suffix);
    (void)add_nsec3(w, wildcard_of(so_dns_node_name(encloser), &wildcard));
  } else if (has_nsec(w)) {
    cover_nsec(w, so_dns_name_view(&w->name));
    cover_nsec(w, wildcard_of(so_dns_node_name(encloser), &wildcard));
  }
}

void so_dns_prove_wildcard(dns_work *w, size_t suffix) {
  if (has_nsec3(w)) {
    (void)add_nsec3(w, so_dns_path_suffix(w->path, suffix - 1));
  } else if (has_nsec(w)) {
    cover_nsec(w, so_dns_name_view(&w->name));
  }
}

void so_dns_prove_wildcard_no_data(dns_work *w, const so_dns_node *wildcard, size_t suffix) {
  if (has_nsec3(w)) {
    (void)prove_encloser(w, w->path, suffix);
    (void)add_nsec3(w, so_dns_node_name(wildcard));
  } else if (has_nsec(w)) {
    cover_nsec(w, so_dns_name_view(&w->name));
    add_nsec(w, wildcard);
  }
}

void so_dns_prove_no_ds(dns_work *w, const so_dns_node *cut) {
  if (has_nsec3(w)) {
    so_dns_path path;
    so_dns_path_init(&path, so_dns_node_name(cut), w->zone->seed);
    (void)prove_encloser(w, &path, 0);
  } else if (has_nsec(w)) {
    add_nsec(w, cut);
  }
}
