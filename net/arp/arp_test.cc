#include "net/arp/arp.h"

#include <string.h>

#include <string>
#include <vector>

#include "kernel/ports/clock.h"
#include "tests/support/support.h"

namespace {

using Mac = std::string;
const Mac kMe("\x02\x00\x00\x00\x00\x01", 6);
const Mac kYou("\x02\x00\x00\x00\x00\x02", 6);
const Mac kEve("\x02\x00\x00\x00\x00\x66", 6);
const Mac kAll(6, '\xff');

struct Ip4 {
  uint8_t b[4];
};
constexpr Ip4 kOwn = {{10, 0, 0, 1}};
constexpr Ip4 kPeer = {{10, 0, 0, 2}};
constexpr Ip4 kNone = {{0, 0, 0, 0}};

Ip4 Numbered(uint8_t net, int k) {
  return Ip4{{10, net, static_cast<uint8_t>(k / 250), static_cast<uint8_t>(k % 250 + 1)}};
}

so_arp_message Message(so_arp_operation op, const Mac &smac, Ip4 sip, Ip4 tip) {
  so_arp_message m;
  memset(&m, 0, sizeof m);
  m.operation = op;
  memcpy(m.sender_mac, smac.data(), 6);
  memcpy(m.sender_ip, sip.b, 4);
  memcpy(m.target_ip, tip.b, 4);
  return m;
}

std::string Wire(const so_arp_message &m) {
  uint8_t buf[SO_ARP_LEN];
  so_writer w = so_writer_of(buf, sizeof buf);
  so_arp_emit(&m, &w);
  return so_test::Text(so_writer_bytes(&w));
}

class ArpTest : public ::testing::Test {
 protected:
  explicit ArpTest(uint32_t entries = 16) {
    static const uint8_t kSeed[SO_RNG_SEED_LEN] = {5};
    so_rng_init(&rng_, kSeed);
    SO_EXPECT_OK(so_packet_pool_init(&pool_, so_test::Heap(), 4, 512));
    const so_arp_ops ops = {Send, Resolved, Failed, Usable, Conflict, this};
    SO_EXPECT_OK(so_arp_init(&a_, &ops, so_test::Heap(), &pool_, &rng_,
                             reinterpret_cast<const uint8_t *>(kMe.data()), entries));
  }
  ~ArpTest() override {
    so_arp_release(&a_);
    EXPECT_EQ(0u, pool_.packets_used);
    so_packet_pool_release(&pool_);
  }

  void Own(bool probe = false) {
    const so_ip ip = so_ip4(kOwn.b);
    SO_ASSERT_OK(so_arp_add_own(&a_, &ip, probe, now_));
    if (!probe) {
      Advance(2 * SO_NS_PER_S);  // Announced twice.
      EXPECT_EQ(2u, sent_.size());
    }
    sent_.clear();
  }
  void Input(const so_arp_message &m) {
    const std::string wire = Wire(m);
    so_arp_input(&a_, so_test::View(wire), m.sender_mac, now_);
  }
  void Reply(const Mac &mac = kYou, Ip4 ip = kPeer) { Input(Message(SO_ARP_REPLY, mac, ip, kOwn)); }
  Mac Lookup(Ip4 ip = kPeer) {
    uint8_t mac[6];
    return so_arp_lookup(&a_, ip.b, now_, mac) ? Mac(reinterpret_cast<char *>(mac), 6) : Mac();
  }
  void Wait(Ip4 ip = kPeer) {
    so_packet *p = so_packet_alloc(&pool_, 0, 0);
    ASSERT_NE(nullptr, p);
    so_arp_wait(&a_, ip.b, kOwn.b, p, now_);
  }
  so_arp_state State(Ip4 ip = kPeer) { return so_arp_state_of(&a_, ip.b); }
  void Advance(uint64_t ns) {
    now_ += ns;
    so_arp_tick(&a_, now_);
  }

  static ArpTest *Of(void *ctx) { return static_cast<ArpTest *>(ctx); }
  static void Send(void *ctx, const so_arp_message *m, const uint8_t *dst) {
    Of(ctx)->sent_.push_back({*m, Mac(reinterpret_cast<const char *>(dst), 6)});
  }
  static void Resolved(void *ctx, so_packet *p, const uint8_t *dst) {
    Of(ctx)->resolved_.push_back(Mac(reinterpret_cast<const char *>(dst), 6));
    so_packet_free(&Of(ctx)->pool_, p);
  }
  static void Failed(void *ctx, so_packet *p, bool unreachable) {
    Of(ctx)->failed_++;
    Of(ctx)->unreachable_ += unreachable;
    so_packet_free(&Of(ctx)->pool_, p);
  }
  static void Usable(void *ctx, const so_ip *) { Of(ctx)->usable_++; }
  static void Conflict(void *ctx, const so_ip *, const uint8_t *, bool lost) {
    Of(ctx)->conflicts_.push_back(lost);
  }

  struct Out {
    so_arp_message m;
    Mac dst;
  };
  so_packet_pool pool_;
  so_rng rng_;
  so_arp a_;
  uint64_t now_ = 100 * SO_NS_PER_S;
  std::vector<Out> sent_;
  std::vector<Mac> resolved_;
  std::vector<bool> conflicts_;
  int failed_ = 0, unreachable_ = 0, usable_ = 0;
};

TEST_F(ArpTest, AMessageIsReadAndWrittenTheSameAndEveryTruncationRefused) {
  const std::string wire = Wire(Message(SO_ARP_REQUEST, kYou, kPeer, kOwn));
  ASSERT_EQ(SO_ARP_LEN, wire.size());
  so_arp_message m;
  SO_ASSERT_OK(so_arp_parse(so_test::View(wire), &m));
  EXPECT_EQ(wire, Wire(m));
  SO_EXPECT_OK(so_arp_parse(so_test::View(wire + std::string(18, '\0')), &m));  // Padded to 46.
  for (size_t n = 0; n < wire.size(); n++) {
    const so_test::Guarded g(wire.substr(0, n));
    SO_EXPECT_CODE(SO_MALFORMED, so_arp_parse(g.view(), &m));
  }
}

TEST_F(ArpTest, OtherHardwareProtocolsLengthsAndOperationsAreUnsupported) {
  const std::string wire = Wire(Message(SO_ARP_REQUEST, kYou, kPeer, kOwn));
  for (size_t at = 0; at < 8; at++) {
    std::string s = wire;
    s[at] = static_cast<char>(s[at] ^ 0x10);
    so_arp_message m;
    SO_EXPECT_CODE(SO_UNSUPPORTED, so_arp_parse(so_test::View(s), &m));
  }
}

TEST_F(ArpTest, ARequestForUsIsAnsweredAndItsSenderLearned) {
  Own();
  Input(Message(SO_ARP_REQUEST, kYou, kPeer, kOwn));
  ASSERT_EQ(1u, sent_.size());
  EXPECT_EQ(SO_ARP_REPLY, sent_[0].m.operation);
  EXPECT_EQ(kYou, sent_[0].dst);
  EXPECT_EQ(0, memcmp(sent_[0].m.sender_mac, kMe.data(), 6));
  EXPECT_EQ(0, memcmp(sent_[0].m.sender_ip, kOwn.b, 4));
  EXPECT_EQ(0, memcmp(sent_[0].m.target_ip, kPeer.b, 4));
  EXPECT_EQ(SO_ARP_STALE, State());
  EXPECT_EQ(kYou, Lookup());
}

TEST_F(ArpTest, RequestsForOthersCreateNothing) {
  Own();
  Input(Message(SO_ARP_REQUEST, kYou, kPeer, Ip4{{10, 0, 0, 9}}));
  Reply();  // Nobody asked.
  EXPECT_TRUE(sent_.empty());
  EXPECT_EQ(SO_ARP_FREE, State());
}

TEST_F(ArpTest, AProbeForOurAddressIsAnsweredWithoutLearning) {
  Own();
  Input(Message(SO_ARP_REQUEST, kYou, kNone, kOwn));
  EXPECT_EQ(1u, sent_.size());
  EXPECT_EQ(SO_ARP_FREE, State(kNone));
}

TEST_F(ArpTest, MessagesThatLieAboutTheirSenderAreIgnored) {
  Own();
  so_arp_message m = Message(SO_ARP_REQUEST, kYou, kPeer, kOwn);
  const std::string wire = Wire(m);
  so_arp_input(&a_, so_test::View(wire), reinterpret_cast<const uint8_t *>(kEve.data()), now_);
  Input(Message(SO_ARP_REQUEST, kMe, kPeer, kOwn));   // Our own voice.
  Input(Message(SO_ARP_REQUEST, kAll, kPeer, kOwn));  // A group.
  Input(Message(SO_ARP_REQUEST, Mac(6, '\0'), kPeer, kOwn));
  Input(Message(SO_ARP_REQUEST, kYou, Ip4{{224, 0, 0, 1}}, kOwn));
  Input(Message(SO_ARP_REQUEST, kYou, Ip4{{127, 0, 0, 1}}, kOwn));
  EXPECT_TRUE(sent_.empty());
}

TEST_F(ArpTest, WhatWaitsGoesOutInOrderWhenTheReplyComes) {
  Own();
  Wait();
  Wait();
  EXPECT_EQ(1u, sent_.size());  // One request for both.
  EXPECT_EQ(kAll, sent_[0].dst);
  EXPECT_TRUE(resolved_.empty());
  Reply();
  EXPECT_EQ((std::vector<Mac>{kYou, kYou}), resolved_);
  EXPECT_EQ(SO_ARP_REACHABLE, State());
}

TEST_F(ArpTest, TheOldestOfTooManyThatWaitIsDropped) {
  Own();
  for (uint32_t k = 0; k < SO_ARP_QUEUE_MAX + 3; k++) {
    Wait();
  }
  EXPECT_EQ(SO_ARP_QUEUE_MAX, a_.waiting);
  EXPECT_EQ(3u, a_.stats.queue_dropped);
  Reply();
  EXPECT_EQ(SO_ARP_QUEUE_MAX, resolved_.size());
}

TEST_F(ArpTest, ANeighbourThatNeverAnswersFailsAfterThreeRequestsAndAPauseFollows) {
  Own();
  Wait();
  for (int k = 0; k < 3; k++) {
    Advance(SO_NS_PER_S);
  }
  EXPECT_EQ(3u, sent_.size());
  EXPECT_EQ(1, unreachable_);
  EXPECT_EQ(SO_ARP_FAILED, State());
  Wait();  // Within the pause: refused at once, without a request.
  EXPECT_EQ(2, unreachable_);
  EXPECT_EQ(3u, sent_.size());
  Advance(2 * SO_NS_PER_S);
  Wait();
  EXPECT_EQ(4u, sent_.size());
  Reply();
  EXPECT_EQ(1u, resolved_.size());
}

TEST_F(ArpTest, AUsedNeighbourIsProbedAfterItWentStaleAndForgottenWhenGone) {
  Own();
  Wait();
  Reply();
  now_ += 29 * SO_NS_PER_S;
  EXPECT_EQ(kYou, Lookup());
  EXPECT_EQ(SO_ARP_REACHABLE, State());
  now_ += SO_NS_PER_S;
  EXPECT_EQ(kYou, Lookup());
  EXPECT_EQ(SO_ARP_DELAY, State());
  sent_.clear();
  Advance(5 * SO_NS_PER_S);
  ASSERT_EQ(1u, sent_.size());
  EXPECT_EQ(kYou, sent_[0].dst);  // By unicast.
  EXPECT_EQ(SO_ARP_PROBE, State());
  Reply();
  EXPECT_EQ(SO_ARP_REACHABLE, State());
  now_ += 30 * SO_NS_PER_S;
  (void)Lookup();
  Advance(5 * SO_NS_PER_S);
  Advance(SO_NS_PER_S);
  Advance(SO_NS_PER_S);
  EXPECT_EQ(kYou, Lookup());
  Advance(SO_NS_PER_S);
  EXPECT_EQ(SO_ARP_FREE, State());
}

TEST_F(ArpTest, ATransportsConfirmationSavesTheProbe) {
  Own();
  Wait();
  Reply();
  now_ += 30 * SO_NS_PER_S;
  (void)Lookup();
  sent_.clear();
  so_arp_confirm(&a_, kPeer.b, now_);
  Advance(10 * SO_NS_PER_S);
  EXPECT_TRUE(sent_.empty());
  so_arp_confirm(&a_, Ip4{{10, 0, 0, 99}}.b, now_);  // Unknown: nothing.
  EXPECT_EQ(SO_ARP_FREE, State(Ip4{{10, 0, 0, 99}}));
}

TEST_F(ArpTest, AnotherMacIsRefusedJustAfterAConfirmationAndTakenLater) {
  Own();
  Wait();
  Reply();
  Reply(kEve);
  EXPECT_EQ(kYou, Lookup());
  now_ += SO_NS_PER_S;
  Input(Message(SO_ARP_REQUEST, kEve, kPeer, kPeer));  // A gratuitous request: failover.
  EXPECT_EQ(kEve, Lookup());
  EXPECT_EQ(SO_ARP_DELAY, State());  // Used, and to be checked.
}

TEST_F(ArpTest, AFloodOfStrangersDoesNotEvictWhoWeTalkTo) {
  Own();
  Wait();
  Reply();
  for (int k = 0; k < 1000; k++) {
    if (k % 8 == 0) {
      EXPECT_EQ(kYou, Lookup()) << k;
    }
    Input(Message(SO_ARP_REQUEST, kEve,
                  Numbered(1, k), kOwn));
  }
  EXPECT_EQ(kYou, Lookup());
  EXPECT_EQ(1001u, a_.stats.tx_replies + 1);
  EXPECT_GT(a_.stats.evicted, 900u);
}

TEST_F(ArpTest, AScanThroughUsFillsHalfTheTableOnly) {
  Own();
  Wait();
  Reply();
  for (uint8_t k = 10; k < 60; k++) {
    Wait(Ip4{{10, 0, 0, k}});
  }
  EXPECT_EQ(8u, a_.incomplete);
  EXPECT_EQ(42u, a_.stats.table_full);
  EXPECT_EQ(42, failed_);
  EXPECT_EQ(0, unreachable_);
  EXPECT_EQ(kYou, Lookup());
}

class ArpLargeTest : public ArpTest {
 protected:
  ArpLargeTest() : ArpTest(2048) {}
};

TEST_F(ArpLargeTest, RequestsAreLimitedAltogetherAndSoAreWaitingPackets) {
  Own();
  for (int k = 0; k < 400; k++) {
    Wait(Numbered(2, k));
  }
  EXPECT_EQ(SO_ARP_REQUESTS_PER_S, sent_.size());
  EXPECT_EQ(SO_ARP_QUEUE_TOTAL_MAX, a_.waiting);
  EXPECT_EQ(400 - static_cast<int>(SO_ARP_QUEUE_TOTAL_MAX), failed_);
  EXPECT_GT(a_.stats.tx_limited, 0u);
}

TEST_F(ArpLargeTest, ManyNeighboursAreEachFoundAgain) {
  Own();
  for (int k = 0; k < 2000; k++) {
    Mac mac = kYou;
    mac[3] = static_cast<char>(k >> 8);
    mac[4] = static_cast<char>(k);
    Input(Message(SO_ARP_REQUEST, mac,
                  Numbered(3, k), kOwn));
  }
  for (int k = 0; k < 2000; k++) {
    const Mac mac = Lookup(Numbered(3, k));
    ASSERT_EQ(6u, mac.size());
    EXPECT_EQ(static_cast<char>(k), mac[4]);
  }
}

TEST_F(ArpTest, ProbingTakesThreeProbesThenAnnouncesTwice) {
  Own(true);
  const so_ip own = so_ip4(kOwn.b);
  const uint64_t start = now_;
  for (int k = 0; k < 20 && usable_ == 0; k++) {
    now_ = so_arp_deadline(&a_);
    so_arp_tick(&a_, now_);
  }
  ASSERT_EQ(4u, sent_.size());
  for (int k = 0; k < 3; k++) {
    EXPECT_EQ(0, memcmp(sent_[static_cast<size_t>(k)].m.sender_ip, kNone.b, 4));
    EXPECT_EQ(0, memcmp(sent_[static_cast<size_t>(k)].m.target_ip, kOwn.b, 4));
  }
  EXPECT_EQ(0, memcmp(sent_[3].m.sender_ip, kOwn.b, 4));
  EXPECT_GE(now_ - start, 4 * SO_NS_PER_S);
  EXPECT_LE(now_ - start, 7 * SO_NS_PER_S);
  EXPECT_EQ(SO_ARP_OWN_ANNOUNCING, so_arp_own_state_of(&a_, &own));
  now_ = so_arp_deadline(&a_);
  so_arp_tick(&a_, now_);
  EXPECT_EQ(5u, sent_.size());
  EXPECT_EQ(SO_ARP_OWN_BOUND, so_arp_own_state_of(&a_, &own));
  EXPECT_EQ(SO_NEVER, so_arp_deadline(&a_));
}

TEST_F(ArpTest, AnAddressBeingProbedIsNotAnsweredForAndLostToWhoHasIt) {
  Own(true);
  Input(Message(SO_ARP_REQUEST, kYou, kPeer, kOwn));
  EXPECT_TRUE(sent_.empty());
  Input(Message(SO_ARP_REPLY, kYou, kOwn, kNone));
  EXPECT_EQ(std::vector<bool>{true}, conflicts_);
  Own(true);
  Input(Message(SO_ARP_REQUEST, kYou, kNone, kOwn));  // Another one probes for it at the same time.
  EXPECT_EQ((std::vector<bool>{true, true}), conflicts_);
  EXPECT_EQ(SO_NEVER, so_arp_deadline(&a_));
}

TEST_F(ArpTest, AnAddressInUseIsDefendedOnceInTenSeconds) {
  Own();
  for (int k = 0; k < 5; k++) {
    Input(Message(SO_ARP_REQUEST, kEve, kOwn, kOwn));
  }
  EXPECT_EQ(1u, sent_.size());
  EXPECT_EQ(std::vector<bool>(5, false), conflicts_);
  now_ += 10 * SO_NS_PER_S;
  Input(Message(SO_ARP_REQUEST, kEve, kOwn, kOwn));
  EXPECT_EQ(2u, sent_.size());
  const so_ip own = so_ip4(kOwn.b);
  EXPECT_NE(SO_ARP_OWN_FREE, so_arp_own_state_of(&a_, &own));
}

TEST_F(ArpTest, OwnAddressesAreBounded) {
  for (uint8_t k = 1; k <= SO_ARP_OWN_MAX; k++) {
    const so_ip ip = so_ip4(Ip4{{10, 0, 1, k}}.b);
    SO_EXPECT_OK(so_arp_add_own(&a_, &ip, false, now_));
    SO_EXPECT_OK(so_arp_add_own(&a_, &ip, false, now_));
  }
  so_ip ip = so_ip4(kOwn.b);
  SO_EXPECT_CODE(SO_LIMIT, so_arp_add_own(&a_, &ip, false, now_));
  const so_ip first = so_ip4(Ip4{{10, 0, 1, 1}}.b);
  so_arp_remove_own(&a_, &first);
  SO_EXPECT_OK(so_arp_add_own(&a_, &ip, false, now_));
}

TEST(ArpInitTest, ARefusingHeapLeavesNothing) {
  static const uint8_t kMac[6] = {2};
  so_arp a;
  so_rng rng;
  static const uint8_t kSeed[SO_RNG_SEED_LEN] = {5};
  so_rng_init(&rng, kSeed);
  const so_arp_ops ops = {};
  for (size_t limit : {size_t{0}, 64 * sizeof(so_arp_entry)}) {
    so_heap_budget budget;
    const so_heap heap = so_heap_budget_init(&budget, so_test::Heap(), limit);
    SO_EXPECT_CODE(SO_LIMIT, so_arp_init(&a, &ops, &heap, nullptr, &rng, kMac, 64));
    EXPECT_EQ(0u, budget.used);
    so_arp_release(&a);
  }
}

}  // namespace
