#include "tls/x509/internal.h"

// All extensions that we know are 2.5.29.n with a small n.
#define OID_LEN 3

static const uint8_t oid_server_auth[] = {0x2b, 6, 1, 5, 5, 7, 3, 1};
static const uint8_t oid_client_auth[] = {0x2b, 6, 1, 5, 5, 7, 3, 2};
static const uint8_t oid_any_usage[] = {0x55, 0x1d, 37, 0};

#define OID(bytes) so_bytes_of(bytes, sizeof(bytes))

so_bytes so_x509_usage_oid(uint8_t usage) {
  return usage == SO_X509_SERVER_AUTH   ? OID(oid_server_auth)
         : usage == SO_X509_CLIENT_AUTH ? OID(oid_client_auth)
                                        : OID(oid_any_usage);
}

static bool read_basic_constraints(so_der *d, so_x509 *out) {
  so_der seq;
  if (!so_der_enter(d, SO_DER_SEQUENCE, &seq)) {
    return false;
  }
  out->has_basic_constraints = true;
  // A FALSE that is spelled out is not DER: it is the default.
  if (so_der_peek(&seq, SO_DER_BOOLEAN) &&
      (!so_der_boolean(&seq, &out->is_ca) || !out->is_ca)) {
    return false;
  }
  if (so_der_peek(&seq, SO_DER_INTEGER)) {
    out->has_path_len = true;
    if (!out->is_ca || !so_der_u32(&seq, &out->path_len)) {
      return false;
    }
  }
  return so_der_done(&seq);
}

static bool read_key_usage(so_der *d, so_x509 *out) {
  so_bytes bits;
  uint8_t unused;
  if (!so_der_bit_string(d, &bits, &unused) || bits.len == 0 || bits.len > 2 ||
      (bits.ptr[bits.len - 1] >> unused & 1) == 0) {
    return false;
  }
  out->has_key_usage = true;
  for (unsigned i = 0; i < 8 * bits.len; i++) {
    const unsigned bit = bits.ptr[i / 8] >> (7 - i % 8) & 1;
    out->key_usage = (uint16_t)(out->key_usage | bit << i);
  }
  return true;
}

static bool read_extended_key_usage(so_der *d, so_x509 *out) {
  static const uint8_t known[] = {SO_X509_SERVER_AUTH, SO_X509_CLIENT_AUTH, SO_X509_ANY_USAGE};
  so_der seq;
  if (!so_der_enter(d, SO_DER_SEQUENCE, &seq) || !so_der_more(&seq)) {
    return false;
  }
  out->has_extended_key_usage = true;
  while (so_der_more(&seq)) {
    so_bytes oid;
    if (!so_der_oid(&seq, &oid)) {
      return false;
    }
    for (size_t i = 0; i < sizeof known; i++) {
      if (so_bytes_equal(oid, so_x509_usage_oid(known[i]))) {
        out->extended_key_usage |= known[i];
      }
    }
  }
  return so_der_done(&seq);
}

// is_general_name is true for the tags of GeneralName: [0], [3], [4] and [5] are constructed.
static bool is_general_name(uint8_t tag) {
  const unsigned n = tag & 0x1f;
  const bool constructed = n == 0 || (n >= 3 && n <= 5);
  return n <= 8 && (tag & 0xe0) == (constructed ? 0xa0 : 0x80);
}

static bool is_ascii(so_bytes v) {
  for (size_t i = 0; i < v.len; i++) {
    if (v.ptr[i] >= 0x80) {
      return false;
    }
  }
  return true;
}

static bool read_alt_names(so_der *d, so_x509 *out) {
  so_der seq;
  if (!so_der_enter(d, SO_DER_SEQUENCE, &seq) || !so_der_more(&seq)) {
    return false;
  }
  out->alt_names = so_reader_rest(&seq.in);
  while (so_der_more(&seq)) {
    uint8_t tag;
    so_bytes v, whole;
    if (!so_der_any(&seq, &tag, &v, &whole) || !is_general_name(tag)) {
      return false;
    }
    if (tag == SO_X509_TAG_DNS && !is_ascii(v)) {
      return false;
    }
    if (tag == SO_X509_TAG_IP && v.len != 4 && v.len != 16) {
      return false;
    }
  }
  return so_der_done(&seq);
}

// is_ip_subtree is true for an address and a mask of ones before zeros.
static bool is_ip_subtree(so_bytes v) {
  if (v.len != 8 && v.len != 32) {
    return false;
  }
  bool ended = false;
  for (size_t i = v.len / 2; i < v.len; i++) {
    for (int bit = 7; bit >= 0; bit--) {
      const bool one = (v.ptr[i] >> bit & 1) != 0;
      if (one && ended) {
        return false;
      }
      ended = ended || !one;
    }
  }
  return true;
}

// read_subtrees checks one GeneralSubtrees. minimum and maximum do not occur (RFC 5280 4.2.1.10).
// Forms other than DNS and IP set `unknown_critical`, whether the extension is critical or not: a
// constraint that we cannot check is not one to pass over.
static bool read_subtrees(so_der *list, so_x509 *out) {
  if (!so_der_more(list)) {
    return false;
  }
  while (so_der_more(list)) {
    so_der subtree;
    uint8_t tag;
    so_bytes v, whole;
    if (!so_der_enter(list, SO_DER_SEQUENCE, &subtree) ||
        !so_der_any(&subtree, &tag, &v, &whole) || !is_general_name(tag) ||
        !so_der_done(&subtree)) {
      return false;
    }
    if (tag == SO_X509_TAG_DNS) {
      const bool dot = v.len > 0 && v.ptr[0] == '.';
      if (v.len > 0 && !so_x509_dns_valid(so_bytes_from(v, dot ? 1 : 0), false)) {
        return false;
      }
    } else if (tag == SO_X509_TAG_IP) {
      if (!is_ip_subtree(v)) {
        return false;
      }
    } else {
      out->unknown_critical = true;
    }
  }
  return so_der_done(list);
}

static bool read_name_constraints(so_der *d, so_x509 *out) {
  so_der seq, list;
  if (!so_der_enter(d, SO_DER_SEQUENCE, &seq) || !so_der_more(&seq)) {
    return false;
  }
  out->has_name_constraints = true;
  for (uint8_t i = 0; i <= 1; i++) {
    bool present;
    if (!so_der_enter_optional(&seq, (uint8_t)SO_DER_CONTEXT_OF(i), &list, &present)) {
      return false;
    }
    if (present) {
      *(i == 0 ? &out->permitted : &out->excluded) = so_reader_rest(&list.in);
      if (!read_subtrees(&list, out)) {
        return false;
      }
    }
  }
  return so_der_done(&seq);
}

static bool read_authority_key_id(so_der *d, so_x509 *out) {
  so_der seq;
  if (!so_der_enter(d, SO_DER_SEQUENCE, &seq)) {
    return false;
  }
  if (so_der_peek(&seq, SO_DER_CONTEXT(0)) &&
      !so_der_read(&seq, SO_DER_CONTEXT(0), &out->authority_key_id)) {
    return false;
  }
  // The issuer's name and serial number do not choose an issuer here; the names of paths do.
  while (so_der_more(&seq)) {
    uint8_t tag;
    so_bytes v, whole;
    if (!so_der_any(&seq, &tag, &v, &whole)) {
      return false;
    }
  }
  return so_der_done(&seq);
}

static so_x509_extension extension_of_oid(so_bytes oid) {
  if (oid.len != OID_LEN || oid.ptr[0] != 0x55 || oid.ptr[1] != 0x1d) {
    return SO_X509_EXT_UNKNOWN;
  }
  switch (oid.ptr[2]) {
    case SO_X509_EXT_SUBJECT_KEY_ID:
    case SO_X509_EXT_KEY_USAGE:
    case SO_X509_EXT_ALT_NAME:
    case SO_X509_EXT_BASIC_CONSTRAINTS:
    case SO_X509_EXT_NAME_CONSTRAINTS:
    case SO_X509_EXT_AUTHORITY_KEY_ID:
    case SO_X509_EXT_EXTENDED_KEY_USAGE:
      return (so_x509_extension)oid.ptr[2];
    default:
      return SO_X509_EXT_UNKNOWN;
  }
}

// read_value reads what an extension wraps.
static bool read_value(so_x509_extension which, bool critical, so_bytes value, so_x509 *out) {
  so_der d = so_der_of(value);
  bool ok = false;
  switch (which) {
    case SO_X509_EXT_UNKNOWN:
      out->unknown_critical = out->unknown_critical || critical;
      return true;
    case SO_X509_EXT_SUBJECT_KEY_ID:
      ok = so_der_octets(&d, &out->subject_key_id);
      break;
    case SO_X509_EXT_KEY_USAGE:
      ok = read_key_usage(&d, out);
      break;
    case SO_X509_EXT_ALT_NAME:
      ok = read_alt_names(&d, out);
      break;
    case SO_X509_EXT_BASIC_CONSTRAINTS:
      ok = read_basic_constraints(&d, out);
      break;
    case SO_X509_EXT_NAME_CONSTRAINTS:
      ok = read_name_constraints(&d, out);
      break;
    case SO_X509_EXT_AUTHORITY_KEY_ID:
      ok = read_authority_key_id(&d, out);
      break;
    case SO_X509_EXT_EXTENDED_KEY_USAGE:
      ok = read_extended_key_usage(&d, out);
      break;
  }
  return ok && so_der_done(&d);
}

static bool seen_before(const so_bytes *seen, size_t count, so_bytes oid) {
  for (size_t i = 0; i < count; i++) {
    if (so_bytes_equal(seen[i], oid)) {
      return true;
    }
  }
  return false;
}

// read_extension takes one Extension apart.
static bool read_extension(so_der *list, so_bytes *oid, bool *critical, so_bytes *value) {
  so_der seq;
  if (!so_der_enter(list, SO_DER_SEQUENCE, &seq) || !so_der_oid(&seq, oid)) {
    return false;
  }
  *critical = false;
  if (so_der_peek(&seq, SO_DER_BOOLEAN) && (!so_der_boolean(&seq, critical) || !*critical)) {
    return false;
  }
  return so_der_octets(&seq, value) && so_der_done(&seq);
}

so_x509_reason so_x509_extensions_parse(so_der *d, so_x509 *out) {
  so_bytes seen[SO_X509_EXTENSIONS_MAX];
  size_t count = 0;
  so_der list;
  if (!so_der_enter(d, SO_DER_SEQUENCE, &list) || !so_der_more(&list)) {
    return SO_X509_BAD_ENCODING;
  }
  while (so_der_more(&list)) {
    so_bytes oid, value;
    bool critical;
    if (!read_extension(&list, &oid, &critical, &value)) {
      return SO_X509_BAD_ENCODING;
    }
    if (seen_before(seen, count, oid)) {
      return SO_X509_DUPLICATE_EXTENSION;
    }
    if (count == SO_X509_EXTENSIONS_MAX) {
      return SO_X509_TOO_LARGE;
    }
    seen[count++] = oid;
    if (!read_value(extension_of_oid(oid), critical, value, out)) {
      return SO_X509_BAD_EXTENSION;
    }
  }
  return so_der_done(&list) ? SO_X509_NOT_DONE : SO_X509_BAD_ENCODING;
}
