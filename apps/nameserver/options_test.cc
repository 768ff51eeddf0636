#include "apps/nameserver/options.h"

#include <memory>
#include <string>
#include <vector>

#include "tests/sim/sim.h"
#include "tests/support/support.h"

namespace {

class OptionsTest : public ::testing::Test {
 protected:
  OptionsTest() : sim_(so_sim_make(nullptr)), o_(new so_ns_options) {}
  ~OptionsTest() override { so_sim_free(sim_); }

  so_status Read(const std::vector<std::string> &args, bool with_source = false) {
    args_ = args;
    args_.insert(args_.begin(), "nameserver");
    std::vector<const char *> argv;
    for (const std::string &a : args_) {
      argv.push_back(a.c_str());
    }
    so_buf text;
    so_buf_init(&text, so_sim_world(sim_)->heap, 4096);
    const so_status s = so_ns_options_read(static_cast<int>(argv.size()), argv.data(), with_source,
                                           o_.get(), &text);
    error_ = so_test::Text(so_buf_bytes(&text));
    so_buf_release(&text);
    return s;
  }
  // A command line that is refused, with an error that names what is wrong.
  void Refused(const std::string &option, const std::string &value, bool with_source = false) {
    SO_EXPECT_CODE(SO_MALFORMED,
                   Read({"--zone", "example.org=f", option, value}, with_source));
    EXPECT_NE(error_.find(value.empty() ? option : value), std::string::npos) << error_;
    EXPECT_NE(error_.find("--help"), std::string::npos) << error_;
  }

  so_sim *sim_;
  std::unique_ptr<so_ns_options> o_;
  std::vector<std::string> args_;
  std::string error_;
};

TEST_F(OptionsTest, Defaults) {
  SO_ASSERT_OK(Read({"--zone", "example.org=file=name"}));
  ASSERT_EQ(o_->zone_count, 1u);
  EXPECT_EQ(so_test::Text(o_->zones[0].file), "file=name");
  ASSERT_EQ(o_->listens.count, 1u);
  EXPECT_EQ(so_test::Text(o_->listens.at[0].host), "127.0.0.1");
  EXPECT_EQ(o_->listens.at[0].port, 5353);
  EXPECT_EQ(o_->rate_limit, static_cast<uint64_t>(SO_NS_RATE_DEFAULT));
  EXPECT_EQ(o_->notifies.count + o_->transfer_count, 0u);
}

TEST_F(OptionsTest, AddressesWithAndWithoutPorts) {
  SO_ASSERT_OK(Read({"--zone", "a=b", "--listen", "[::1]:53", "--listen", "localhost:0", "--notify",
                     "192.0.2.1", "--notify", "[2001:db8::1]", "--notify", "[2001:db8::2]:5300",
                     "--notify", "ns.example:54"}));
  ASSERT_EQ(o_->listens.count, 2u);
  EXPECT_EQ(so_test::Text(o_->listens.at[0].host), "::1");
  ASSERT_EQ(o_->notifies.count, 4u);
  EXPECT_EQ(o_->notifies.at[0].port, 53);
  EXPECT_EQ(so_test::Text(o_->notifies.at[1].host), "2001:db8::1");
  EXPECT_EQ(o_->notifies.at[1].port, 53);
  EXPECT_EQ(o_->notifies.at[2].port, 5300);
  EXPECT_EQ(so_test::Text(o_->notifies.at[3].host), "ns.example");
  EXPECT_EQ(o_->notifies.at[3].port, 54);
}

TEST_F(OptionsTest, BadValuesAreNamed) {
  Refused("--zone", "noequals");
  Refused("--zone", "example.org=");
  Refused("--zone", "bad..name=f");
  for (const char *const bad : {"127.0.0.1", ":53", "127.0.0.1:", "127.0.0.1:65536", "::1:53",
                                "127.0.0.1:x", "[]:53", "[::1]"}) {
    Refused("--listen", bad);
  }
  for (const char *const bad : {":53", "192.0.2.1:99999", "2001:db8::1", "[]", "192.0.2.1:"}) {
    Refused("--notify", bad);
  }
  for (const char *const bad : {"192.0.2.1/33", "2001:db8::/129", "example.org", "192.0.2.1/"}) {
    Refused("--allow-transfer", bad);
  }
  Refused("--rate-limit", "1000001");
  Refused("--rate-limit", "-1");
  SO_EXPECT_CODE(SO_MALFORMED, Read({"--zone", "a=b", "--no-such", "x"}));
  EXPECT_NE(error_.find("--no-such"), std::string::npos) << error_;
}

TEST_F(OptionsTest, LimitsAreBranches) {
  std::vector<std::string> args = {"--zone", "a=b"};
  for (int i = 0; i < SO_PLACES_MAX; i++) {
    args.insert(args.end(), {"--notify", "192.0.2.1"});
  }
  SO_EXPECT_OK(Read(args));
  args.insert(args.end(), {"--notify", "192.0.2.2"});
  SO_EXPECT_CODE(SO_MALFORMED, Read(args));
  args = {"--zone", "a=b"};
  for (int i = 0; i < SO_PLACES_MAX + 1; i++) {
    args.insert(args.end(), {"--listen", "192.0.2.1:53"});
  }
  SO_EXPECT_CODE(SO_MALFORMED, Read(args));
  args.clear();
  for (int i = 0; i < SO_NS_ZONES_MAX + 1; i++) {
    args.insert(args.end(), {"--zone", "z" + std::to_string(i) + "=f"});
  }
  SO_EXPECT_CODE(SO_MALFORMED, Read(args));
  EXPECT_EQ(o_->zone_count, static_cast<size_t>(SO_NS_ZONES_MAX));
}

TEST_F(OptionsTest, AZoneIsNeeded) {
  SO_EXPECT_CODE(SO_MALFORMED, Read({}));
  EXPECT_NE(error_.find("--zone"), std::string::npos);
  SO_EXPECT_OK(Read({"--help"}));
  EXPECT_TRUE(o_->help);
  SO_EXPECT_OK(Read({"--version"}));
  EXPECT_TRUE(o_->version);
}

TEST_F(OptionsTest, OptionsOfASourceOnlyWhereThereIsOne) {
  SO_EXPECT_CODE(SO_MALFORMED, Read({"--from", "https://h:1", "--repo", "r"}));
  SO_ASSERT_OK(Read({"--from", "https://h:1", "--repo", "r", "--poll", "3600"}, true));
  EXPECT_EQ(o_->poll_s, 3600u);
  EXPECT_EQ(so_test::Text(o_->path), "zones/");
  SO_EXPECT_CODE(SO_MALFORMED, Read({"--from", "https://h:1"}, true));
  Refused("--poll", "0", true);
  Refused("--poll", "3601", true);
  Refused("--repo", "", true);
  SO_EXPECT_CODE(SO_MALFORMED, Read({"--zone", "a=b", "--listen"}));
}

}  // namespace
