// Symmetric cryptography against OpenSSL in the same process: ratios of speed, above 1 is faster.
//
//   bazel run //bench/crypto            all rows
//   bazel run //bench/crypto -- --check  exit status 1 when a row with a target misses it
//
// Ours and theirs take turns of a few milliseconds, measured in CPU time; a row's figure is the
// median of the ratios of all turns, so that a change of clock speed or a busy machine hits both.

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "crypto/aead/aead.h"
#include "crypto/hash/hash.h"

namespace {

constexpr int kRounds = 41;
constexpr double kRoundSeconds = 0.004;

double CpuSeconds() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

double SecondsFor(const std::function<void()> &work, size_t times) {
  const double start = CpuSeconds();
  for (size_t i = 0; i < times; i++) work();
  return CpuSeconds() - start;
}

// How often `work` runs in one round.
size_t Calibrate(const std::function<void()> &work) {
  size_t times = 1;
  while (SecondsFor(work, times) < kRoundSeconds) times *= 2;
  return times;
}

double Median(std::vector<double> v) {
  std::nth_element(v.begin(), v.begin() + static_cast<long>(v.size() / 2), v.end());
  return v[v.size() / 2];
}

// Prints a row; false when it misses its target (0: no target).
bool Compare(const std::string &name, size_t bytes, double target,
             const std::function<void()> &ours, const std::function<void()> &theirs) {
  const size_t our_times = Calibrate(ours), their_times = Calibrate(theirs);
  std::vector<double> ratios, our_rates, their_rates;
  for (int round = 0; round < kRounds; round++) {
    const double a = static_cast<double>(our_times * bytes) / SecondsFor(ours, our_times) / 1e6;
    const double b =
        static_cast<double>(their_times * bytes) / SecondsFor(theirs, their_times) / 1e6;
    our_rates.push_back(a);
    their_rates.push_back(b);
    ratios.push_back(a / b);
  }
  const double ratio = Median(ratios);
  printf("%-34s %6zu B %8.0f MB/s  OpenSSL %8.0f MB/s  ratio %5.2f", name.c_str(), bytes,
         Median(our_rates), Median(their_rates), ratio);
  if (target > 0) printf("  target %.2f %s", target, ratio >= target ? "met" : "MISSED");
  printf("\n");
  return ratio >= target;
}

const uint8_t kKey[32] = {1, 2, 3}, kNonce[12] = {4, 5, 6}, kAad[13] = {7, 8, 9};

struct Cipher {
  const char *name;
  so_aead_alg alg;
  const EVP_CIPHER *peer;
  double target;
};

bool CompareSeal(const Cipher &c, const so_cpu &cpu, const char *variant, size_t len,
                 double target) {
  std::vector<uint8_t> text(len + 16), peer_text(len + 16);
  so_aead key;
  so_aead_init(&key, c.alg, &cpu, kKey);
  EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
  EVP_EncryptInit_ex(ctx, c.peer, nullptr, kKey, kNonce);
  uint8_t tag[16];
  const bool met = Compare(
      std::string(c.name) + " seal" + variant, len, target,
      [&] {
        so_aead_seal(&key, kNonce, so_bytes_of(kAad, sizeof kAad), text.data(), len,
                     text.data() + len);
      },
      [&] {
        int n;
        EVP_EncryptInit_ex(ctx, nullptr, nullptr, nullptr, kNonce);
        EVP_EncryptUpdate(ctx, nullptr, &n, kAad, sizeof kAad);
        EVP_EncryptUpdate(ctx, peer_text.data(), &n, peer_text.data(), static_cast<int>(len));
        EVP_EncryptFinal_ex(ctx, peer_text.data() + len, &n);
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, tag);
      });
  EVP_CIPHER_CTX_free(ctx);
  return met;
}

// Each turn opens a fresh copy of one sealed text; both sides pay for the copy.
bool CompareOpen(const Cipher &c, const so_cpu &cpu, size_t len, double target) {
  std::vector<uint8_t> sealed(len), text(len), peer_text(len);
  uint8_t tag[16];
  so_aead key;
  so_aead_init(&key, c.alg, &cpu, kKey);
  so_aead_seal(&key, kNonce, so_bytes_of(kAad, sizeof kAad), sealed.data(), len, tag);
  EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
  EVP_DecryptInit_ex(ctx, c.peer, nullptr, kKey, kNonce);
  const auto fail = [](const char *who) {
    fprintf(stderr, "%s refused a right tag\n", who);
    exit(2);
  };
  const bool met = Compare(
      std::string(c.name) + " open", len, target,
      [&] {
        memcpy(text.data(), sealed.data(), len);
        const so_status s = so_aead_open(&key, kNonce, so_bytes_of(kAad, sizeof kAad),
                                         text.data(), len, tag);
        if (!so_ok(s)) fail("so_aead_open");
      },
      [&] {
        int n;
        memcpy(peer_text.data(), sealed.data(), len);
        EVP_DecryptInit_ex(ctx, nullptr, nullptr, nullptr, kNonce);
        EVP_DecryptUpdate(ctx, nullptr, &n, kAad, sizeof kAad);
        EVP_DecryptUpdate(ctx, peer_text.data(), &n, peer_text.data(), static_cast<int>(len));
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, 16, tag);
        if (EVP_DecryptFinal_ex(ctx, peer_text.data() + len, &n) != 1) fail("OpenSSL");
      });
  EVP_CIPHER_CTX_free(ctx);
  return met;
}

bool CompareHash(const char *name, so_hash_alg alg, const EVP_MD *peer, const so_cpu &cpu,
                 size_t len, double target) {
  std::vector<uint8_t> data(len, 1);
  uint8_t out[64];
  EVP_MD_CTX *ctx = EVP_MD_CTX_new();
  const bool met = Compare(
      name, len, target,
      [&] { so_hash_once(alg, &cpu, so_bytes_of(data.data(), len), out); },
      [&] {
        EVP_DigestInit_ex(ctx, peer, nullptr);
        EVP_DigestUpdate(ctx, data.data(), len);
        EVP_DigestFinal_ex(ctx, out, nullptr);
      });
  EVP_MD_CTX_free(ctx);
  return met;
}

bool RunAll() {
  const so_cpu cpu = so_cpu_detect(), portable = so_cpu_portable();
  so_cpu narrow = cpu;
  narrow.vaes = narrow.vpclmul = narrow.avx2 = narrow.avx512 = false;
  const Cipher ciphers[] = {
      {"AES-128-GCM", SO_AES_128_GCM, EVP_aes_128_gcm(), 0.5},
      {"AES-256-GCM", SO_AES_256_GCM, EVP_aes_256_gcm(), 0.5},
      {"ChaCha20-Poly1305", SO_CHACHA20_POLY1305, EVP_chacha20_poly1305(), 0.5},
  };
  bool met = true;
  for (const Cipher &c : ciphers) {
    for (size_t len : {64, 1350, 16384}) {
      const double target = len == 16384 ? c.target : 0;
      met &= CompareSeal(c, cpu, "", len, target);
      met &= CompareOpen(c, cpu, len, target);
    }
    CompareSeal(c, narrow, ", 128-bit vectors", 16384, 0);
    CompareSeal(c, portable, ", portable", 16384, 0);
  }
  for (size_t len : {64, 16384}) {
    met &= CompareHash("SHA-256", SO_SHA256, EVP_sha256(), cpu, len,
                       len == 16384 && cpu.sha ? 0.8 : 0);
    CompareHash("SHA-512", SO_SHA512, EVP_sha512(), cpu, len, 0);
  }
  CompareHash("SHA-256, portable", SO_SHA256, EVP_sha256(), portable, 16384, 0);
  CompareHash("SHA-512, portable", SO_SHA512, EVP_sha512(), portable, 16384, 0);
  return met;
}

}  // namespace

int main(int argc, char **argv) {
  const bool check = argc == 2 && strcmp(argv[1], "--check") == 0;
  if (argc > 2 || (argc == 2 && !check)) {
    fprintf(stderr, "usage: %s [--check]\n", argv[0]);
    return 2;
  }
  return RunAll() || !check ? 0 : 1;
}
