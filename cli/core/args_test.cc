#include <string>
#include <vector>

#include "cli/core/cli.h"
#include "tests/support/support.h"

namespace {

// A command line, and what an option parser made of it.
struct Parsed {
  int code;
  std::vector<std::string> left;
  const char *message = nullptr;
  bool force = false;
  cli c = {};
};

Parsed Parse(std::vector<std::string> args) {
  static std::vector<std::string> kept;  // Values view the arguments.
  kept = args;
  std::vector<char *> argv;
  for (auto &a : kept) argv.push_back(&a[0]);
  Parsed p;
  p.c.argc = static_cast<int>(argv.size());
  p.c.argv = argv.data();
  p.c.progress = true;
  const cli_option options[] = {{"--message", 'm', &p.message, nullptr},
                                {"--force", 'f', nullptr, &p.force}};
  p.code = cli_options(&p.c, options, 2);
  for (int i = 0; p.code == CLI_DONE && i < p.c.argc; i++) p.left.push_back(p.c.argv[i]);
  return p;
}

using List = std::vector<std::string>;

TEST(ArgsTest, OptionsStandAnywhere) {
  const Parsed p = Parse({"a", "-m", "why", "b", "--force", "--json"});
  ASSERT_EQ(p.code, CLI_DONE);
  EXPECT_EQ(p.left, (List{"a", "b"}));
  EXPECT_STREQ(p.message, "why");
  EXPECT_TRUE(p.force);
  EXPECT_TRUE(p.c.json);
  EXPECT_FALSE(p.c.progress) << "no progress bar in JSON";
}

TEST(ArgsTest, ValuesMayFollowAnEqualsSign) {
  EXPECT_STREQ(Parse({"--message=a=b"}).message, "a=b");
  EXPECT_STREQ(Parse({"--message="}).message, "");
  EXPECT_EQ(Parse({"--force=yes"}).code, CLI_USAGE);
}

TEST(ArgsTest, TwoDashesEndTheOptions) {
  const Parsed p = Parse({"--", "-m", "--force", "--"});
  EXPECT_EQ(p.left, (List{"-m", "--force", "--"}));
  EXPECT_FALSE(p.force);
}

TEST(ArgsTest, ADashAloneIsAnArgument) { EXPECT_EQ(Parse({"-"}).left, (List{"-"})); }

TEST(ArgsTest, AnOptionMayBeTheValueOfAnother) {
  EXPECT_STREQ(Parse({"-m", "--force"}).message, "--force");
}

TEST(ArgsTest, WhatIsNotKnownIsRefused) {
  EXPECT_EQ(Parse({"--mess", "x"}).code, CLI_USAGE);
  EXPECT_EQ(Parse({"-x"}).code, CLI_USAGE);
  EXPECT_EQ(Parse({"-mx"}).code, CLI_USAGE);
  EXPECT_EQ(Parse({"--message"}).code, CLI_USAGE) << "a value is missing";
}

TEST(ArgsTest, TheNumberOfArgumentsIsChecked) {
  cli c = {};
  for (int n = 0; n < 5; n++) {
    c.argc = n;
    EXPECT_EQ(cli_want(&c, 1, 3, "cmd A [B [C]]"), n >= 1 && n <= 3 ? CLI_DONE : CLI_USAGE) << n;
  }
}

}  // namespace
