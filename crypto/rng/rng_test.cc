#include "crypto/rng/rng.h"

#include <math.h>
#include <string.h>

#include <map>
#include <string>

#include "crypto/chacha20/chacha20.h"
#include "tests/support/support.h"
#include "tests/support/vectors.h"

namespace {

const uint8_t kSeed[SO_RNG_SEED_LEN] = {1, 2, 3};

std::string Take(so_rng *rng, size_t len) {
  std::string out(len, 0);
  so_rng_fill(rng, so_test::Ptr(&out), len);
  return out;
}

// The bytes are keystream, of which the first 32 of every batch become the next key.
TEST(RngTest, TheStreamIsTheOneOfTheDescription) {
  so_rng rng;
  so_rng_init(&rng, kSeed);
  std::string key(reinterpret_cast<const char *>(kSeed), 32), want;
  const so_cpu cpu = so_cpu_portable();
  const uint8_t nonce[12] = {0};
  for (int i = 0; i < 3; i++) {
    so_chacha20 cipher;
    so_chacha20_init(&cipher, &cpu, so_test::Ptr(key));
    std::string batch(SO_RNG_BATCH_LEN, 0);
    so_chacha20_xor(&cipher, nonce, 0, so_test::Ptr(&batch), batch.size());
    key = batch.substr(0, 32);
    want += batch.substr(32);
  }
  EXPECT_EQ(want, Take(&rng, want.size()));
}

TEST(RngTest, TheSameSeedGivesTheSameBytesInAnyPieces) {
  so_rng a, b;
  so_rng_init(&a, kSeed);
  so_rng_init(&b, kSeed);
  const std::string whole = Take(&a, 5000);
  std::string pieces;
  for (size_t n = 0; pieces.size() < 5000; n = (n + 37) % 700) pieces += Take(&b, n);
  EXPECT_EQ(whole, pieces.substr(0, 5000));
}

TEST(RngTest, WhatWasHandedOutIsNoLongerInTheState) {
  so_rng rng;
  so_rng_init(&rng, kSeed);
  const std::string out = Take(&rng, 700);
  const std::string state(reinterpret_cast<const char *>(&rng), sizeof rng);
  for (size_t i = 0; i + 16 <= out.size(); i++) {
    ASSERT_EQ(std::string::npos, state.find(out.substr(i, 16))) << i;
  }
  EXPECT_EQ(std::string::npos, state.find(std::string(reinterpret_cast<const char *>(kSeed), 32)));
}

TEST(RngTest, ReseedingChangesWhatFollowsAndDropsWhatWaited) {
  so_rng plain, mixed, other;
  so_rng_init(&plain, kSeed);
  Take(&plain, 10);
  mixed = other = plain;
  uint8_t more[32] = {9};
  so_rng_reseed(&mixed, more);
  more[31] = 1;
  so_rng_reseed(&other, more);
  const std::string a = Take(&plain, 64), b = Take(&mixed, 64), c = Take(&other, 64);
  EXPECT_NE(a, b);
  EXPECT_NE(b, c);
}

TEST(RngTest, BelowStaysBelowAndReachesEveryValue) {
  so_rng rng;
  so_rng_init(&rng, kSeed);
  for (uint64_t bound : {uint64_t{1}, uint64_t{2}, uint64_t{3}, uint64_t{7}, uint64_t{8}}) {
    std::map<uint64_t, int> seen;
    for (int i = 0; i < 4000; i++) seen[so_rng_below(&rng, bound)]++;
    EXPECT_EQ(bound, seen.size());
    EXPECT_LT(seen.rbegin()->first, bound);
    for (const auto &s : seen) {
      // Six standard deviations around the mean; the seed is fixed, so this never flickers.
      const double mean = 4000.0 / static_cast<double>(bound);
      EXPECT_NEAR(mean, s.second, 6 * sqrt(mean) + 1);
    }
  }
  const uint64_t half = uint64_t{1} << 63;
  for (int i = 0; i < 100; i++) EXPECT_LE(so_rng_below(&rng, half + 1), half);
}

}  // namespace
