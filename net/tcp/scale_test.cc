// Many: connections one after the other with flat memory, and many at once in little of it.

#include <cstdlib>

#include "net/tcp/harness.h"

namespace tcp_test {
namespace {

// Two stacks that hand each other their packets at once.
class Direct {
 public:
  explicit Direct(so_tcp_config config) : a(Ip4(1), config, 512), b(Ip4(2), config, 512) {}

  void Run() {
    for (int i = 0; i < 100 && (!a.out.empty() || !b.out.empty()); i++) {
      Move(&a, &b);
      Move(&b, &a);
    }
  }

  void Move(Host *from, Host *to) {
    while (!from->out.empty()) {
      so_packet *p = from->out.front();
      from->out.pop_front();
      std::string bytes(p->len, '\0');
      so_packet_copy(p, 0, reinterpret_cast<uint8_t *>(bytes.data()), p->len);
      const so_ip src = p->src;
      const so_ip dst = p->dst;
      so_packet_free(&from->pool, p);
      so_packet *q = so_packet_alloc(&to->pool, 0, 2000);
      SO_ASSERT_OK(so_packet_append(&to->pool, q, so_test::View(bytes)));
      q->src = src;
      q->dst = dst;
      q->offload.csum_valid = true;
      so_tcp_input(to->tcp, q, to->now);
    }
  }

  void Pass(uint64_t ns) {
    a.Advance(ns);
    b.Advance(ns);
    Run();
  }

  Host a, b;
};

uint32_t Count(const char *name, uint32_t fallback) {
  const char *text = getenv(name);
  return text != nullptr ? static_cast<uint32_t>(strtoul(text, nullptr, 10)) : fallback;
}

TEST(TcpScaleTest, ConnectionsOneAfterTheOtherLeaveNothingBehind) {
  const uint32_t rounds = Count("SO_TCP_ROUNDS", 30000);
  so_tcp_config config = {};
  config.time_wait_max = 1000;
  Direct d(config);
  const so_ip any = so_ip_any(0);
  so_tcp_listener *l;
  SO_ASSERT_OK(so_tcp_listen(d.b.tcp, &any, 80, 16, nullptr, nullptr, &l));
  const size_t used = d.a.heap.used;
  for (uint32_t i = 0; i < rounds; i++) {
    so_tcp_conn *c;
    so_tcp_conn *s;
    SO_ASSERT_OK(so_tcp_connect(d.a.tcp, &d.b.ip_, 80, 0, nullptr, nullptr, d.a.now, &c));
    d.Run();
    SO_ASSERT_OK(so_tcp_accept(d.b.tcp, l, nullptr, &s));
    size_t n;
    SO_ASSERT_OK(so_tcp_write(d.a.tcp, c, so_str("ping"), false, d.a.now, &n));
    so_tcp_close(d.a.tcp, c, d.a.now);
    d.Run();
    uint8_t buf[8];
    SO_ASSERT_OK(so_tcp_read(d.b.tcp, s, buf, sizeof buf, d.b.now, &n));
    ASSERT_EQ(n, 4u);
    so_tcp_close(d.b.tcp, s, d.b.now);
    d.Run();
    ASSERT_EQ(so_tcp_connection_count(d.a.tcp), 0u);
    ASSERT_EQ(so_tcp_connection_count(d.b.tcp), 0u);
    ASSERT_EQ(d.a.heap.used, used);
    d.a.now += 100000;
    d.b.now += 100000;
    if (i % 64 == 0) {
      d.Pass(kMs);
    }
  }
  EXPECT_EQ(d.b.stats().opened_passive, rounds);
  EXPECT_LE(d.a.pool.pages_used_max, 8u);
  EXPECT_EQ(so_tcp_time_wait_count(d.a.tcp), 1000u);
}

TEST(TcpScaleTest, AHundredThousandIdleConnectionsTakeLessThanAKilobyteEach) {
  const uint32_t count = Count("SO_TCP_IDLE", 100000);
  so_tcp_config config = {};
  config.connections_max = count;
  Direct d(config);
  const so_ip any = so_ip_any(0);
  so_tcp_listener *l;
  std::vector<so_tcp_listener *> listeners;
  for (uint16_t port = 1; port <= 8; port++) {  // One pair of addresses has 28,232 ports of ours.
    SO_ASSERT_OK(so_tcp_listen(d.b.tcp, &any, port, 16, nullptr, nullptr, &l));
    listeners.push_back(l);
  }
  const size_t before = d.b.heap.used;
  for (uint32_t i = 0; i < count; i++) {
    so_tcp_conn *c;
    so_tcp_conn *s;
    const uint16_t port = static_cast<uint16_t>(i % 8 + 1);
    SO_ASSERT_OK(so_tcp_connect(d.a.tcp, &d.b.ip_, port, 0, nullptr, nullptr, d.a.now, &c));
    d.Run();
    SO_ASSERT_OK(so_tcp_accept(d.b.tcp, listeners[i % 8], nullptr, &s));
    size_t n;
    SO_ASSERT_OK(so_tcp_write(d.b.tcp, s, so_str("hello"), false, d.b.now, &n));
    d.Run();
    uint8_t buf[8];
    SO_ASSERT_OK(so_tcp_read(d.a.tcp, c, buf, sizeof buf, d.a.now, &n));
    if (i % 100 == 0) {
      d.Pass(50 * kMs);  // The delayed ACKs, which give the pages back.
    }
  }
  d.Pass(kSecond);
  const size_t each = (d.b.heap.used - before) / count;
  printf("%zu bytes a connection (%zu of them fixed), %u pages in use\n", each,
         so_tcp_connection_size(), d.b.pool.pages_used);
  EXPECT_LT(each, 1024u);
  EXPECT_LE(d.a.pool.pages_used, 4u);
  EXPECT_LE(d.b.pool.pages_used, 4u);
  // Entries of the wheel that were put off are taken down when they come up.
  d.Pass(400 * kSecond);
  EXPECT_EQ(so_tcp_deadline(d.b.tcp), SO_NEVER);  // Idle is idle: no timer runs.
}

}  // namespace
}  // namespace tcp_test
