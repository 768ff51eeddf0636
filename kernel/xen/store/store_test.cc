#include "kernel/xen/store/store.h"

#include <vector>

#include "tests/sim/xenstore/domain.h"
#include "tests/sim/xenstore/xenstored.h"
#include "tests/support/support.h"

namespace {

class StoreTest : public so_test::Domain {
 protected:
  so_status Write(const char *path, const std::string &value) {
    return so_store_write(&store_, SO_STORE_NO_TX, path, so_test::View(value));
  }
  std::string List(const char *path) {
    so_buf out;
    so_buf_init(&out, so_test::Heap(), 4096);
    const so_status s = so_store_list(&store_, SO_STORE_NO_TX, path, &out);
    std::string text = so_ok(s) ? so_test::Text(so_buf_bytes(&out))
                                : so_code_name(static_cast<so_code>(s.code));
    for (char &c : text) c = c == 0 ? ' ' : c;
    so_buf_release(&out);
    return text;
  }
  const char *Why() {
    const char *why = "(not broken)";
    so_store_broken(&store_, &why);
    return why;
  }
};

TEST_F(StoreTest, ReadsWritesListsAndRemoves) {
  xenstored_.Set("name", "hello");
  xenstored_.Set("device/vif/0/mac", "00:16:3e:00:00:01");
  xenstored_.Set("device/vif/1/mac", "x");
  Run([&] {
    EXPECT_EQ("hello", Read("name"));
    EXPECT_EQ("hello", Read("/local/domain/7/name"));
    EXPECT_EQ("NOT_FOUND", Read("nothing"));
    EXPECT_EQ("0 1 ", List("device/vif"));
    EXPECT_EQ("NOT_FOUND", List("device/vbd"));
    EXPECT_EQ("", List("name"));
    SO_EXPECT_OK(Write("control/feature-poweroff", "1"));
    EXPECT_EQ("1", xenstored_.Get("control/feature-poweroff"));
    SO_EXPECT_OK(Write("empty", ""));
    EXPECT_EQ("", Read("empty"));
    SO_EXPECT_OK(so_store_remove(&store_, SO_STORE_NO_TX, "device/vif"));
    SO_EXPECT_CODE(SO_NOT_FOUND, so_store_remove(&store_, SO_STORE_NO_TX, "device/vif"));
    xenstored_.denied.insert("/local/domain/0");
    SO_EXPECT_CODE(SO_DENIED, Write("/local/domain/0/x", "1"));
  });
  EXPECT_EQ(0u, store_.stats.strays);
  EXPECT_EQ(0u, store_.in_flight);
}

TEST_F(StoreTest, RefusesWhatItCannotSend) {
  Run([&] {
    const std::string path(SO_STORE_PATH_MAX, 'p');
    EXPECT_EQ("LIMIT", Read(path.c_str()));
    EXPECT_EQ("LIMIT", Read(""));
    EXPECT_EQ("NOT_FOUND", Read(path.c_str() + 1));
    SO_EXPECT_CODE(SO_LIMIT, Write("a", std::string(4096, 'v')));
    SO_EXPECT_OK(Write("a", std::string(4096 - 2, 'v')));
    EXPECT_EQ(std::string(4094, 'v'), Read("a"));
    so_buf small;
    so_buf_init(&small, so_test::Heap(), 100);
    SO_EXPECT_CODE(SO_LIMIT, so_store_read(&store_, SO_STORE_NO_TX, "a", &small));
    so_buf_release(&small);
    EXPECT_EQ(std::string(4094, 'v'), Read("a"));
  });
}

// The same for every number of bytes that the server moves at a time.
TEST_F(StoreTest, AnyPaceOfTheServerIsFine) {
  for (const uint32_t pace : {1u, 2u, 3u, 7u, 15u, 16u, 17u, 100u, 1023u, 1024u}) {
    xenstored_.bytes_a_step = pace;
    Run([&] {
      const std::string value(3000, static_cast<char>('a' + pace % 26));
      SO_EXPECT_OK(Write("v", value));
      EXPECT_EQ(value, Read("v"));
    });
  }
}

TEST_F(StoreTest, ManyFibersAskAtTheSameTime) {
  xenstored_.bytes_a_step = 50;
  xenstored_.backwards = true;
  for (int i = 0; i < 50; i++) {
    xenstored_.Set("k" + std::to_string(i), std::string(static_cast<size_t>(i * 20), 'x'));
  }
  uint32_t most = 0;
  for (int i = 0; i < 50; i++) {
    Spawn([this, i, &most] {
      const std::string key = "k" + std::to_string(i);
      for (int n = 0; n < 5; n++) {
        EXPECT_EQ(std::string(static_cast<size_t>(i * 20), 'x'), Read(key.c_str()));
        most = std::max(most, store_.in_flight);
      }
    });
  }
  Loop();
  EXPECT_GT(most, 8u);
  EXPECT_LE(most, SO_STORE_IN_FLIGHT_MAX);
  EXPECT_EQ(250u, store_.stats.replies);
}

TEST_F(StoreTest, RequestNumbersWrapAround) {
  store_.next_id = UINT32_MAX - 1;
  xenstored_.Set("a", "1");
  Run([&] {
    for (int i = 0; i < 5; i++) EXPECT_EQ("1", Read("a"));
  });
}

// --- watches ----------------------------------------------------------------------------------

TEST_F(StoreTest, AWatchFiresAtOnceAndAtChanges) {
  so_event event = {};
  so_store_watch w = {};
  w.path = "control/shutdown";
  w.event = &event;
  Run([&] {
    SO_ASSERT_OK(so_store_set_watch(&store_, &w));
    while (!w.fired) SO_ASSERT_OK(so_event_wait(&sched_, &event, now_ns_ + SO_NS_PER_S));
    w.fired = false;
    Sleep(SO_NS_PER_S);
    EXPECT_FALSE(w.fired);
    xenstored_.Set("control/shutdown", "poweroff");
    SO_ASSERT_OK(so_event_wait(&sched_, &event, now_ns_ + SO_NS_PER_S));
    EXPECT_TRUE(w.fired);
    w.fired = false;
    xenstored_.Set("control/other", "x");
    Sleep(SO_NS_PER_S);
    EXPECT_FALSE(w.fired);
    xenstored_.Remove("control");  // Above it.
    Sleep(SO_NS_PER_S);
    EXPECT_TRUE(w.fired);
    so_store_unwatch(&store_, &w);
    EXPECT_EQ(0u, xenstored_.watches());
    w.fired = false;
    xenstored_.Set("control/shutdown", "reboot");
    Sleep(SO_NS_PER_S);
    EXPECT_FALSE(w.fired);
  });
}

TEST_F(StoreTest, EventsThatAreNotOursAreDropped) {
  so_event event = {};
  so_store_watch w = {};
  w.path = "a";
  w.event = &event;
  Run([&] {
    SO_ASSERT_OK(so_store_set_watch(&store_, &w));
    Sleep(SO_NS_PER_MS);
    w.fired = false;
    using std::string_literals::operator""s;
    for (const std::string &bad : {"a\0"s + "99\0"s, "a\0\0"s, "a\0x\0"s, "a"s, ""s, "a\0"s + "1"s,
                                   "a\0"s + "1\0more"s, "\0"s, "a\0"s + "01\0"s}) {
      xenstored_.Push(XS_WATCH_EVENT, 0, 0, bad);
    }
    xenstored_.Push(XS_READ, 12345, 0, "reply to nothing");
    Sleep(SO_NS_PER_MS);
    EXPECT_FALSE(w.fired);
    EXPECT_EQ(10u, store_.stats.strays);
    EXPECT_EQ("NOT_FOUND", Read("b"));
  });
}

TEST_F(StoreTest, ARefusedWatchIsNotKept) {
  so_event event = {};
  so_store_watch w = {};
  w.path = "a";
  w.event = &event;
  xenstored_.tamper = [](xsd_sockmsg *h, std::string *payload) {
    h->type = XS_ERROR;
    *payload = std::string("EACCES") + '\0';
  };
  Run([&] { SO_EXPECT_CODE(SO_DENIED, so_store_set_watch(&store_, &w)); });
  EXPECT_EQ(nullptr, store_.watches);
}

// --- transactions -----------------------------------------------------------------------------

struct Increment {
  StoreTest *test;
  so_sched *sched;
  int runs;
};

so_status IncrementRun(void *ctx, so_store *s, so_store_tx tx) {
  Increment *const i = static_cast<Increment *>(ctx);
  i->runs++;
  so_buf out;
  so_buf_init(&out, so_test::Heap(), 100);
  SO_TRY(so_store_read(s, tx, "counter", &out));
  const std::string text = so_test::Text(so_buf_bytes(&out));
  so_buf_release(&out);
  so_fiber_yield(i->sched);
  const std::string next = std::to_string(std::stoi(text) + 1);
  return so_store_write(s, tx, "counter", so_test::View(next));
}

TEST_F(StoreTest, TransactionsRepeatUntilTheyDoNotConflict) {
  xenstored_.Set("counter", "0");
  int runs = 0;
  for (int i = 0; i < 4; i++) {
    Spawn([&] {
      for (int n = 0; n < 10; n++) {
        Increment inc = {this, &sched_, 0};
        SO_EXPECT_OK(so_store_transact(&store_, IncrementRun, &inc));
        runs += inc.runs;
      }
    });
  }
  Loop();
  EXPECT_EQ("40", xenstored_.Get("counter"));
  EXPECT_GT(runs, 40);
  EXPECT_EQ(static_cast<uint64_t>(runs - 40), store_.stats.conflicts);
  EXPECT_EQ(0u, xenstored_.transactions());
}

TEST_F(StoreTest, ATransactionThatAlwaysConflictsEnds) {
  xenstored_.Set("counter", "0");
  xenstored_.conflicts = 1000;
  Run([&] {
    Increment inc = {this, &sched_, 0};
    SO_EXPECT_CODE(SO_CONFLICT, so_store_transact(&store_, IncrementRun, &inc));
    EXPECT_EQ(static_cast<int>(SO_STORE_TRIES_MAX), inc.runs);
  });
  EXPECT_EQ("0", xenstored_.Get("counter"));
}

TEST_F(StoreTest, AFailureInATransactionAbortsIt) {
  Run([&] {
    Increment inc = {this, &sched_, 0};
    SO_EXPECT_CODE(SO_NOT_FOUND, so_store_transact(&store_, IncrementRun, &inc));
    EXPECT_EQ(1, inc.runs);
  });
  EXPECT_EQ(0u, xenstored_.transactions());
  EXPECT_FALSE(xenstored_.Has("counter"));
}

TEST_F(StoreTest, ATransactionNumberThatMakesNoSenseIsRefused) {
  using std::string_literals::operator""s;
  for (const std::string &bad : {"0\0"s, "\0"s, ""s, "17"s, "x\0"s, "4294967296\0"s, "-1\0"s,
                                 "123456789012345678901234567890\0"s}) {
    xenstored_.tamper = [&](xsd_sockmsg *, std::string *payload) { *payload = bad; };
    Run([&] {
      so_store_tx tx = {};
      EXPECT_FALSE(so_ok(so_store_begin(&store_, &tx))) << bad;
    });
  }
}

// --- a server that misbehaves -------------------------------------------------------------------

TEST_F(StoreTest, ErrorsHaveTheirMeanings) {
  const std::vector<std::pair<std::string, so_code>> all = {
      {"EINVAL", SO_MALFORMED}, {"EACCES", SO_DENIED}, {"EEXIST", SO_CONFLICT},
      {"ENOENT", SO_NOT_FOUND}, {"ENOSPC", SO_LIMIT},  {"EQUOTA", SO_LIMIT},
      {"EAGAIN", SO_CONFLICT},  {"EPERM", SO_DENIED},  {"ESOMETHING", SO_IO},
      {"", SO_IO}};
  for (const auto &e : all) {
    xenstored_.tamper = [&](xsd_sockmsg *h, std::string *payload) {
      h->type = XS_ERROR;
      *payload = e.first + '\0';
    };
    Run([&] { SO_EXPECT_CODE(e.second, Write("a", "b")); });
  }
  for (const std::string bad : {"ENOENT", "ENOENTx"}) {  // No NUL.
    xenstored_.tamper = [&](xsd_sockmsg *h, std::string *payload) {
      h->type = XS_ERROR;
      *payload = bad;
    };
    Run([&] { SO_EXPECT_CODE(SO_IO, Write("a", "b")); });
  }
}

TEST_F(StoreTest, AReplyOfAnotherKindIsRefused) {
  xenstored_.tamper = [](xsd_sockmsg *h, std::string *) { h->type = XS_WRITE; };
  xenstored_.Set("a", "1");
  Run([&] { EXPECT_EQ("MALFORMED", Read("a")); });
}

TEST_F(StoreTest, AListWithoutItsLastNulIsRefused) {
  xenstored_.Set("device/a", "");
  xenstored_.tamper = [](xsd_sockmsg *, std::string *p) { *p = "one"; };
  Run([&] { EXPECT_EQ("MALFORMED", List("device")); });
}

TEST_F(StoreTest, NoAnswerEndsARequestAndNotTheConnection) {
  xenstored_.mute = true;
  xenstored_.Set("a", "1");
  Run([&] {
    const uint64_t then = now_ns_;
    EXPECT_EQ("IO", Read("a"));
    EXPECT_EQ(then + 10 * SO_NS_PER_S, now_ns_);
    xenstored_.mute = false;
    EXPECT_EQ("1", Read("a"));
  });
  EXPECT_EQ(1u, store_.stats.timeouts);
}

TEST_F(StoreTest, AReplyThatComesTooLateIsAStray) {
  xenstored_.mute = true;
  Run([&] {
    EXPECT_EQ("IO", Read("a"));
    xenstored_.Push(XS_READ, store_.next_id - 1, 0, "late");
    xenstored_.mute = false;
    EXPECT_EQ("NOT_FOUND", Read("a"));
  });
  EXPECT_EQ(1u, store_.stats.strays);
}

TEST_F(StoreTest, AServerThatTakesNothingBreaksTheConnection) {
  xenstored_.deaf = true;
  for (int i = 0; i < 3; i++) {
    Spawn([&] { SO_EXPECT_CODE(SO_IO, Write("a", std::string(2000, 'x'))); });
  }
  Loop();
  EXPECT_STREQ("xenstored takes no requests", Why());
  Run([&] {
    const uint64_t then = now_ns_;
    EXPECT_EQ("IO", Read("a"));  // At once.
    EXPECT_EQ(then, now_ns_);
  });
}

TEST_F(StoreTest, IndexesThatMakeNoSenseBreakTheConnection) {
  for (const int which : {0, 1, 2}) {
    xenstore_domain_interface *const ring = xenstored_.NewRing();
    store_.state = SO_STORE_DOWN;
    so_store_attach(&store_, ring);
    xenstored_.mute = true;
    xenstored_.deaf = false;
    Spawn([&] { EXPECT_EQ("IO", Read("a")); });
    Spawn([&, which] {
      Sleep(SO_NS_PER_MS);
      xenstored_.deaf = true;
      if (which == 0) ring->rsp_prod = ring->rsp_cons + 1025;
      if (which == 1) ring->rsp_prod = ring->rsp_cons - 1;
      if (which == 2) ring->req_cons = ring->req_prod + 1;
      const uint64_t then = now_ns_;
      Sleep(SO_NS_PER_MS);
      EXPECT_LT(now_ns_ - then, SO_NS_PER_S);
      EXPECT_EQ(SO_STORE_BROKEN, store_.state);
    });
    Loop();
    EXPECT_NE(nullptr, strstr(Why(), "makes no sense"));
  }
}

TEST_F(StoreTest, ALengthThatCannotBeBreaksTheConnection) {
  xsd_sockmsg h = {XS_READ, 1, 0, XENSTORE_PAYLOAD_MAX + 1};
  xenstored_.Push(std::string(reinterpret_cast<char *>(&h), sizeof h));
  Run([&] { EXPECT_EQ("IO", Read("a")); });
  EXPECT_STREQ("a reply of xenstored is longer than replies can be", Why());
}

TEST_F(StoreTest, TheLongestReplyIsTaken) {
  const std::string value(XENSTORE_PAYLOAD_MAX, 'z');
  xenstored_.Set("a", value);
  Run([&] { EXPECT_EQ(value, Read("a")); });
}

TEST_F(StoreTest, AFloodOfEventsDoesNotKeepTheLoop) {
  for (int i = 0; i < 20000; i++) {
    xenstored_.Push(XS_WATCH_EVENT, 0, 0, std::string("a\0" "99\0", 5));
  }
  xenstored_.Set("a", "1");
  Run([&] { EXPECT_EQ("1", Read("a")); });
  EXPECT_EQ(20000u, store_.stats.strays);
}

// --- reconnection and suspend -------------------------------------------------------------------

TEST_F(StoreTest, ReconnectsWhereTheServerCanAndSetsWatchesAgain) {
  xenstored_.ring()->server_features = XENSTORE_SERVER_FEATURE_RECONNECTION;
  so_event event = {};
  so_store_watch w = {}, w2 = {};
  w.path = "a";
  w2.path = "b";
  w.event = w2.event = &event;
  SO_ASSERT_OK(so_fiber_spawn(&sched_, "serve", so_store_serve, &store_));
  Run([&] {
    SO_ASSERT_OK(so_store_set_watch(&store_, &w));
    SO_ASSERT_OK(so_store_set_watch(&store_, &w2));
    so_store_tx tx = {};
    SO_ASSERT_OK(so_store_begin(&store_, &tx));
    Sleep(SO_NS_PER_MS);
    w.fired = w2.fired = false;
    xsd_sockmsg h = {XS_READ, 1, 0, 99999};
    xenstored_.Push(std::string(reinterpret_cast<char *>(&h), sizeof h));
    xenstored_.Set("c", "3");
    EXPECT_EQ("3", Read("c"));  // Asked before, answered after.
    EXPECT_EQ(1u, store_.stats.reconnects);
    SO_EXPECT_CODE(SO_CONFLICT, so_store_end(&store_, tx, true));
    Sleep(SO_NS_PER_S);
    EXPECT_EQ(2u, xenstored_.watches());
    EXPECT_TRUE(w.fired);
    EXPECT_TRUE(w2.fired);
  });
}

// A server that fails right after a resume: the watches are set once it works.
TEST_F(StoreTest, WatchesThatFailedAfterAResumeAreTriedAgain) {
  so_event event = {};
  so_store_watch w = {};
  w.path = "a";
  w.event = &event;
  int refused = 0;
  SO_ASSERT_OK(so_fiber_spawn(&sched_, "serve", so_store_serve, &store_));
  Run([&] {
    SO_ASSERT_OK(so_store_set_watch(&store_, &w));
    SO_ASSERT_OK(so_store_suspend(&store_, now_ns_ + SO_NS_PER_S));
    xenstored_.tamper = [&](xsd_sockmsg *h, std::string *payload) {
      refused += h->type == XS_WATCH || h->type == XS_ERROR;  // Later: it is there already.
      h->type = XS_ERROR;
      *payload = std::string("EIO", 4);
    };
    so_store_resume(&store_, xenstored_.NewRing());
    Sleep(3 * SO_NS_PER_S);
    EXPECT_GE(refused, 3);
    EXPECT_NE(store_.watched, store_.generation);
    xenstored_.tamper = nullptr;
    Sleep(SO_NS_PER_S);
    EXPECT_EQ(store_.watched, store_.generation);
    EXPECT_EQ(1u, xenstored_.watches());
  });
}

// Messages longer than the ring, from several fibers, to a server that takes some bytes at a time.
TEST_F(StoreTest, LongMessagesOfSeveralFibersDoNotMix) {
  xenstored_.bytes_a_step = 100;
  for (int i = 0; i < 4; i++) {
    Spawn([this, i] {
      const std::string key = "long" + std::to_string(i);
      const std::string value(3000, static_cast<char>('a' + i));
      SO_EXPECT_OK(Write(key.c_str(), value));
      EXPECT_EQ(value, xenstored_.Get(key));
    });
  }
  Loop();
}

TEST_F(StoreTest, AReconnectionThatIsNotAnsweredEnds) {
  xenstored_.ring()->server_features = XENSTORE_SERVER_FEATURE_RECONNECTION;
  xenstored_.deaf = true;
  SO_ASSERT_OK(so_fiber_spawn(&sched_, "serve", so_store_serve, &store_));
  Run([&] {
    EXPECT_EQ("IO", Read("a"));
    SO_EXPECT_CODE(SO_IO, Write("a", std::string(2000, 'x')));
    Sleep(20 * SO_NS_PER_S);
    EXPECT_STREQ("xenstored takes no requests", Why());
    EXPECT_EQ("IO", Read("a"));
  });
}

TEST_F(StoreTest, SuspendWaitsForWhatIsInFlightAndHoldsTheRestBack) {
  xenstored_.bytes_a_step = 20;
  xenstored_.Set("a", "1");
  so_event event = {};
  so_store_watch w = {};
  w.path = "a";
  w.event = &event;
  SO_ASSERT_OK(so_fiber_spawn(&sched_, "serve", so_store_serve, &store_));
  bool resumed = false;
  for (int i = 0; i < 5; i++) Spawn([&] { EXPECT_EQ("1", Read("a")); });
  Spawn([&] {
    SO_ASSERT_OK(so_store_set_watch(&store_, &w));
    SO_ASSERT_OK(so_store_suspend(&store_, now_ns_ + SO_NS_PER_S));
    EXPECT_EQ(0u, store_.in_flight);
    Spawn([&] {
      EXPECT_EQ("1", Read("a"));
      EXPECT_TRUE(resumed);
    });
    Sleep(SO_NS_PER_S);
    resumed = true;
    w.fired = false;
    so_store_resume(&store_, xenstored_.NewRing());
    Sleep(SO_NS_PER_S);
    EXPECT_EQ(1u, xenstored_.watches());
    EXPECT_TRUE(w.fired);
  });
  Loop();
}

TEST_F(StoreTest, ASuspendThatIsCancelledChangesNothing) {
  xenstored_.Set("a", "1");
  Run([&] {
    SO_ASSERT_OK(so_store_suspend(&store_, now_ns_ + SO_NS_PER_S));
    const uint32_t generation = store_.generation;
    so_store_resume(&store_, nullptr);
    EXPECT_EQ(generation, store_.generation);
    EXPECT_EQ("1", Read("a"));
  });
}

TEST_F(StoreTest, SuspendGivesUpWhenARequestIsNotAnswered) {
  xenstored_.mute = true;
  Spawn([&] { EXPECT_EQ("IO", Read("a")); });
  Spawn([&] {
    Sleep(SO_NS_PER_MS);
    SO_EXPECT_CODE(SO_AGAIN, so_store_suspend(&store_, now_ns_ + SO_NS_PER_S));
    EXPECT_EQ(SO_STORE_UP, store_.state);
  });
  Loop();
}

}  // namespace
