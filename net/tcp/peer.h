#ifndef SO_NET_TCP_PEER_H_
#define SO_NET_TCP_PEER_H_

// One host, and a test that plays its peer segment by segment.

#include "net/tcp/harness.h"

namespace tcp_test {

struct PeerOptions {
  bool timestamps = false;
  bool sack = true;
  int scale = -1;  // -1: not offered.
  uint16_t mss = 1460;
  bool ecn = false;
  uint16_t window = 60000;
  uint32_t seq = 5000;
};

class Peer {
 public:
  explicit Peer(so_tcp_config config = {}, PeerOptions options = {}, uint32_t pages = 256)
      : host(Ip4(1), config, pages), o(options), seq(options.seq), window(options.window) {}

  // A segment at our current numbers.
  so_tcp_header Header(uint8_t flags) const {
    so_tcp_header h = {};
    h.src_port = port;
    h.dst_port = local;
    h.seq = seq;
    h.flags = flags;
    h.ack = (flags & SO_TCP_FLAG_ACK) != 0 ? ack : 0;
    h.window = window;
    if (o.timestamps && stamps) {
      h.has_timestamps = true;
      h.ts_value = ts_value + static_cast<uint32_t>(host.now / kMs);
      h.ts_echo = ts_echo;
    }
    return h;
  }
  so_tcp_header SynHeader(uint8_t flags) const {
    so_tcp_header h = Header(flags);
    h.mss = o.mss;
    h.sack_permitted = o.sack;
    h.has_scale = o.scale >= 0;
    h.scale = o.scale >= 0 ? static_cast<uint8_t>(o.scale) : 0;
    h.has_timestamps = o.timestamps;
    h.ts_value = h.has_timestamps ? ts_value + static_cast<uint32_t>(host.now / kMs) : 0;
    if (o.ecn) {
      h.flags |= SO_TCP_FLAG_ECE;
      h.flags |= (flags & SO_TCP_FLAG_ACK) != 0 ? 0 : SO_TCP_FLAG_CWR;
    }
    return h;
  }
  void Send(const so_tcp_header &h, const std::string &data = "", uint8_t tc = 0) {
    host.Input(h, data, ip, host.ip_, tc);
  }
  void SendAck() { Send(Header(SO_TCP_FLAG_ACK)); }
  void SendData(const std::string &data, uint8_t more_flags = 0) {
    Send(Header(static_cast<uint8_t>(SO_TCP_FLAG_ACK | SO_TCP_FLAG_PSH | more_flags)), data);
    seq += static_cast<uint32_t>(data.size()) + ((more_flags & SO_TCP_FLAG_FIN) != 0 ? 1 : 0);
  }
  void SendFin() {
    Send(Header(SO_TCP_FLAG_ACK | SO_TCP_FLAG_FIN));
    seq++;
  }

  // What the host sent; also notes its numbers, so that the next ACK acknowledges all.
  Sends Take(bool acknowledge = true) {
    Sends all = host.Take();
    for (const Sent &s : all) {
      if ((s.h.flags & SO_TCP_FLAG_RST) != 0) {
        continue;
      }
      const uint32_t end = s.h.seq + static_cast<uint32_t>(s.data.size()) +
                           ((s.h.flags & SO_TCP_FLAG_SYN) != 0 ? 1 : 0) +
                           ((s.h.flags & SO_TCP_FLAG_FIN) != 0 ? 1 : 0);
      if (acknowledge && (ack == 0 || so_seq_gt(end, ack))) {
        ack = end;
      }
      if (s.h.has_timestamps) {
        ts_echo = s.h.ts_value;
      }
    }
    return all;
  }
  Sent TakeOne() {
    Sends all = Take();
    EXPECT_EQ(all.size(), 1u);
    return all.empty() ? Sent{} : all[0];
  }
  void ExpectNothing() { EXPECT_TRUE(Take().empty()); }

  void Listen(const so_tcp_options *options = nullptr, uint32_t backlog = 16) {
    const so_ip any = so_ip_any(4);
    so_tcp_upper up = listen_events.upper();
    SO_ASSERT_OK(so_tcp_listen(host.tcp, &any, local, backlog, options, &up, &listener));
  }
  void PassiveOpen(const so_tcp_options *options = nullptr) {
    Listen(options);
    Send(SynHeader(SO_TCP_FLAG_SYN));
    seq++;
    const Sent answer = TakeOne();
    EXPECT_EQ(answer.h.flags & 0x3f, SO_TCP_FLAG_SYN | SO_TCP_FLAG_ACK);
    host.Advance(20 * kMs);  // The round trip.
    SendAck();
    so_tcp_upper up = events.upper();
    SO_ASSERT_OK(so_tcp_accept(host.tcp, listener, &up, &c));
    ExpectNothing();
  }
  void StartConnect(const so_tcp_options *options = nullptr) {
    so_tcp_upper up = events.upper();
    SO_ASSERT_OK(so_tcp_connect(host.tcp, &ip, port, local, options, &up, host.now, &c));
  }
  void ActiveOpen(const so_tcp_options *options = nullptr) {
    StartConnect(options);
    const Sent syn = TakeOne();
    EXPECT_EQ(syn.h.flags & 0x3f, SO_TCP_FLAG_SYN);
    host.Advance(20 * kMs);
    Send(SynHeader(SO_TCP_FLAG_SYN | SO_TCP_FLAG_ACK));
    seq++;
    EXPECT_EQ(TakeOne().h.flags, SO_TCP_FLAG_ACK);
    EXPECT_EQ(State(c), SO_TCP_ESTABLISHED);
  }
  size_t Write(const std::string &data, bool more = false) {
    size_t n = 0;
    const so_status s =
        so_tcp_write(host.tcp, c, so_test::View(data), more, host.now, &n);
    EXPECT_TRUE(so_ok(s) || so_is(s, SO_AGAIN)) << so_code_name((so_code)s.code);
    return n;
  }
  std::string Read() { return ReadAll(&host, c); }
  void Close() {
    so_tcp_close(host.tcp, c, host.now);
    c = nullptr;
  }

  Host host;
  PeerOptions o;
  so_ip ip = Ip4(9);
  uint16_t port = 4000;
  uint16_t local = 80;
  uint32_t seq;
  uint32_t ack = 0;
  uint16_t window;
  uint32_t ts_value = 77000;
  uint32_t ts_echo = 0;
  bool stamps = true;
  so_tcp_conn *c = nullptr;
  so_tcp_listener *listener = nullptr;
  Events events, listen_events;
};

}  // namespace tcp_test

#endif  // SO_NET_TCP_PEER_H_
