// Runs hashes, MACs and AEADs on secrets that memcheck believes to be uninitialised, so that it
// reports every branch and every address that depends on them. Run by valgrind_check.sh.
//
// --plant adds a branch on a secret, which memcheck must report: the check itself is checked.

#include <stdio.h>
#include <string.h>
#include <valgrind/memcheck.h>

#include "crypto/aead/aead.h"
#include "crypto/ct/ct.h"
#include "crypto/hkdf/hkdf.h"
#include "crypto/hmac/hmac.h"
#include "crypto/rng/rng.h"
#include "crypto/siphash/siphash.h"

#define TEXT_LEN 1500

static void secret(void *p, size_t len) { (void)VALGRIND_MAKE_MEM_UNDEFINED(p, len); }
static void public(void *p, size_t len) { (void)VALGRIND_MAKE_MEM_DEFINED(p, len); }

static void check_aead(so_aead_alg alg, const so_cpu *cpu) {
  uint8_t key[SO_AEAD_KEY_LEN_MAX] = {1}, nonce[SO_AEAD_NONCE_LEN] = {2}, tag[SO_AEAD_TAG_LEN];
  static uint8_t text[TEXT_LEN];
  so_aead aead;
  secret(key, sizeof key);
  secret(text, sizeof text);
  so_aead_init(&aead, alg, cpu, key);
  so_aead_seal(&aead, nonce, so_str("public"), text, sizeof text, tag);
  so_status s = so_aead_open(&aead, nonce, so_str("public"), text, sizeof text, tag);
  public(&s, sizeof s);
  if (!so_ok(s)) {
    printf("a right tag was refused\n");
  }
}

static void check_hashes(so_hash_alg alg, const so_cpu *cpu) {
  uint8_t key[200] = {3}, out[SO_HASH_LEN_MAX], more[100];
  secret(key, sizeof key);
  so_hmac_once(alg, cpu, so_bytes_of(key, sizeof key), so_bytes_of(key, 150), out);
  so_hkdf_extract(alg, cpu, so_str("salt"), so_bytes_of(key, 32), out);
  const so_status s = so_hkdf_expand(alg, cpu, so_bytes_of(out, so_hash_len(alg)), so_str("info"),
                                     more, sizeof more);
  if (!so_ok(s)) {
    printf("expand was refused\n");
  }
}

static void check_others(void) {
  uint8_t seed[SO_RNG_SEED_LEN] = {4}, out[700];
  secret(seed, sizeof seed);
  so_rng rng;
  so_rng_init(&rng, seed);
  so_rng_fill(&rng, out, sizeof out);
  so_rng_reseed(&rng, seed);
  so_rng_fill(&rng, out, sizeof out);
  volatile uint64_t hash = so_siphash24(seed, so_bytes_of(out, 99));
  (void)hash;
}

int main(int argc, char **argv) {
  so_cpu narrow = so_cpu_detect();
  // Memcheck 3.19 cannot execute these.
  narrow.sha = narrow.vaes = narrow.vpclmul = narrow.avx512 = false;
  const so_cpu cpus[] = {so_cpu_portable(), narrow};
  for (size_t i = 0; i < sizeof cpus / sizeof cpus[0]; i++) {
    check_aead(SO_AES_128_GCM, &cpus[i]);
    check_aead(SO_AES_256_GCM, &cpus[i]);
    check_aead(SO_CHACHA20_POLY1305, &cpus[i]);
    check_hashes(SO_SHA256, &cpus[i]);
    check_hashes(SO_SHA384, &cpus[i]);
    check_hashes(SO_SHA512, &cpus[i]);
  }
  check_others();
  if (argc == 2 && strcmp(argv[1], "--plant") == 0) {
    volatile uint8_t planted = 0;
    secret((void *)(uintptr_t)&planted, 1);
    if (planted > 7) {
      printf("planted\n");
    }
  }
  return 0;
}
