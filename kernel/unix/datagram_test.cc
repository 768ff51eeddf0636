#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <functional>
#include <string>
#include <vector>

#include "kernel/unix/unix.h"
#include "tests/support/support.h"

namespace {

void RunWorld(const std::function<void(const so_world *)> &body) {
  const int code = so_unix_run(
      nullptr,
      [](const so_world *w, void *arg) {
        (*static_cast<const std::function<void(const so_world *)> *>(arg))(w);
        return 7;
      },
      const_cast<void *>(static_cast<const void *>(&body)));
  EXPECT_EQ(7, code);
}

so_endpoint Ip4(const char *text, uint16_t port = 0) {
  so_endpoint e = {};
  e.family = 4;
  e.port = port;
  inet_pton(AF_INET, text, e.address);
  return e;
}

so_endpoint Ip6(const char *text, uint16_t port = 0) {
  so_endpoint e = {};
  e.family = 6;
  e.port = port;
  inet_pton(AF_INET6, text, e.address);
  return e;
}

struct Batch {
  explicit Batch(size_t count, size_t cap = 2048) : bytes(count * cap), items(count) {
    for (size_t i = 0; i < count; i++) {
      items[i] = {};
      items[i].data = bytes.data() + i * cap;
      items[i].cap = cap;
    }
  }
  std::string Text(size_t i) const {
    return std::string(reinterpret_cast<const char *>(items[i].data), items[i].len);
  }
  std::vector<uint8_t> bytes;
  std::vector<so_datagram> items;
};

so_datagram Outgoing(std::string &text, const so_endpoint &to) {
  so_datagram d = {};
  d.data = reinterpret_cast<uint8_t *>(text.data());
  d.len = text.size();
  d.peer = to;
  return d;
}

class Pair {
 public:
  Pair(const so_world *w, const so_endpoint &at) : w_(w) {
    SO_EXPECT_OK(w->net.bind(w->net.ctx, &at, &a));
    SO_EXPECT_OK(w->net.bind(w->net.ctx, &at, &b));
    SO_EXPECT_OK(so_datagram_local(&a, &a_at));
    SO_EXPECT_OK(so_datagram_local(&b, &b_at));
  }
  ~Pair() {
    so_datagram_close(&a);
    so_datagram_close(&b);
  }
  uint64_t Soon(uint64_t ms) const { return so_clock_now(&w_->clock) + ms * SO_NS_PER_MS; }
  so_datagram_socket a = {}, b = {};
  so_endpoint a_at = {}, b_at = {};

 private:
  const so_world *w_;
};

void ExpectEcho(const so_world *w, const so_endpoint &at, const so_endpoint &to_address) {
  Pair p(w, at);
  so_endpoint to = to_address;
  to.port = p.b_at.port;
  std::string hello = "hello", empty;
  const so_datagram out[] = {Outgoing(hello, to), Outgoing(empty, to)};
  SO_EXPECT_OK(so_datagram_send(&p.a, out, 2, p.Soon(5000)));
  Batch in(8);
  size_t n = 0, more = 0;
  SO_ASSERT_OK(so_datagram_receive(&p.b, in.items.data(), 8, p.Soon(5000), &n));
  if (n == 1) {
    SO_ASSERT_OK(so_datagram_receive(&p.b, in.items.data() + 1, 7, p.Soon(5000), &more));
  }
  ASSERT_EQ(2u, n + more);
  EXPECT_EQ("hello", in.Text(0));
  EXPECT_EQ("", in.Text(1));
  EXPECT_EQ(p.a_at.port, in.items[0].peer.port);
  EXPECT_EQ(0, memcmp(in.items[0].local.address, to.address, 16));
  EXPECT_EQ(to.port, in.items[0].local.port);
  // Back from the very address that it came to.
  SO_EXPECT_OK(so_datagram_send(&p.b, in.items.data(), 1, p.Soon(5000)));
  Batch back(1);
  SO_ASSERT_OK(so_datagram_receive(&p.a, back.items.data(), 1, p.Soon(5000), &n));
  EXPECT_EQ("hello", back.Text(0));
  EXPECT_EQ(0, memcmp(back.items[0].peer.address, to.address, 16));
}

TEST(DatagramTest, OneAddressGoesThereAndBack) {
  RunWorld([](const so_world *w) { ExpectEcho(w, Ip4("127.0.0.1"), Ip4("127.0.0.1")); });
}

TEST(DatagramTest, AnyAddressTellsWhereADatagramCameToAndAnswersFromThere) {
  RunWorld([](const so_world *w) { ExpectEcho(w, Ip4("0.0.0.0"), Ip4("127.7.7.7")); });
}

TEST(DatagramTest, Ip6GoesThereAndBack) {
  RunWorld([](const so_world *w) {
    ExpectEcho(w, Ip6("::1"), Ip6("::1"));
    ExpectEcho(w, Ip6("::"), Ip6("::1"));
  });
}

TEST(DatagramTest, ADatagramThatDoesNotFitIsDroppedWhole) {
  RunWorld([](const so_world *w) {
    Pair p(w, Ip4("127.0.0.1"));
    std::string longer(17, 'x'), fits(16, 'y');
    const so_datagram out[] = {Outgoing(longer, p.b_at), Outgoing(fits, p.b_at),
                               Outgoing(longer, p.b_at), Outgoing(fits, p.b_at)};
    SO_EXPECT_OK(so_datagram_send(&p.a, out, 4, p.Soon(5000)));
    Batch in(8, 16);
    size_t n = 0;
    SO_ASSERT_OK(so_datagram_receive(&p.b, in.items.data(), 8, p.Soon(5000), &n));
    ASSERT_EQ(2u, n);
    EXPECT_EQ(fits, in.Text(0));
    EXPECT_EQ(fits, in.Text(1));
    // Every buffer is still offered once.
    for (size_t i = 0; i < 8; i++) {
      for (size_t j = 0; j < i; j++) {
        EXPECT_NE(in.items[i].data, in.items[j].data);
      }
    }
  });
}

TEST(DatagramTest, MoreThanABatchArrivesInOrder) {
  RunWorld([](const so_world *w) {
    Pair p(w, Ip4("127.0.0.1"));
    constexpr size_t kCount = 3 * SO_DATAGRAM_BATCH_MAX + 1;
    std::vector<std::string> texts;
    std::vector<so_datagram> out;
    for (size_t i = 0; i < kCount; i++) {
      texts.push_back(std::to_string(i));
    }
    for (auto &t : texts) {
      out.push_back(Outgoing(t, p.b_at));
    }
    SO_EXPECT_OK(so_datagram_send(&p.a, out.data(), out.size(), p.Soon(5000)));
    Batch in(2 * SO_DATAGRAM_BATCH_MAX);
    for (size_t at = 0; at < kCount;) {
      size_t n = 0;
      SO_ASSERT_OK(so_datagram_receive(&p.b, in.items.data(), in.items.size(), p.Soon(5000), &n));
      ASSERT_LE(n, (size_t)SO_DATAGRAM_BATCH_MAX);
      for (size_t i = 0; i < n; i++) {
        ASSERT_EQ(texts[at++], in.Text(i));
      }
    }
  });
}

TEST(DatagramTest, WaitingEndsAtTheDeadlineAndAtAClose) {
  RunWorld([](const so_world *w) {
    Pair p(w, Ip4("127.0.0.1"));
    Batch in(1);
    size_t n = 0;
    SO_EXPECT_CODE(SO_AGAIN, so_datagram_receive(&p.a, in.items.data(), 1, p.Soon(5), &n));
    SO_EXPECT_CODE(SO_AGAIN, so_datagram_receive(&p.a, in.items.data(), 1, p.Soon(5), &n));
    so_datagram_socket other = {};
    const so_endpoint at = Ip4("127.0.0.1");
    SO_ASSERT_OK(w->net.bind(w->net.ctx, &at, &other));
    SO_ASSERT_OK(so_fiber_spawn(
        w->sched, "closer", [](void *arg) { so_datagram_close((so_datagram_socket *)arg); },
        &other));
    SO_EXPECT_CODE(SO_IO, so_datagram_receive(&other, in.items.data(), 1, SO_NEVER, &n));
  });
}

// The loop looks, and signals nobody, while the receiver is busy elsewhere.
TEST(DatagramTest, ADatagramThatCameWhileNobodyWaitedIsNotLost) {
  RunWorld([](const so_world *w) {
    Pair p(w, Ip4("127.0.0.1"));
    std::string text = "x";
    const so_datagram out = Outgoing(text, p.b_at);
    Batch in(4);
    for (int i = 0; i < 5; i++) {
      size_t n = 0;
      SO_EXPECT_OK(so_datagram_send(&p.a, &out, 1, p.Soon(5000)));
      so_fiber_sleep_until(w->sched, p.Soon(2));
      SO_ASSERT_OK(so_datagram_receive(&p.b, in.items.data(), 4, p.Soon(5000), &n));
      EXPECT_EQ(1u, n);
    }
  });
}

TEST(DatagramTest, AnAddressInUseIsAConflict) {
  RunWorld([](const so_world *w) {
    Pair p(w, Ip4("127.0.0.1"));
    so_datagram_socket other = {};
    SO_EXPECT_CODE(SO_CONFLICT, w->net.bind(w->net.ctx, &p.a_at, &other));
  });
}

TEST(DatagramTest, WhatCannotBeSentIsLostAndTheRestArrives) {
  RunWorld([](const so_world *w) {
    Pair p(w, Ip4("127.0.0.1"));
    std::string huge(70000, 'x'), text = "after";
    const so_datagram out[] = {Outgoing(huge, p.b_at), Outgoing(text, p.b_at)};
    SO_EXPECT_OK(so_datagram_send(&p.a, out, 2, p.Soon(5000)));
    Batch in(2);
    size_t n = 0;
    SO_ASSERT_OK(so_datagram_receive(&p.b, in.items.data(), 2, p.Soon(5000), &n));
    ASSERT_EQ(1u, n);
    EXPECT_EQ("after", in.Text(0));
  });
}

}  // namespace
