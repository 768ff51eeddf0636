// How fast one connection is on links of a few shapes, in virtual time, against what the link and RFC 5681 allow:
//
//   ideal = round trips of slow start to the rate + bytes / rate,
//   rate = the link's, or that of Reno with random loss (MSS / RTT * sqrt(3 / 2p), RFC 5348's simple form).
//
// CUBIC is never to be slower than Reno (RFC 9438 4.3). The mean of several seeds counts. A bound that fails says
// that something takes the window away for nothing, or does not use it.

#include <algorithm>
#include <cmath>

#include "tests/sim/net/world.h"
#include "tests/support/support.h"

namespace net_sim {
namespace {

constexpr uint16_t kPort = 80;
constexpr uint32_t kMss = 1448;

struct Shape {
  const char *name;
  uint64_t bytes;
  double mbit;
  uint64_t delay_ns;  // One way.
  double loss;
  double reorder;
  uint64_t reorder_ns;
  double least;  // Of the ideal.
  size_t queue = 4 << 20;
};

// Moves bytes from host 0 to host 1 as fast as the stack takes them.
class Transfer {
 public:
  Transfer(uint64_t seed, const Shape &shape) : world_(seed, false), shape_(shape) {
    for (int i = 0; i < 2; i++) {
      so_tcp_config config = {};
      Host *h = world_.AddHost(config, 1500);
      SetLink(&h->up, i == 0);
      SetLink(&h->down, false);
    }
  }

  // Seconds of virtual time; 0: it failed.
  double Run() {
    const so_ip any = {};
    so_tcp_listener *listener = nullptr;
    const so_tcp_upper none = {};
    const so_tcp_options options = {};
    const uint64_t begun = world_.now_ns;
    SO_EXPECT_OK(so_tcp_listen(To()->tcp, &any, kPort, 4, &options, &none, &listener));
    SO_EXPECT_OK(so_tcp_connect(From()->tcp, &To()->ip4, kPort, 0, &options, &none, begun, &from_));
    while (received_ < shape_.bytes && world_.Step(begun + 3600 * kSecond)) {
      if (to_ == nullptr && !so_ok(so_tcp_accept(To()->tcp, listener, &none, &to_))) {
        to_ = nullptr;
      }
      Write();
      Read();
    }
    const double took = static_cast<double>(world_.now_ns - begun) / 1e9;
    so_tcp_abort(From()->tcp, from_, world_.now_ns);
    if (to_ != nullptr) {
      so_tcp_abort(To()->tcp, to_, world_.now_ns);
    }
    EXPECT_EQ(world_.failure, "");
    EXPECT_EQ(received_, shape_.bytes) << shape_.name;
    return received_ == shape_.bytes ? took : 0;
  }

 private:
  Host *From() { return world_.hosts[0].get(); }
  Host *To() { return world_.hosts[1].get(); }

  // Rate, loss and reordering on the way there; half of the delay on each of the two links of a way.
  void SetLink(Link *l, bool bad) {
    l->delay_ns = shape_.delay_ns / 2;
    l->bytes_per_s = bad ? shape_.mbit * 1e6 / 8 : 1e12;
    l->queue_bytes = bad ? shape_.queue : 4 << 20;
    l->loss = bad ? shape_.loss : 0;
    l->reorder = bad ? shape_.reorder : 0;
    l->reorder_ns = shape_.reorder_ns;
  }

  void Write() {
    static const std::string data(65536, 'g');
    while (written_ < shape_.bytes) {
      const size_t want = std::min<uint64_t>(data.size(), shape_.bytes - written_);
      size_t n = 0;
      const so_status s =
          so_tcp_write(From()->tcp, from_, so_bytes_of(reinterpret_cast<const uint8_t *>(data.data()), want),
                       false, world_.now_ns, &n);
      if (!so_ok(s) || n == 0) {
        return;
      }
      written_ += n;
    }
  }

  void Read() {
    static uint8_t buf[65536];
    size_t n = 0;
    while (to_ != nullptr &&
           so_ok(so_tcp_read(To()->tcp, to_, buf, sizeof buf, world_.now_ns, &n)) && n != 0) {
      received_ += n;
    }
  }

  World world_;
  const Shape shape_;
  so_tcp_conn *from_ = nullptr;
  so_tcp_conn *to_ = nullptr;
  uint64_t written_ = 0;
  uint64_t received_ = 0;
};

double Ideal(const Shape &s) {
  const double rtt = 2 * static_cast<double>(s.delay_ns) / 1e9;
  const double line = s.mbit * 1e6 / 8 * kMss / 1514;
  const double reno = s.loss > 0 ? kMss / rtt * std::sqrt(1.5 / s.loss) : line;
  const double rate = std::min(line, reno);
  const double window = std::min(rate * rtt, static_cast<double>(s.bytes));
  const double rounds = 2 + std::max(0.0, std::log2(window / (10 * kMss)));
  return rounds * rtt + static_cast<double>(s.bytes) / rate;
}

class GoodputTest : public testing::TestWithParam<Shape> {};

TEST_P(GoodputTest, IsAGoodPartOfTheIdeal) {
  const Shape &shape = GetParam();
  constexpr int kSeeds = 8;
  double took = 0;
  for (uint64_t seed = 1; seed <= kSeeds; seed++) {
    Transfer t(seed, shape);
    took += t.Run() / kSeeds;
  }
  const double ratio = Ideal(shape) / took;
  printf("%s: %.3f s, ideal %.3f s, ratio %.2f\n", shape.name, took, Ideal(shape), ratio);
  EXPECT_GE(ratio, shape.least) << shape.name;
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, GoodputTest,
    testing::Values(
        Shape{"Clean", 8 << 20, 100, 10 * kMs, 0, 0, 0, 0.9},
        Shape{"LongAndFat", 16 << 20, 50, 100 * kMs, 0, 0, 0, 0.9},
        Shape{"ReorderedByManyRoundTrips", 8 << 20, 1000, 150 * kUs, 0, 0.01, 2 * kMs, 0.9},
        Shape{"ReorderedBehindAShallowQueue", 16 << 20, 1000, 150 * kUs, 0, 0.01, 2 * kMs, 0.85, 64 << 10},
        Shape{"ReorderedFarBehindAShallowQueue", 16 << 20, 1000, 1 * kMs, 0, 0.003, 20 * kMs, 0.4, 256 << 10},
        Shape{"ReorderedOften", 4 << 20, 100, 1 * kMs, 0, 0.02, 10 * kMs, 0.88, 32 << 10},
        Shape{"ReorderedByHalfARoundTrip", 8 << 20, 100, 10 * kMs, 0, 0.05, 10 * kMs, 0.9},
        Shape{"LossNear", 8 << 20, 1000, 150 * kUs, 0.01, 0, 0, 0.85},
        Shape{"LossAndReorderingNear", 8 << 20, 1000, 150 * kUs, 0.01, 0.01, 2 * kMs, 0.7},
        Shape{"LossFar", 2 << 20, 100, 20 * kMs, 0.01, 0, 0, 1.2},
        Shape{"HeavyLossFar", 256 << 10, 100, 20 * kMs, 0.05, 0, 0, 0.9},
        Shape{"TheWorst", 128 << 10, 100, 200 * kMs, 0.10, 0.01, 2 * kMs, 0.9}),
    [](const testing::TestParamInfo<Shape> &i) { return std::string(i.param.name); });

}  // namespace
}  // namespace net_sim
