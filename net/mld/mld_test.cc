#include "net/mld/mld.h"

#include <string>
#include <utility>
#include <vector>

#include "base/writer.h"
#include "kernel/ports/clock.h"
#include "tests/support/support.h"

namespace {

constexpr uint64_t kMs = SO_NS_PER_MS;
constexpr uint64_t kS = SO_NS_PER_S;
const uint8_t kKey[16] = {3, 1, 4};

so_ip Ip(const char *text) {
  so_ip ip = {};
  EXPECT_TRUE(so_ok(so_ip_parse(so_str(text), &ip))) << text;
  return ip;
}

std::string Raw(const so_ip &ip) {
  return std::string(reinterpret_cast<const char *>(ip.bytes), 16);
}

std::string Show(const so_ip &ip) {
  uint8_t buf[SO_IP_TEXT_LEN_MAX];
  so_writer w = so_writer_of(buf, sizeof buf);
  so_ip_write(&ip, &w);
  return so_test::Text(so_writer_bytes(&w));
}

std::string Query(const so_ip &group, uint16_t code, bool v2 = true, unsigned sources = 0) {
  std::string s("\x82\0\0\0", 4);
  s += static_cast<char>(code >> 8);
  s += static_cast<char>(code);
  s += std::string(2, '\0') + Raw(group);
  if (v2) {
    s += std::string("\2\x7d", 2) + static_cast<char>(sources >> 8) + static_cast<char>(sources);
    for (unsigned k = 0; k < sources; k++) {
      s += Raw(Ip("2001:db8::1"));
    }
  }
  return s;
}

std::string Record(int kind, const so_ip &group) {
  return std::string(1, static_cast<char>(kind)) + std::string(3, '\0') + Raw(group);
}

std::string Report(const std::vector<std::string> &records) {
  std::string s("\x8f\0\0\0\0\0\0", 7);
  s += static_cast<char>(records.size());
  for (const auto &r : records) {
    s += r;
  }
  return s;
}

class MldTest : public testing::Test {
 protected:
  void SetUp() override {
    so_mld_init(&m_, kKey);
    sink_ = {OnMessage, this};
  }
  bool Input(const std::string &icmp, const char *src = "fe80::1", uint8_t hops = 1,
             bool alert = true, const char *dst = "ff02::1") {
    const so_test::Guarded g(icmp);
    const so_ip s = Ip(src), d = Ip(dst);
    return so_ok(so_mld_input(&m_, g.view(), &s, &d, hops, alert, now_));
  }
  void Join(const so_ip &g) { SO_EXPECT_OK(so_mld_join(&m_, &g, now_, &sink_)); }
  void Leave(const so_ip &g) { so_mld_leave(&m_, &g, now_, &sink_); }
  // Ticks at every deadline until `end`, and sets the time to it.
  void Run(uint64_t end) {
    for (unsigned k = 0; so_mld_deadline(&m_) <= end; k++) {
      ASSERT_LT(k, 1000u);
      now_ = std::max(now_, so_mld_deadline(&m_));
      so_mld_tick(&m_, now_, &sink_);
    }
    now_ = end;
  }
  static void OnMessage(void *ctx, const so_ip *dst, so_bytes icmp) {
    auto *t = static_cast<MldTest *>(ctx);
    t->out_.emplace_back(Show(*dst), so_test::Text(icmp));
    t->times_.push_back(t->now_);
  }
  so_mld m_;
  so_mld_sink sink_;
  uint64_t now_ = 50 * kS;
  std::vector<std::pair<std::string, std::string>> out_;
  std::vector<uint64_t> times_;
  const so_ip group_ = Ip("ff02::1:ff00:5");
  const so_ip other_ = Ip("ff05::7");
  const so_ip any_ = Ip("::");
};

TEST_F(MldTest, AJoinIsReportedTwice) {
  Join(group_);
  Run(now_ + 20 * kS);
  ASSERT_EQ(2u, out_.size());
  EXPECT_EQ("ff02::16", out_[0].first);
  EXPECT_EQ(Report({Record(4, group_)}), out_[0].second);
  EXPECT_EQ(out_[0], out_[1]);
  EXPECT_LE(times_[1] - times_[0], 1000 * kMs + 1);
  EXPECT_TRUE(so_mld_is_member(&m_, &group_));
  EXPECT_EQ(SO_NEVER, so_mld_deadline(&m_));
}

TEST_F(MldTest, JoinsAreCountedAndTheLastLeaveIsReportedTwice) {
  Join(group_);
  Join(group_);
  Run(now_ + 20 * kS);
  out_.clear();
  Leave(group_);
  EXPECT_TRUE(out_.empty());
  EXPECT_TRUE(so_mld_is_member(&m_, &group_));
  Leave(group_);
  EXPECT_FALSE(so_mld_is_member(&m_, &group_));
  Run(now_ + 20 * kS);
  ASSERT_EQ(2u, out_.size());
  EXPECT_EQ(Report({Record(3, group_)}), out_[1].second);
  Leave(group_);
  EXPECT_EQ(2u, out_.size());
}

TEST_F(MldTest, WhoJoinsAgainWhileLeavingStays) {
  Join(group_);
  Run(now_ + 20 * kS);
  Leave(group_);
  Join(group_);
  out_.clear();
  Run(now_ + 20 * kS);
  EXPECT_TRUE(so_mld_is_member(&m_, &group_));
  for (const auto &o : out_) {
    EXPECT_EQ(Report({Record(4, group_)}), o.second);
  }
}

TEST_F(MldTest, AllNodesAndInterfaceLocalGroupsAreNotReported) {
  const so_ip all = Ip("ff02::1"), local = Ip("ff01::5");
  EXPECT_TRUE(so_mld_is_member(&m_, &all));
  Join(all);
  Join(local);
  Leave(local);
  Run(now_ + 20 * kS);
  EXPECT_TRUE(Input(Query(any_, 1000)));
  Run(now_ + 20 * kS);
  for (const auto &o : out_) {
    EXPECT_EQ(std::string::npos, o.second.find(Raw(local)));
  }
}

TEST_F(MldTest, AGeneralQueryIsAnsweredOnceForAllInTime) {
  Join(group_);
  Join(other_);
  Run(now_ + 20 * kS);
  out_.clear();
  times_.clear();
  const uint64_t asked = now_;
  EXPECT_TRUE(Input(Query(any_, 5000)));
  EXPECT_TRUE(Input(Query(any_, 5000)));
  Run(now_ + 20 * kS);
  ASSERT_EQ(1u, out_.size());
  EXPECT_EQ(Report({Record(2, group_), Record(2, other_)}), out_[0].second);
  EXPECT_LE(times_[0], asked + 5 * kS);
}

TEST_F(MldTest, AQueryForAGroupIsAnsweredByItsMembers) {
  Join(group_);
  Run(now_ + 20 * kS);
  out_.clear();
  EXPECT_TRUE(Input(Query(other_, 1000)));
  EXPECT_EQ(SO_NEVER, so_mld_deadline(&m_));
  EXPECT_TRUE(Input(Query(group_, 1000, true, 3)));
  Run(now_ + 20 * kS);
  ASSERT_EQ(1u, out_.size());
  EXPECT_EQ(Report({Record(2, group_)}), out_[0].second);
}

TEST_F(MldTest, LongResponseTimesAreFloatingPoint) {
  Join(group_);
  Run(now_ + 20 * kS);
  // 0x8000: mantissa 0x1000, exponent 0 + 3: 32768 ms.
  uint64_t latest = 0;
  for (unsigned k = 0; k < 200; k++) {
    const uint64_t asked = now_;
    EXPECT_TRUE(Input(Query(any_, 0x8000)));
    latest = std::max(latest, so_mld_deadline(&m_) - asked);
    Run(now_ + 40 * kS);
  }
  EXPECT_LE(latest, 32768 * kMs);
  EXPECT_GT(latest, 25000 * kMs);
}

TEST_F(MldTest, AnOldQuerierIsAnsweredInItsVersion) {
  Join(group_);
  Run(now_ + 20 * kS);
  out_.clear();
  EXPECT_TRUE(Input(Query(any_, 1000, false)));
  Run(now_ + 5 * kS);
  ASSERT_EQ(1u, out_.size());
  EXPECT_EQ("ff02::1:ff00:5", out_[0].first);
  EXPECT_EQ(std::string("\x83\0\0\0\0\0\0\0", 8) + Raw(group_), out_[0].second);
  Leave(group_);
  ASSERT_EQ(2u, out_.size());
  EXPECT_EQ("ff02::2", out_[1].first);
  EXPECT_EQ('\x84', out_[1].second[0]);
  Run(now_ + 300 * kS);  // It is gone.
  Join(group_);
  EXPECT_EQ('\x8f', out_[2].second[0]);
}

TEST_F(MldTest, AnothersReportSilencesOurs) {
  Join(group_);
  Run(now_ + 20 * kS);
  out_.clear();
  EXPECT_TRUE(Input(Query(any_, 10000, false)));
  EXPECT_TRUE(Input(std::string("\x83\0\0\0\0\0\0\0", 8) + Raw(group_)));
  Run(now_ + 20 * kS);
  EXPECT_TRUE(out_.empty());
  Leave(group_);  // Nor do we have to say that we leave.
  EXPECT_TRUE(out_.empty());
}

// RFC 2710 4 and 5: the flag "last to send a report" of an MLDv1 listener, through each of its
// ways.
TEST_F(MldTest, OnlyTheLastReporterSaysThatItLeaves) {
  const std::string report = std::string("\x83\0\0\0\0\0\0\0", 8) + Raw(group_);
  const auto leaves_loudly = [&] {
    out_.clear();
    Leave(group_);
    return !out_.empty();
  };
  EXPECT_TRUE(Input(Query(any_, 1000, false)));
  // Our report of joining was the last.
  Join(group_);
  ASSERT_FALSE(out_.empty());
  EXPECT_EQ('\x83', out_.back().second[0]);
  EXPECT_TRUE(leaves_loudly());
  // Ours, then another's.
  Join(group_);
  EXPECT_TRUE(Input(report));
  EXPECT_FALSE(leaves_loudly());
  // Ours, another's, and ours again in answer to a query.
  Join(group_);
  Run(now_ + 30 * kS);
  EXPECT_TRUE(Input(report));
  EXPECT_TRUE(Input(Query(any_, 1000, false)));
  Run(now_ + 5 * kS);
  EXPECT_TRUE(leaves_loudly());
  // Ours in answer to a query, and then another's.
  Join(group_);
  Run(now_ + 30 * kS);
  EXPECT_TRUE(Input(Query(any_, 1000, false)));
  Run(now_ + 5 * kS);
  EXPECT_TRUE(Input(report));
  EXPECT_FALSE(leaves_loudly());
}

TEST_F(MldTest, OnlyQueriesFromTheLinkCount) {
  const std::string q = Query(any_, 1000);
  EXPECT_FALSE(Input(q, "2001:db8::1"));
  EXPECT_FALSE(Input(q, "::"));
  EXPECT_FALSE(Input(q, "fe80::1", 2));
  EXPECT_FALSE(Input(q, "fe80::1", 255));
  EXPECT_FALSE(Input(q, "fe80::1", 1, false));
  EXPECT_FALSE(Input(q, "fe80::1", 1, true, "fe80::2"));
  EXPECT_FALSE(Input(Query(Ip("2001:db8::1"), 1000)));
  EXPECT_EQ(7u, m_.stats.invalid);
  EXPECT_TRUE(Input(q));
}

TEST_F(MldTest, EveryTruncationIsRefused) {
  const std::string q = Query(any_, 1000, true, 2);
  for (size_t n = 0; n < q.size(); n++) {
    if (n != 24) {  // There it is one of version 1.
      EXPECT_FALSE(Input(q.substr(0, n))) << n;
    }
  }
  EXPECT_TRUE(Input(q));
  EXPECT_TRUE(Input(q + "more"));  // RFC 3810 5.1.12
  const std::string r = std::string("\x83\0\0\0\0\0\0\0", 8) + Raw(group_);
  for (size_t n = 1; n < r.size(); n++) {
    EXPECT_FALSE(Input(r.substr(0, n))) << n;
  }
}

TEST_F(MldTest, TheTableIsBounded) {
  so_ip g = Ip("ff05::100");
  for (unsigned k = 0; k < SO_MLD_GROUPS_MAX; k++) {
    g.bytes[15] = static_cast<uint8_t>(k);
    Join(g);
  }
  g.bytes[14] = 9;
  SO_EXPECT_CODE(SO_LIMIT, so_mld_join(&m_, &g, now_, &sink_));
  EXPECT_EQ(1u, m_.stats.refused);
  out_.clear();
  Run(now_ + 20 * kS);
  EXPECT_TRUE(Input(Query(any_, 1000)));
  Run(now_ + 20 * kS);
  EXPECT_EQ(8u + 20u * SO_MLD_GROUPS_MAX, out_.back().second.size());
  SO_EXPECT_CODE(SO_CONFLICT, so_mld_join(&m_, &any_, now_, &sink_));
}

TEST_F(MldTest, AnnouncingSaysEverythingAgain) {
  Join(group_);
  Join(other_);
  Run(now_ + 20 * kS);
  out_.clear();
  so_mld_announce(&m_, now_);
  Run(now_ + 20 * kS);
  EXPECT_EQ(4u, out_.size());
}

}  // namespace
