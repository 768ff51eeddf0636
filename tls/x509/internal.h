#ifndef SO_TLS_X509_INTERNAL_H_
#define SO_TLS_X509_INTERNAL_H_

// What the sources of this module share: tags of GeneralName, extensions, DNS names, constraints.

#include "tls/asn1/asn1.h"
#include "tls/x509/x509.h"

// GeneralName (RFC 5280 4.2.1.6).
#define SO_X509_TAG_DNS SO_DER_CONTEXT(2)
#define SO_X509_TAG_IP SO_DER_CONTEXT(7)

// so_x509_extensions_parse reads the list of extensions off `d` into `out`. Returns
// SO_X509_NOT_DONE when there is nothing to blame, else the reason.
so_x509_reason so_x509_extensions_parse(so_der *d, so_x509 *out);

// The extensions that we read and write.
typedef enum so_x509_extension {
  SO_X509_EXT_UNKNOWN = 0,
  SO_X509_EXT_SUBJECT_KEY_ID = 14,  // The last arc of 2.5.29.n.
  SO_X509_EXT_KEY_USAGE = 15,
  SO_X509_EXT_ALT_NAME = 17,
  SO_X509_EXT_BASIC_CONSTRAINTS = 19,
  SO_X509_EXT_NAME_CONSTRAINTS = 30,
  SO_X509_EXT_AUTHORITY_KEY_ID = 35,
  SO_X509_EXT_EXTENDED_KEY_USAGE = 37,
} so_x509_extension;

// so_x509_usage_oid is the OBJECT IDENTIFIER content of one known extended key usage.
so_bytes so_x509_usage_oid(uint8_t usage);

// so_x509_dns_valid is true for letters, digits, '-' and '_' in labels of 1 to 63 bytes, at most
// 253 together. With `wildcard` the first of several labels may be "*".
bool so_x509_dns_valid(so_bytes name, bool wildcard);

// so_x509_constraints_hold is true when every name of below[0..count) is allowed by the name
// constraints of `issuer`. Each comparison takes one from `*budget`; false when that runs out.
bool so_x509_constraints_hold(const so_x509 *issuer, const so_x509 *below, size_t count,
                              uint32_t *budget);

// so_x509_reason_status is OK for SO_X509_VERIFIED, else a failure with the reason as detail.
so_status so_x509_reason_status(so_x509_reason reason);

#endif  // SO_TLS_X509_INTERNAL_H_
