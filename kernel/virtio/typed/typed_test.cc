#include "kernel/virtio/typed/typed.h"

#include <string>

#include "tests/support/support.h"

namespace {

// How often the wish changed.
int Type(so_typed *t, const std::string &text) {
  int news = 0;
  for (const char c : text) {
    news += so_typed_put(t, static_cast<uint8_t>(c));
  }
  return news;
}

TEST(TypedTest, CtrlCAndTwoWordsAskForTheEnd) {
  const std::pair<std::string, so_end> asks[] = {
      {"\x03", SO_END_POWEROFF},        {"what?\x03", SO_END_POWEROFF},
      {"stop\r", SO_END_POWEROFF},      {"x\nstop\n", SO_END_POWEROFF},
      {"reboot\r\n", SO_END_REBOOT},    {"0123456789abcdef0\nreboot\n", SO_END_REBOOT},
  };
  for (const auto &a : asks) {
    so_typed t = {};
    EXPECT_EQ(Type(&t, a.first), 1) << a.first;
    EXPECT_TRUE(t.asked);
    EXPECT_EQ(t.how, a.second);
  }
}

TEST(TypedTest, NothingElseDoes) {
  so_typed t = {};
  EXPECT_EQ(Type(&t, "stop"), 0);  // Not a line yet.
  EXPECT_EQ(Type(&t, " \nstopp\n stop\nSTOP\n\n\r\nreboot now\n"), 0);
  EXPECT_EQ(Type(&t, std::string(100, 'a') + "stop\n"), 0);
  EXPECT_EQ(Type(&t, "0123456789abcdefstop\n"), 0);
  EXPECT_FALSE(t.asked);
}

TEST(TypedTest, AWishIsNewsOnceAndMayChange) {
  so_typed t = {};
  EXPECT_EQ(Type(&t, "stop\nstop\n\x03"), 1);
  EXPECT_EQ(Type(&t, "reboot\n"), 1);
  EXPECT_EQ(t.how, SO_END_REBOOT);
}

TEST(TypedTest, WhatWasTypedIsKeptTheNewestIfTooMuch) {
  so_typed t = {};
  uint8_t out[300];
  Type(&t, "hello");
  EXPECT_EQ(so_typed_take(&t, out, 2), 2u);
  EXPECT_EQ(out[1], 'e');
  EXPECT_EQ(so_typed_take(&t, out, sizeof out), 3u);
  EXPECT_EQ(so_typed_take(&t, out, sizeof out), 0u);
  Type(&t, std::string(256, 'a') + "b");
  EXPECT_EQ(so_typed_take(&t, out, sizeof out), 256u);
  EXPECT_EQ(out[0], 'a');
  EXPECT_EQ(out[255], 'b');
}

}  // namespace
