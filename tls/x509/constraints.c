#include "tls/x509/internal.h"

// Name constraints (RFC 5280 4.2.1.10) for DNS names and IP addresses.

// next_subtree takes one base off a GeneralSubtrees content, which parsing has checked.
static bool next_subtree(so_bytes *list, uint8_t *tag, so_bytes *base) {
  so_der d = so_der_of(*list);
  so_der subtree;
  so_bytes whole;
  if (!so_der_more(&d) || !so_der_enter(&d, SO_DER_SEQUENCE, &subtree) ||
      !so_der_any(&subtree, tag, base, &whole)) {
    return false;
  }
  *list = so_reader_rest(&d.in);
  return true;
}

// dns_within is true when `name` is `base` or below it. A base with a leading dot, which the RFC
// does not define but CAs issue, means below it only. The empty base is above everything.
static bool dns_within(so_bytes name, so_bytes base) {
  if (base.len == 0) {
    return true;
  }
  const bool below_only = base.ptr[0] == '.';
  if (!below_only && so_bytes_equal_nocase(name, base)) {
    return true;
  }
  const size_t tail_len = base.len + (below_only ? 0 : 1);
  if (name.len <= tail_len) {
    return false;
  }
  const so_bytes tail = so_bytes_from(name, name.len - base.len);
  return so_bytes_equal_nocase(tail, base) && name.ptr[name.len - tail_len] == '.';
}

// wildcard_reaches is true when "*.x" covers the very name `base`, which it must not where that is
// excluded.
static bool wildcard_reaches(so_bytes name, so_bytes base) {
  if (!so_bytes_has_prefix(name, so_str("*."))) {
    return false;
  }
  const size_t dot = so_bytes_find(base, '.');
  return dot > 0 && dot < base.len &&
         so_bytes_equal_nocase(so_bytes_from(base, dot + 1), so_bytes_from(name, 2));
}

static bool ip_within(const so_x509_name *name, so_bytes base) {
  if (base.len != 2u * name->ip_len) {
    return false;
  }
  for (size_t i = 0; i < name->ip_len; i++) {
    if (((name->ip[i] ^ base.ptr[i]) & base.ptr[name->ip_len + i]) != 0) {
      return false;
    }
  }
  return true;
}

typedef struct match {
  bool any;     // The list has a subtree of the kind of the name.
  bool inside;  // The name is in one of them.
} match;

// match_list compares a name with each subtree of its kind. False when the budget ran out.
static bool match_list(const so_x509_name *name, so_bytes list, bool excluding, uint32_t *budget,
                       match *out) {
  uint8_t tag;
  so_bytes base;
  *out = (match){false, false};
  while (next_subtree(&list, &tag, &base)) {
    if (*budget == 0) {
      return false;
    }
    (*budget)--;
    if (tag == SO_X509_TAG_DNS && name->kind == SO_X509_NAME_DNS) {
      out->any = true;
      out->inside = out->inside || dns_within(name->dns, base) ||
                    (excluding && wildcard_reaches(name->dns, base));
    } else if (tag == SO_X509_TAG_IP && name->kind == SO_X509_NAME_IP) {
      out->any = true;
      out->inside = out->inside || ip_within(name, base);
    }
  }
  return true;
}

static bool name_allowed(const so_x509 *issuer, const so_x509_name *name, uint32_t *budget) {
  match permitted, excluded;
  if (!match_list(name, issuer->permitted, false, budget, &permitted) ||
      !match_list(name, issuer->excluded, true, budget, &excluded)) {
    return false;
  }
  // What is not a DNS name at all is neither inside nor outside.
  if ((permitted.any || excluded.any) && name->kind == SO_X509_NAME_DNS &&
      !so_x509_dns_valid(name->dns, true)) {
    return false;
  }
  return (!permitted.any || permitted.inside) && !excluded.inside;
}

bool so_x509_constraints_hold(const so_x509 *issuer, const so_x509 *below, size_t count,
                              uint32_t *budget) {
  if (!issuer->has_name_constraints) {
    return true;
  }
  for (size_t i = 0; i < count; i++) {
    // A CA that renews itself is exempt (RFC 5280 6.1.3 b), the end entity never is.
    if (i > 0 && so_bytes_equal(below[i].subject, below[i].issuer)) {
      continue;
    }
    so_bytes names = below[i].alt_names;
    so_x509_name name;
    while (so_x509_alt_name_next(&names, &name)) {
      if (*budget == 0 || !name_allowed(issuer, &name, budget)) {
        return false;
      }
    }
  }
  return true;
}
