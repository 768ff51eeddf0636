// Private keys, in DER and in PEM: what parses must write and parse again to the same key.
#include <stdlib.h>
#include <string.h>

#include "tls/key/key.h"

static void Rewrite(const so_private_key &key) {
  uint8_t buf[SO_KEY_PKCS8_LEN_MAX];
  so_writer w = so_writer_of(buf, sizeof buf);
  so_private_key_write(&key, &w);
  so_private_key back;
  if (w.failed || !so_ok(so_private_key_parse(so_writer_bytes(&w), &back)) ||
      memcmp(key.secret, back.secret, sizeof back.secret) != 0 ||
      !so_public_key_equal(&key.public_key, &back.public_key)) {
    abort();
  }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  so_private_key key;
  if (so_ok(so_private_key_parse(so_bytes_of(data, len), &key))) Rewrite(key);
  if (so_ok(so_private_key_read_pem(so_bytes_of(data, len), &key))) Rewrite(key);
  so_der d = so_der_of(so_bytes_of(data, len));
  so_public_key pub;
  if (so_public_key_parse(&d, &pub) && pub.kind != SO_KEY_UNSUPPORTED) {
    uint8_t buf[SO_KEY_SPKI_LEN_MAX];
    so_writer w = so_writer_of(buf, sizeof buf);
    so_public_key_write(&pub, &w);
    if (w.failed || w.len != len - d.in.len || memcmp(buf, data, w.len) != 0) abort();
  }
  return 0;
}
