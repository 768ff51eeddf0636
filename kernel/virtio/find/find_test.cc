#include "kernel/virtio/find/find.h"

#include <string>
#include <vector>

#include "tests/support/support.h"

namespace {

struct Found {
  std::vector<so_virtio_place> places;
  size_t bad = 0;
};

Found Find(const std::string &line, size_t cap = SO_VIRTIO_PLACES_MAX) {
  Found f;
  so_test::Guarded guarded(line);
  f.places.resize(cap);
  f.places.resize(so_virtio_find_words(guarded.view(), f.places.data(), cap, &f.bad));
  return f;
}

TEST(FindTest, EveryDeviceOfTheLineIsFoundInOrder) {
  const Found f = Find("--listen [::]:80 virtio_mmio.device=512@0xfeb00000:5\t"
                       "virtio_mmio.device=4K@3G:0x1F:7 x=virtio_mmio.device=512@0x1000:1\n");
  ASSERT_EQ(f.places.size(), 2u);
  EXPECT_EQ(f.bad, 0u);
  EXPECT_EQ(f.places[0].base, 0xfeb00000u);
  EXPECT_EQ(f.places[0].len, 512u);
  EXPECT_EQ(f.places[0].irq, 5u);
  EXPECT_EQ(f.places[1].base, UINT64_C(3) << 30);
  EXPECT_EQ(f.places[1].len, 4096u);
  EXPECT_EQ(f.places[1].irq, 31u);
}

TEST(FindTest, WhatMakesNoSenseIsCountedAndLeftOut) {
  const char *const bad[] = {
      "",                           "512",
      "512@",                       "512@0x1000",
      "512@0x1000:",                "512@0x1000:5:",
      "512@0x1000:5x",              "512@0x1000:5:1:2",
      "511@0x1000:5",               "512@0x1001:5",
      "512@0:5",                    "512@0x1000:4294967296",
      "512@18446744073709551616:5", "512@0x10000000000000000:5",
      "512@17179869184G:5",         "0xffffffffffffff00@0x1000:5",
      "512@0x:5",                   "-512@0x1000:5",
      "512@0x1000K5",
  };
  for (const char *const one : bad) {
    SCOPED_TRACE(one);
    const Found f = Find(std::string("virtio_mmio.device=") + one + " virtio_mmio.device=512@512:1");
    EXPECT_EQ(f.bad, 1u);
    ASSERT_EQ(f.places.size(), 1u);
    EXPECT_EQ(f.places[0].base, 512u);
  }
}

TEST(FindTest, MoreThanThereIsRoomForAreCounted) {
  std::string line;
  for (int i = 1; i <= 5; i++) {
    line += "virtio_mmio.device=512@" + std::to_string(i * 512) + ":3 ";
  }
  const Found f = Find(line, 4);
  EXPECT_EQ(f.places.size(), 4u);
  EXPECT_EQ(f.bad, 1u);
}

TEST(FindTest, EveryTruncationIsReadWithinItsBounds) {
  const std::string line = "a virtio_mmio.device=4K@0xfeb00000:5";
  for (size_t n = 0; n <= line.size(); n++) {
    SCOPED_TRACE(n);
    const Found f = Find(line.substr(0, n));
    EXPECT_EQ(f.places.size(), n == line.size());
  }
}

}  // namespace
