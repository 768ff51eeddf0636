// Writes DIR/KIND.key and DIR/KIND.crt: a fresh key and its self-signed certificate for localhost,
// 127.0.0.1 and ::1, for the test with other implementations. Prints the fingerprint.
#include <stdio.h>
#include <time.h>

#include <fstream>
#include <random>
#include <string>

#include "tls/pem/pem.h"
#include "tls/x509/x509.h"

namespace {

void WriteFile(const std::string &path, so_bytes text) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char *>(text.ptr), static_cast<std::streamsize>(text.len));
}

bool Make(const std::string &path, so_key_kind kind, so_rng *rng) {
  const so_cpu cpu = so_cpu_detect();
  so_private_key key;
  so_x509_name names[3];
  const char *texts[] = {"localhost", "127.0.0.1", "::1"};
  for (int i = 0; i < 3; i++) {
    if (!so_ok(so_x509_name_read(so_str(texts[i]), &names[i]))) return false;
  }
  const int64_t now = time(nullptr);
  so_x509_template t = {so_str("interop"), names, 3, now - 3600, now + 86400 * 365, {}};
  so_rng_fill(rng, t.serial, sizeof t.serial);
  if (!so_ok(so_private_key_generate(kind, rng, &key))) return false;

  uint8_t der[2048], text[4096], fingerprint[SO_X509_FINGERPRINT_LEN];
  so_writer w = so_writer_of(der, sizeof der);
  if (!so_ok(so_x509_self_sign(&cpu, &key, &t, &w))) return false;
  so_x509_fingerprint(&cpu, so_writer_bytes(&w), fingerprint);
  so_writer p = so_writer_of(text, sizeof text);
  so_pem_write(&p, SO_PEM_CERTIFICATE, so_writer_bytes(&w));
  WriteFile(path + ".crt", so_writer_bytes(&p));
  p = so_writer_of(text, sizeof text);
  so_private_key_write_pem(&key, &p);
  WriteFile(path + ".key", so_writer_bytes(&p));
  for (uint8_t b : fingerprint) printf("%02X", b);
  printf("\n");
  return true;
}

}  // namespace

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  std::random_device device;
  uint8_t seed[32];
  for (uint8_t &b : seed) b = static_cast<uint8_t>(device());
  so_rng rng;
  so_rng_init(&rng, seed);
  const std::string dir = argv[1];
  return Make(dir + "/p256", SO_KEY_P256, &rng) && Make(dir + "/ed25519", SO_KEY_ED25519, &rng)
             ? 0
             : 1;
}
