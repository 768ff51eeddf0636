#include "net/ndp/cache/cache.h"

#include <map>
#include <set>
#include <string>
#include <vector>

#include "kernel/ports/clock.h"
#include "net/packet/packet.h"
#include "tests/support/support.h"

namespace {

constexpr uint64_t kMs = SO_NS_PER_MS;
constexpr uint64_t kS = SO_NS_PER_S;
constexpr uint8_t kKey[16] = {1, 2, 3};
constexpr uint8_t kMacA[6] = {2, 0, 0, 0, 0, 0xa};
constexpr uint8_t kMacB[6] = {2, 0, 0, 0, 0, 0xb};

so_ip Ip(uint32_t n) {
  uint8_t b[16] = {0xfe, 0x80};
  b[12] = static_cast<uint8_t>(n >> 24);
  b[13] = static_cast<uint8_t>(n >> 16);
  b[14] = static_cast<uint8_t>(n >> 8);
  b[15] = static_cast<uint8_t>(n);
  return so_ip6(b);
}

// --- the table against the RFC ---------------------------------------------------------------

constexpr so_neighbor_state kNone = SO_NEIGHBOR_NONE, kIncomplete = SO_NEIGHBOR_INCOMPLETE,
                            kReachable = SO_NEIGHBOR_REACHABLE, kStale = SO_NEIGHBOR_STALE,
                            kDelay = SO_NEIGHBOR_DELAY, kProbe = SO_NEIGHBOR_PROBE;

enum : uint8_t {
  kRecord = SO_NEIGHBOR_DO_RECORD,
  kFlush = SO_NEIGHBOR_DO_FLUSH,
  kMulticast = SO_NEIGHBOR_DO_MULTICAST,
  kUnicast = SO_NEIGHBOR_DO_UNICAST,
  kDiscard = SO_NEIGHBOR_DO_DISCARD,
  kQueue = SO_NEIGHBOR_DO_QUEUE,
  kSend = SO_NEIGHBOR_DO_SEND,
  kFresh = SO_NEIGHBOR_DO_FRESH,
};

struct Row {
  std::vector<so_neighbor_state> states;
  std::vector<so_neighbor_event> events;
  int next;  // -1: unchanged.
  uint8_t actions;
};

const std::vector<so_neighbor_state> kKnown = {kReachable, kStale, kDelay, kProbe};

// RFC 4861 appendix C row by row, and 7.2.5 where the appendix is shorter than it. In INCOMPLETE
// there is no cached address, so every address is another one.
const std::vector<Row> kRfc = {
    // "-": packet to send: create, multicast solicitation, start timer.
    {{kNone}, {SO_NEIGHBOR_SEND}, kIncomplete, kQueue | kMulticast},
    // INCOMPLETE: packet to send: it waits (7.2.2).
    {{kIncomplete}, {SO_NEIGHBOR_SEND}, -1, kQueue},
    // INCOMPLETE: retransmit timeout, fewer than N.
    {{kIncomplete}, {SO_NEIGHBOR_RETRY}, -1, kMulticast},
    // INCOMPLETE: retransmit timeout, N: discard, send ICMP error.
    {{kIncomplete}, {SO_NEIGHBOR_GIVE_UP}, kNone, kDiscard},
    // INCOMPLETE: NA, solicited 0, override any: record, send queued.
    {{kIncomplete},
     {SO_NEIGHBOR_NA_S0_O0_OTHER, SO_NEIGHBOR_NA_S0_O1_OTHER},
     kStale,
     kRecord | kFlush},
    // INCOMPLETE: NA, solicited 1, override any: record, send queued.
    {{kIncomplete},
     {SO_NEIGHBOR_NA_S1_O0_OTHER, SO_NEIGHBOR_NA_S1_O1_OTHER},
     kReachable,
     kRecord | kFlush | kFresh},
    // INCOMPLETE: NA, any, no link-layer address: the router flag alone.
    {{kIncomplete}, {SO_NEIGHBOR_NA_S0_BARE, SO_NEIGHBOR_NA_S1_BARE}, -1, 0},
    // "-": NS, RS, RA, redirect: create, record.
    {{kNone}, {SO_NEIGHBOR_HEARD_OTHER}, kStale, kRecord},
    // INCOMPLETE: NS, RS, RA, redirect: record, send queued.
    {{kIncomplete}, {SO_NEIGHBOR_HEARD_OTHER}, kStale, kRecord | kFlush},
    // !INCOMPLETE: NS, RS, RA, redirect, another address: update.
    {kKnown, {SO_NEIGHBOR_HEARD_OTHER}, kStale, kRecord},
    // !INCOMPLETE: the same address: unchanged.
    {kKnown, {SO_NEIGHBOR_HEARD_SAME}, -1, 0},
    // !INCOMPLETE: NA, solicited 1, override 0, the same address.
    {kKnown, {SO_NEIGHBOR_NA_S1_O0_SAME}, kReachable, kFresh},
    // !INCOMPLETE: NA, solicited 1, no address (7.2.5: as the same).
    {kKnown, {SO_NEIGHBOR_NA_S1_BARE}, kReachable, kFresh},
    // REACHABLE: NA, override 0, another address (7.2.5, first of I.a: whatever the solicited
    // flag).
    {{kReachable}, {SO_NEIGHBOR_NA_S1_O0_OTHER, SO_NEIGHBOR_NA_S0_O0_OTHER}, kStale, 0},
    // STALE, PROBE, DELAY: the same: unchanged.
    {{kStale, kDelay, kProbe}, {SO_NEIGHBOR_NA_S1_O0_OTHER, SO_NEIGHBOR_NA_S0_O0_OTHER}, -1, 0},
    // !INCOMPLETE: NA, solicited 1, override 1: record if different.
    {kKnown, {SO_NEIGHBOR_NA_S1_O1_SAME}, kReachable, kFresh},
    {kKnown, {SO_NEIGHBOR_NA_S1_O1_OTHER}, kReachable, kRecord | kFresh},
    // !INCOMPLETE: NA, solicited 0, override 1, same or no address: unchanged.
    {kKnown, {SO_NEIGHBOR_NA_S0_O1_SAME, SO_NEIGHBOR_NA_S0_BARE}, -1, 0},
    // !INCOMPLETE: NA, solicited 0, override 1, another address.
    {kKnown, {SO_NEIGHBOR_NA_S0_O1_OTHER}, kStale, kRecord},
    // !INCOMPLETE: NA, solicited 0, override 0, the same: unchanged.
    {kKnown, {SO_NEIGHBOR_NA_S0_O0_SAME}, -1, 0},
    // !INCOMPLETE: upper-layer confirmation.
    {kKnown, {SO_NEIGHBOR_CONFIRM}, kReachable, kFresh},
    // REACHABLE: reachable time over.
    {{kReachable}, {SO_NEIGHBOR_REACHABLE_OVER}, kStale, 0},
    // STALE: sending a packet: delay timer.
    {{kStale}, {SO_NEIGHBOR_SEND}, kDelay, kSend},
    // 7.3.3: in the others packets go as they are.
    {{kReachable, kDelay, kProbe}, {SO_NEIGHBOR_SEND}, -1, kSend},
    // DELAY: timeout: unicast solicitation, retransmit timer.
    {{kDelay}, {SO_NEIGHBOR_DELAY_OVER}, kProbe, kUnicast},
    // PROBE: retransmit timeout, fewer than N.
    {{kProbe}, {SO_NEIGHBOR_RETRY}, -1, kUnicast},
    // PROBE: retransmit timeout, N: discard.
    {{kProbe}, {SO_NEIGHBOR_GIVE_UP}, kNone, kDiscard},
};

TEST(NeighborTableTest, TheTableIsThatOfAppendixC) {
  std::map<std::pair<int, int>, Row> rfc;
  for (const Row &row : kRfc) {
    for (so_neighbor_state s : row.states) {
      for (so_neighbor_event e : row.events) {
        ASSERT_TRUE(rfc.emplace(std::make_pair(s, e), row).second) << s << " " << e;
      }
    }
  }
  for (int s = 0; s < SO_NEIGHBOR_STATES; s++) {
    for (int e = 0; e < SO_NEIGHBOR_EVENTS; e++) {
      const auto state = static_cast<so_neighbor_state>(s);
      const so_neighbor_rule rule = so_neighbor_rule_of(state, static_cast<so_neighbor_event>(e));
      const auto want = rfc.find({s, e});
      const int next = want == rfc.end() || want->second.next < 0 ? s : want->second.next;
      EXPECT_EQ(next, rule.next) << "state " << s << " event " << e;
      EXPECT_EQ(want == rfc.end() ? 0 : want->second.actions, rule.actions)
          << "state " << s << " event " << e;
    }
  }
}

// --- the cache -------------------------------------------------------------------------------

struct Solicit {
  so_ip target;
  bool unicast;
  so_ip src;
};

class NeighborCacheTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(so_ok(so_packet_pool_init(&pool_, so_test::Heap(), 64, 1024)));
    so_neighbors_init(&n_, kKey);
    sink_ = {OnSolicit, OnSend, OnUnreachable, OnDropped, OnLost, this};
  }
  void TearDown() override {
    so_neighbors_clear(&n_, &sink_);
    EXPECT_EQ(0u, n_.count);
    EXPECT_EQ(0u, n_.waiting_count);
    EXPECT_EQ(0u, n_.incomplete_count);
    EXPECT_EQ(0u, n_.unused_count);
    EXPECT_EQ(0u, pool_.packets_used);
    so_packet_pool_release(&pool_);
  }
  void Send(uint32_t to, char tag = 'p') {
    so_packet *p = so_packet_alloc(&pool_, 0, 1);
    ASSERT_NE(nullptr, p);
    ASSERT_TRUE(so_ok(so_packet_append(&pool_, p, so_bytes_of(&tag, 1))));
    p->src = Ip(0x999);
    const so_ip hop = Ip(to);
    so_neighbors_send(&n_, &hop, p, now_, &sink_);
  }
  void Advert(uint32_t who, const uint8_t *mac, bool solicited, bool override,
              bool router = false) {
    const so_neighbor_advert a = {Ip(who), mac, router, solicited, override};
    so_neighbors_advert(&n_, &a, now_, &sink_);
  }
  void Heard(uint32_t who, const uint8_t *mac) {
    const so_ip ip = Ip(who);
    so_neighbors_heard(&n_, &ip, mac, -1, now_, &sink_);
  }
  void Tick(uint64_t at) {
    now_ = at;
    so_neighbors_tick(&n_, now_, &sink_);
  }
  int State(uint32_t who) const {
    const so_ip ip = Ip(who);
    const so_neighbor *e = so_neighbors_find(&n_, &ip);
    return e == nullptr ? 0 : e->state;
  }

  so_packet_pool pool_;
  so_neighbors n_;
  so_neighbor_sink sink_;
  uint64_t now_ = 100 * kS;
  std::vector<Solicit> solicits_;
  std::string sent_, unreachable_, dropped_;
  std::vector<std::string> macs_;
  std::vector<bool> lost_;

 private:
  static NeighborCacheTest *Of(void *ctx) { return static_cast<NeighborCacheTest *>(ctx); }
  void Take(so_packet *p, std::string *to) {
    uint8_t c;
    so_packet_copy(p, 0, &c, 1);
    to->push_back(static_cast<char>(c));
    so_packet_free(&pool_, p);
  }
  static void OnSolicit(void *ctx, const so_ip *t, const uint8_t *mac, const so_ip *src) {
    Of(ctx)->solicits_.push_back({*t, mac != nullptr, *src});
  }
  static void OnSend(void *ctx, so_packet *p, const uint8_t mac[6]) {
    Of(ctx)->macs_.emplace_back(reinterpret_cast<const char *>(mac), 6);
    Of(ctx)->Take(p, &Of(ctx)->sent_);
  }
  static void OnUnreachable(void *ctx, so_packet *p) { Of(ctx)->Take(p, &Of(ctx)->unreachable_); }
  static void OnDropped(void *ctx, so_packet *p) { Of(ctx)->Take(p, &Of(ctx)->dropped_); }
  static void OnLost(void *ctx, const so_ip *, bool router) { Of(ctx)->lost_.push_back(router); }
};

TEST_F(NeighborCacheTest, AddressesAreResolvedAndWhatWaitedLeavesInOrder) {
  Send(1, 'a');
  Send(1, 'b');
  ASSERT_EQ(1u, solicits_.size());
  EXPECT_FALSE(solicits_[0].unicast);
  const so_ip src = Ip(0x999);
  EXPECT_TRUE(so_ip_equal(&src, &solicits_[0].src));
  Advert(1, kMacA, true, true);
  EXPECT_EQ("ab", sent_);
  EXPECT_EQ(kReachable, State(1));
  Send(1, 'c');
  EXPECT_EQ("abc", sent_);
  EXPECT_EQ(std::string(reinterpret_cast<const char *>(kMacA), 6), macs_[2]);
}

TEST_F(NeighborCacheTest, ThreeSolicitationsASecondApartThenUnreachable) {
  Send(1, 'a');
  for (unsigned k = 1; k <= 3; k++) {
    EXPECT_EQ(k, solicits_.size());
    EXPECT_EQ(now_ + kS, so_neighbors_deadline(&n_));
    Tick(now_ + kS - 1);
    EXPECT_EQ(k, solicits_.size());
    Tick(now_ + 1);
  }
  EXPECT_EQ("a", unreachable_);
  EXPECT_EQ(kNone, State(1));
  EXPECT_EQ(1u, n_.stats.failed);
  EXPECT_EQ(SO_NEVER, so_neighbors_deadline(&n_));
}

TEST_F(NeighborCacheTest, ReachableEndsStaleDelaysAndProbesByUnicast) {
  Send(1);
  Advert(1, kMacA, true, true);
  const uint64_t confirmed = now_;
  Tick(now_ + kS);  // When resolution would have been tried again.
  EXPECT_EQ(kReachable, State(1));
  const uint64_t end = so_neighbors_deadline(&n_);
  EXPECT_GE(end, confirmed + 15 * kS);
  EXPECT_LE(end, confirmed + 45 * kS);
  now_ += 10 * kS;
  Send(1);  // Sending is no confirmation.
  Tick(confirmed + 45 * kS + 1);
  EXPECT_EQ(kStale, State(1));
  EXPECT_EQ(SO_NEVER, so_neighbors_deadline(&n_));
  Send(1);
  EXPECT_EQ(kDelay, State(1));
  EXPECT_EQ(now_ + 5 * kS, so_neighbors_deadline(&n_));
  now_ += kS;
  Send(1);  // Does not put it off.
  EXPECT_EQ(now_ + 4 * kS, so_neighbors_deadline(&n_));
  Tick(now_ + 4 * kS);
  EXPECT_EQ(kProbe, State(1));
  ASSERT_EQ(2u, solicits_.size());
  EXPECT_TRUE(solicits_[1].unicast);
  Tick(now_ + kS);
  Tick(now_ + kS);
  EXPECT_EQ(4u, solicits_.size());
  Tick(now_ + kS);
  EXPECT_EQ(kNone, State(1));
  EXPECT_EQ(1u, lost_.size());
}

TEST_F(NeighborCacheTest, AnUpperLayerConfirmationSavesTheProbe) {
  Heard(1, kMacA);
  Send(1);
  EXPECT_EQ(kDelay, State(1));
  const so_ip ip = Ip(1);
  so_neighbors_confirm(&n_, &ip, now_);
  EXPECT_EQ(kReachable, State(1));
  Tick(now_ + 6 * kS);
  EXPECT_TRUE(solicits_.empty());
}

TEST_F(NeighborCacheTest, AdvertisementsForStrangersMakeNoEntry) {
  Advert(1, kMacA, true, true);
  Advert(1, kMacA, false, true);
  EXPECT_EQ(0u, n_.count);
}

TEST_F(NeighborCacheTest, AnAddressWithoutOverrideIsDoubtNotTruth) {
  Send(1);
  Advert(1, kMacA, true, true, true);
  Advert(1, kMacB, false, false, false);
  EXPECT_EQ(kStale, State(1));
  const so_ip ip = Ip(1);
  EXPECT_EQ(0, memcmp(kMacA, so_neighbors_find(&n_, &ip)->mac, 6));
  EXPECT_TRUE(so_neighbors_find(&n_, &ip)->is_router);
  EXPECT_TRUE(lost_.empty());
  Advert(1, kMacB, false, true, true);
  EXPECT_EQ(0, memcmp(kMacB, so_neighbors_find(&n_, &ip)->mac, 6));
}

TEST_F(NeighborCacheTest, ARouterThatSaysItIsNoneIsLost) {
  Send(1);
  Advert(1, kMacA, true, true, true);
  Advert(1, kMacA, true, true, false);
  ASSERT_EQ(1u, lost_.size());
  EXPECT_TRUE(lost_[0]);
  EXPECT_EQ(kReachable, State(1));
}

TEST_F(NeighborCacheTest, FewWaitForOneAndTheOldestGives) {
  for (unsigned k = 0; k < SO_NEIGHBOR_WAITING_MAX; k++) {
    Send(1, static_cast<char>('a' + k));
  }
  EXPECT_EQ("", dropped_);
  Send(1, 'z');
  EXPECT_EQ("a", dropped_);
  Advert(1, kMacA, true, true);
  EXPECT_EQ(SO_NEIGHBOR_WAITING_MAX, sent_.size());
  EXPECT_EQ('z', sent_.back());
}

TEST_F(NeighborCacheTest, NotMoreThanSoManyWaitAltogether) {
  for (unsigned k = 0; k < SO_NEIGHBORS_WAITING_MAX; k++) {
    Send(100 + k % 32);
  }
  EXPECT_EQ("", dropped_);
  Send(50, 'x');
  EXPECT_EQ("x", dropped_);
  EXPECT_EQ(SO_NEIGHBORS_WAITING_MAX, n_.waiting_count);
}

TEST_F(NeighborCacheTest, AScanOfThePrefixLeavesNeighboursAlone) {
  for (uint32_t k = 0; k < 150; k++) {
    Send(k);
    Advert(k, kMacA, true, true);
  }
  for (uint32_t k = 0; k < 5000; k++) {
    now_ += kMs;
    Send(100000 + k, 's');
  }
  for (uint32_t k = 0; k < 150; k++) {
    EXPECT_EQ(kReachable, State(k)) << k;
  }
  EXPECT_EQ(SO_NEIGHBORS_INCOMPLETE_MAX, n_.incomplete_count);
  EXPECT_EQ(150 + SO_NEIGHBORS_INCOMPLETE_MAX, n_.count);
}

TEST_F(NeighborCacheTest, AFloodOfSolicitationsPushesOutOnlyItsLike) {
  for (uint32_t k = 0; k < 250; k++) {
    now_ += kMs;
    Send(k);
    Advert(k, kMacA, true, true);
  }
  for (uint32_t k = 0; k < 5000; k++) {
    now_ += kMs;
    Heard(100000 + k, kMacB);
  }
  for (uint32_t k = 0; k < 250; k++) {
    EXPECT_EQ(kReachable, State(k)) << k;
  }
  EXPECT_EQ(SO_NEIGHBORS_MAX, n_.count);
  EXPECT_EQ(kStale, State(100000 + 4999));
  Send(400);  // We still find room for ours.
  EXPECT_EQ(kIncomplete, State(400));
}

TEST_F(NeighborCacheTest, WhatOthersSayTakesAQuarterAtMost) {
  for (uint32_t k = 0; k < SO_NEIGHBORS_UNUSED_MAX; k++) {
    now_ += kMs;
    Heard(k, kMacB);
  }
  EXPECT_EQ(0u, n_.stats.evicted);
  EXPECT_EQ(SO_NEIGHBORS_UNUSED_MAX, n_.count);
  // One more, and the one heard of longest ago goes, although three quarters are free.
  now_ += kMs;
  Heard(5000, kMacB);
  EXPECT_EQ(1u, n_.stats.evicted);
  EXPECT_EQ(SO_NEIGHBORS_UNUSED_MAX, n_.count);
  EXPECT_EQ(kNone, State(0));
  EXPECT_EQ(kStale, State(1));
  EXPECT_EQ(kStale, State(5000));
  // One that we use counts no more: there is room for another.
  now_ += kMs;
  Send(1);
  Heard(5001, kMacB);
  EXPECT_EQ(1u, n_.stats.evicted);
  EXPECT_EQ(SO_NEIGHBORS_UNUSED_MAX + 1, n_.count);
}

TEST_F(NeighborCacheTest, AFullCacheOfOursRefusesWhatOthersSay) {
  for (uint32_t k = 0; k < SO_NEIGHBORS_MAX; k++) {
    now_ += kMs;
    Send(k);
    Advert(k, kMacA, true, true);
  }
  Heard(9999, kMacB);
  EXPECT_EQ(kNone, State(9999));
  EXPECT_EQ(1u, n_.stats.refused);
  Send(8888);  // The one used longest ago goes.
  EXPECT_EQ(kIncomplete, State(8888));
  EXPECT_EQ(kNone, State(0));
  EXPECT_EQ(kReachable, State(1));
}

TEST_F(NeighborCacheTest, APinnedEntryStays) {
  const so_ip router = Ip(0);
  Send(0);
  Advert(0, kMacA, true, true, true);
  so_neighbors_pin(&n_, &router, true);
  for (uint32_t k = 1; k < 1000; k++) {
    now_ += kMs;
    Send(k);
    Advert(k, kMacA, true, true);
  }
  EXPECT_EQ(kReachable, State(0));
  so_neighbors_pin(&n_, &router, false);
  Send(5000);
  EXPECT_EQ(kNone, State(0));
}

TEST_F(NeighborCacheTest, RandomOperationsKeepTheCountsRight) {
  uint64_t x = 12345;
  auto draw = [&x](uint64_t below) {
    x = x * 6364136223846793005u + 1442695040888963407u;
    return (x >> 33) % below;
  };
  for (unsigned step = 0; step < 60000; step++) {
    const uint32_t who = static_cast<uint32_t>(draw(draw(4) == 0 ? 2000 : 300));
    const so_ip ip = Ip(who);
    now_ += draw(200) * kMs;
    switch (draw(7)) {
      case 0:
      case 1:
        Send(who);
        break;
      case 2:
        Advert(who, draw(5) == 0 ? nullptr : draw(2) ? kMacA : kMacB, draw(2), draw(2), draw(2));
        break;
      case 3:
        Heard(who, draw(2) ? kMacA : kMacB);
        break;
      case 4:
        so_neighbors_confirm(&n_, &ip, now_);
        break;
      case 5:
        so_neighbors_pin(&n_, &ip, draw(20) == 0);
        break;
      default:
        so_neighbors_tick(&n_, now_, &sink_);
        break;
    }
    if (step % 64 != 0) {
      continue;
    }
    unsigned count = 0, incomplete = 0, unused = 0, waiting = 0;
    for (const so_neighbor &e : n_.entries) {
      if (e.state != kNone) {
        count++;
        incomplete += e.state == kIncomplete;
        unused += !e.used && !e.pinned;
        waiting += e.waiting_count;
        EXPECT_EQ(&e, so_neighbors_find(&n_, &e.address));
        EXPECT_LE(n_.deadline_ns, e.deadline_ns);
        EXPECT_TRUE(e.waiting == nullptr || e.state == kIncomplete);
      }
    }
    ASSERT_EQ(count, n_.count);
    ASSERT_EQ(incomplete, n_.incomplete_count);
    ASSERT_EQ(unused, n_.unused_count);
    ASSERT_EQ(waiting, n_.waiting_count);
    ASSERT_LE(incomplete, SO_NEIGHBORS_INCOMPLETE_MAX);
  }
}

}  // namespace
