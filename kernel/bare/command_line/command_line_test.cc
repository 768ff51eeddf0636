#include "kernel/bare/command_line/command_line.h"

#include <memory>

#include "tests/support/support.h"

namespace {

class CommandLineTest : public ::testing::Test {
 protected:
  CommandLineTest() : c_(new so_command_line) { so_command_line_init(c_.get()); }
  so_status Add(const std::string &line, bool has_settings = true) {
    line_ = line;  // What is wrong is a view of it.
    return so_command_line_add(c_.get(), so_test::View(line_), has_settings, &bad_);
  }
  std::string Arguments() const {
    std::string all;
    for (int i = 1; i < c_->argc; i++) all += "[" + std::string(c_->argv[i]) + "]";
    EXPECT_EQ(c_->argv[c_->argc], nullptr);
    return all;
  }
  std::string Get(so_setting s) const {
    so_bytes v;
    return so_command_line_get(c_.get(), s, &v) ? so_test::Text(v) : "(none)";
  }
  std::unique_ptr<so_command_line> c_;
  std::string line_;
  so_bytes bad_ = {nullptr, 0};
};

TEST_F(CommandLineTest, TakesSettingsOutAndLeavesArguments) {
  SO_ASSERT_OK(Add("ip=192.0.2.10/24  gw=192.0.2.1 --listen 0.0.0.0:80\tdata=xvda x=y"));
  EXPECT_EQ(Arguments(), "[--listen][0.0.0.0:80][x=y]");
  EXPECT_EQ(Get(SO_SETTING_IP), "192.0.2.10/24");
  EXPECT_EQ(Get(SO_SETTING_GW), "192.0.2.1");
  EXPECT_EQ(Get(SO_SETTING_DATA), "xvda");
  EXPECT_EQ(Get(SO_SETTING_SEED), "(none)");
  SO_ASSERT_OK(Add("seed=ab seed-disk=xvdb"));
  EXPECT_EQ(Get(SO_SETTING_SEED), "ab");
  EXPECT_EQ(Get(SO_SETTING_SEED_DISK), "xvdb");
}

TEST_F(CommandLineTest, AllIsTheProgramsBehindTwoDashes) {
  SO_ASSERT_OK(Add("ip=dhcp -- --data data ip=1 -- end virtio_mmio.device=512@0xfeb00e00:12"));
  EXPECT_EQ(Arguments(), "[--data][data][ip=1][--][end]");
  EXPECT_EQ(Get(SO_SETTING_IP), "dhcp");
  EXPECT_EQ(Get(SO_SETTING_DEVICE), "512@0xfeb00e00:12");
}

TEST_F(CommandLineTest, QuotesHoldBlanks) {
  SO_ASSERT_OK(Add("\"a b\" c'd e'f \"\" '\"' dns=\"192.0.2.1, 192.0.2.2\""));
  EXPECT_EQ(Arguments(), "[a b][cd ef][][\"]");
  EXPECT_EQ(Get(SO_SETTING_DNS), "192.0.2.1, 192.0.2.2");
}

TEST_F(CommandLineTest, RefusesAnOpenQuoteAndANul) {
  EXPECT_TRUE(so_is(Add("a \"b c"), SO_MALFORMED));
  EXPECT_EQ(so_test::Text(bad_), "\"b c");
  EXPECT_EQ(Arguments(), "[a]");
  EXPECT_TRUE(so_is(Add(std::string("x\0y", 3)), SO_MALFORMED));
}

TEST_F(CommandLineTest, TheLastOfASettingCountsAndAllAreKept) {
  SO_ASSERT_OK(Add("ip=192.0.2.1/24 ip=2001:db8::1/64 data=a data=b"));
  EXPECT_EQ(Get(SO_SETTING_DATA), "b");
  EXPECT_EQ(c_->setting_count, 4u);
  EXPECT_EQ(so_test::Text(c_->settings[0].value), "192.0.2.1/24");
}

TEST_F(CommandLineTest, ASettingFromElsewhereFillsInOnly) {
  SO_ASSERT_OK(Add("data=a"));
  SO_ASSERT_OK(so_command_line_set(c_.get(), SO_SETTING_DATA, so_str("z")));
  SO_ASSERT_OK(so_command_line_set(c_.get(), SO_SETTING_IP, so_str("dhcp")));
  EXPECT_EQ(Get(SO_SETTING_DATA), "a");
  EXPECT_EQ(Get(SO_SETTING_IP), "dhcp");
}

TEST_F(CommandLineTest, AddsWordsOfTheProgramAlone) {
  SO_ASSERT_OK(Add("ip=dhcp -- x", false));
  EXPECT_EQ(Arguments(), "[ip=dhcp][--][x]");
}

TEST_F(CommandLineTest, HoldsItsLimits) {
  std::string words;
  for (unsigned i = 0; i < SO_COMMAND_LINE_WORDS_MAX; i++) words += " w";
  SO_ASSERT_OK(Add(words));
  EXPECT_TRUE(so_is(Add("v"), SO_LIMIT));
  EXPECT_EQ(so_test::Text(bad_), "v");
  EXPECT_EQ(c_->argc, static_cast<int>(SO_COMMAND_LINE_WORDS_MAX) + 1);
  so_command_line_init(c_.get());
  std::string settings;
  for (unsigned i = 0; i < SO_COMMAND_LINE_WORDS_MAX; i++) settings += "ip=1 ";
  SO_ASSERT_OK(Add(settings));
  EXPECT_TRUE(so_is(Add("gw=1"), SO_LIMIT));
  EXPECT_TRUE(so_is(so_command_line_set(c_.get(), SO_SETTING_GW, so_str("1")), SO_LIMIT));
  so_command_line_init(c_.get());
  SO_ASSERT_OK(Add(std::string(SO_COMMAND_LINE_LEN_MAX, 'x')));
  EXPECT_TRUE(so_is(Add(std::string(SO_COMMAND_LINE_WORDS_MAX, 'y')), SO_LIMIT));
}

}  // namespace
