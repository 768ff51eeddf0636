// Any bytes as a certificate: every view lies within the input, and walking them ends.
#include <stdlib.h>

#include <initializer_list>

#include "tls/x509/x509.h"

namespace {

void Within(so_bytes all, so_bytes part) {
  if (part.len == 0) return;
  if (part.ptr < all.ptr || part.len > all.len ||
      part.ptr + part.len > all.ptr + all.len) {
    abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  const so_bytes all = so_bytes_of(data, len);
  so_x509_name name;
  if (so_ok(so_x509_name_read(all, &name)) && name.kind == SO_X509_NAME_DNS) Within(all, name.dns);
  so_x509 cert;
  const so_status s = so_x509_parse(all, &cert);
  if (!so_ok(s)) {
    if (s.detail <= SO_X509_VERIFIED || s.detail >= SO_X509_REASON_COUNT) abort();
    return 0;
  }
  for (so_bytes part : {cert.der, cert.tbs, cert.serial, cert.issuer, cert.subject, cert.spki,
                        cert.signature, cert.alt_names, cert.permitted, cert.excluded,
                        cert.subject_key_id, cert.authority_key_id}) {
    Within(all, part);
  }
  if (cert.der.len != len || cert.serial.len == 0 || cert.subject.len < 2) abort();
  so_bytes list = cert.alt_names;
  for (size_t count = 0; so_x509_alt_name_next(&list, &name); count++) {
    if (count > len) abort();
    if (name.kind == SO_X509_NAME_DNS) Within(all, name.dns);
    (void)so_x509_matches(&cert, &name);
  }
  return 0;
}
