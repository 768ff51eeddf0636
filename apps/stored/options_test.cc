#include "apps/stored/options.h"

#include <vector>

#include "tests/support/support.h"

using so_test::Heap;
using so_test::Text;
using std::string;
using std::vector;

namespace {

struct Outcome {
  so_status status;
  so_options options;
  string error;
};

Outcome Read(vector<const char *> args) {
  Outcome o = {};
  so_buf said;
  args.insert(args.begin(), "stored");
  so_buf_init(&said, Heap(), 4096);
  o.status = so_options_read(static_cast<int>(args.size()), args.data(), &o.options, &said);
  o.error = Text(so_buf_bytes(&said));
  so_buf_release(&said);
  return o;
}

// ExpectRefused: it is refused, and what is said has each of `words`.
void ExpectRefused(const vector<const char *> &args, const vector<string> &words) {
  const Outcome o = Read(args);
  SO_EXPECT_CODE(SO_MALFORMED, o.status);
  for (const string &word : words) {
    EXPECT_NE(o.error.find(word), string::npos) << "'" << word << "' is not in: " << o.error;
  }
}

TEST(OptionsTest, DefaultsServeOnLoopbackAlone) {
  const Outcome o = Read({"--data", "x.db"});
  SO_ASSERT_OK(o.status);
  EXPECT_EQ(Text(o.options.data), "x.db");
  ASSERT_EQ(o.options.listens.count, 1u);
  EXPECT_EQ(Text(o.options.listens.at[0].host), "127.0.0.1");
  EXPECT_EQ(o.options.listens.at[0].port, 8443);
  EXPECT_EQ(o.options.cache_mib, static_cast<uint64_t>(SO_OPTIONS_CACHE_MIB_DEFAULT));
  EXPECT_FALSE(o.options.init || o.options.public_read || o.options.quiet ||
               o.options.new_certificate || o.options.help || o.options.version);
}

TEST(OptionsTest, EveryFlagSetsItsOwnMemberOnly) {
  EXPECT_TRUE(Read({"--data", "x", "--init"}).options.init);
  EXPECT_TRUE(Read({"--data", "x", "--public-read"}).options.public_read);
  EXPECT_TRUE(Read({"--data", "x", "--quiet"}).options.quiet);
  EXPECT_TRUE(Read({"--data", "x", "--new-certificate"}).options.new_certificate);
  const Outcome o = Read({"--data", "x", "--init"});
  EXPECT_FALSE(o.options.public_read || o.options.quiet || o.options.new_certificate);
}

TEST(OptionsTest, HelpAndVersionNeedNoDatabase) {
  for (const char *flag : {"--help", "-h"}) {
    const Outcome o = Read({flag});
    SO_EXPECT_OK(o.status);
    EXPECT_TRUE(o.options.help);
  }
  const Outcome o = Read({"--version"});
  SO_EXPECT_OK(o.status);
  EXPECT_TRUE(o.options.version);
}

TEST(OptionsTest, ListenTakesAddressesOfBothFamiliesAndNames) {
  const Outcome o = Read({"--data", "x", "--listen", "[::1]:0", "--listen", "localhost:65535"});
  SO_ASSERT_OK(o.status);
  ASSERT_EQ(o.options.listens.count, 2u);
  EXPECT_EQ(Text(o.options.listens.at[0].host), "::1");
  EXPECT_EQ(o.options.listens.at[0].port, 0);
  EXPECT_EQ(Text(o.options.listens.at[1].host), "localhost");
  EXPECT_EQ(o.options.listens.at[1].port, 65535);
}

TEST(OptionsTest, ListenRepeatsUpToItsLimit) {
  vector<const char *> args = {"--data", "x"};
  for (int i = 0; i < SO_PLACES_MAX; i++) {
    args.insert(args.end(), {"--listen", "[::1]:0"});
  }
  SO_ASSERT_OK(Read(args).status);
  args.insert(args.end(), {"--listen", "127.0.0.1:7"});
  ExpectRefused(args, {"the most", "127.0.0.1:7", "--help"});
}

TEST(OptionsTest, BadListenSaysWhatItWants) {
  for (const char *bad : {"", ":", "8443", "127.0.0.1", "127.0.0.1:", ":8443", "127.0.0.1:65536",
                          "127.0.0.1:x", "127.0.0.1:-1", "::1:8443", "[]:8443", "[::1]"}) {
    SCOPED_TRACE(bad);
    ExpectRefused({"--data", "x", "--listen", bad}, {"--listen", "ADDR:PORT", "--help", bad});
  }
}

TEST(OptionsTest, CacheHasBounds) {
  EXPECT_EQ(Read({"--data", "x", "--cache-mib", "4"}).options.cache_mib, 4u);
  EXPECT_EQ(Read({"--data", "x", "--cache-mib", "4096"}).options.cache_mib, 4096u);
  for (const char *bad : {"3", "4097", "", "many", "-4", "18446744073709551616"}) {
    SCOPED_TRACE(bad);
    ExpectRefused({"--data", "x", "--cache-mib", bad}, {"--cache-mib", "4 to 4096", "--help"});
  }
}

TEST(OptionsTest, NamesRepeatUpToTheirLimit) {
  vector<const char *> args = {"--data", "x"};
  for (int i = 0; i < SO_OPTIONS_NAMES_MAX; i++) {
    args.insert(args.end(), {"--name", "store.example"});
  }
  const Outcome all = Read(args);
  SO_ASSERT_OK(all.status);
  EXPECT_EQ(all.options.name_count, static_cast<size_t>(SO_OPTIONS_NAMES_MAX));
  EXPECT_EQ(Text(all.options.names[SO_OPTIONS_NAMES_MAX - 1]), "store.example");
  args.insert(args.end(), {"--name", "one.more"});
  ExpectRefused(args, {"too many names", "one.more", "--help"});
}

TEST(OptionsTest, WhatIsWrongIsNamedWithAWayOut) {
  ExpectRefused({}, {"--data", "--init", "--help"});
  ExpectRefused({"--init"}, {"--data", "--help"});
  ExpectRefused({"--data", ""}, {"--data wants a file", "--help"});
  ExpectRefused({"--data", "x", "--frob"}, {"no option '--frob'", "--help"});
  ExpectRefused({"x.db"}, {"no option 'x.db'", "--help"});
  ExpectRefused({"--data=x"}, {"--data=x", "--help"});
  for (const char *name : {"--data", "--listen", "--name", "--cache-mib"}) {
    ExpectRefused({name}, {"a value is missing after", name, "--help"});
  }
}

TEST(OptionsTest, HelpNamesEveryOption) {
  const string help = Text(so_options_help());
  for (const char *name : {"--data", "--init", "--listen", "--name", "--new-certificate",
                           "--public-read", "--cache-mib", "--quiet", "--version", "--help"}) {
    EXPECT_NE(help.find(name), string::npos) << name;
  }
}

}  // namespace
