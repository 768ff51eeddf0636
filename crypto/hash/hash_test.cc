#include "crypto/hash/hash.h"

#include "tests/support/support.h"
#include "tests/support/vectors.h"

namespace {

// FIPS 180-4 examples: "abc".
const struct {
  so_hash_alg alg;
  size_t len, block_len;
  const char *hex;
} kCases[] = {
    {SO_SHA256, 32, 64, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {SO_SHA384, 48, 128,
     "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
     "8086072ba1e7cc2358baeca134c825a7"},
    {SO_SHA512, 64, 128,
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
     "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
};

TEST(HashTest, EachNameSelectsItsHash) {
  const so_cpu cpu = so_cpu_detect();
  for (const auto &c : kCases) {
    uint8_t out[SO_HASH_LEN_MAX + 1];
    memset(out, 0xee, sizeof out);
    EXPECT_EQ(c.len, so_hash_len(c.alg));
    EXPECT_EQ(c.block_len, so_hash_block_len(c.alg));
    so_hash_once(c.alg, &cpu, so_str("abc"), out);
    EXPECT_EQ(c.hex, so_test::ToHex(out, c.len));
    EXPECT_EQ(0xee, out[c.len]) << "wrote past the result";
  }
}

TEST(HashTest, FinalisingACopyLeavesTheRunningHashAlone) {
  const so_cpu cpu = so_cpu_detect();
  for (const auto &c : kCases) {
    so_hash ctx, copy;
    uint8_t out[SO_HASH_LEN_MAX];
    so_hash_init(&ctx, c.alg, &cpu);
    so_hash_update(&ctx, so_str("a"));
    copy = ctx;
    so_hash_final(&copy, out);
    EXPECT_NE(c.hex, so_test::ToHex(out, c.len));
    so_hash_update(&ctx, so_str("bc"));
    so_hash_final(&ctx, out);
    EXPECT_EQ(c.hex, so_test::ToHex(out, c.len));
  }
}

}  // namespace
