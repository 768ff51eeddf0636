// Frames that are wrong, each in its own way, into one host: the counter that is meant for it
// moves, under the name that /metrics shows, and the host goes on.

#include "net/host/counters_test.h"

namespace {

using namespace host_test;

TEST_F(CountersTest, Ethernet) {
  Run([&] {
    Counts("net_rx_short", {std::string(10, 'x')});
    Counts("net_rx_other_host", {Frame(0x0800, Zeros(40), std::string("\x02zzzzz", 6))});
    Counts("net_rx_ethertype", {Frame(0x9999, Zeros(40))});
  });
}

TEST_F(CountersTest, Arp) {
  Run([&] {
    Counts("net_arp_rx_malformed", {Frame(0x0806, Arp(1, "192.0.2.1", "192.0.2.2", 7))});
    Counts("net_arp_rx_ignored", {Frame(0x0806, Arp(1, "192.0.2.1", "192.0.2.9"))});
    Counts("net_arp_conflicts", {Frame(0x0806, Arp(2, "192.0.2.2", "192.0.2.2"))});
    // Nobody answers for .77: what waited for it is dropped.
    so_stream s;
    so_endpoint to = {};
    to.family = 4;
    memcpy(to.address, Raw("192.0.2.77").data(), 4);
    to.port = 80;
    const uint64_t failed = Metric("net_arp_failed");
    const uint64_t dropped = Metric("net_arp_queue_dropped");
    EXPECT_FALSE(so_ok(net_.connect(net_.ctx, &to, In(9000), &s)));
    EXPECT_GT(Metric("net_arp_failed"), failed);
    EXPECT_GT(Metric("net_arp_queue_dropped"), dropped);
  });
}

TEST_F(CountersTest, Ipv4Headers) {
  Run([&] {
    const auto with = [](const std::function<void(V4 *)> &change) {
      V4 p;
      change(&p);
      return std::vector<std::string>{p.Build()};
    };
    Counts("net_ip4_rx_header", with([](V4 *p) { p->version = 5; }));
    Counts("net_ip4_rx_checksum", with([](V4 *p) { p->bad_sum = true; }));
    Counts("net_ip4_rx_source_route",
           with([](V4 *p) { p->options = std::string("\x83\x07\x04", 3) + Zeros(5); }));
    Counts("net_ip4_rx_source", with([](V4 *p) { p->src = "127.0.0.1"; }));
    Counts("net_ip4_rx_source", with([](V4 *p) { p->src = "224.0.0.9"; }));
    Counts("net_ip4_rx_not_ours", with([](V4 *p) { p->dst = "192.0.2.77"; }));
    Counts("net_ip4_rx_protocol", with([](V4 *p) { p->protocol = 200; }));
  });
}

TEST_F(CountersTest, Fragments) {
  Run([&] {
    const auto piece = [](unsigned id, unsigned offset, size_t len, bool more) {
      V4 p;
      p.id = id;
      p.fragment = (more ? 0x2000u : 0u) | offset / 8;
      p.payload = Zeros(len);
      return p.Build();
    };
    Counts("net_reassembly_duplicates", {piece(1, 0, 64, true), piece(1, 0, 64, true)});
    Counts("net_reassembly_overlap", {piece(2, 0, 64, true), piece(2, 32, 64, true)});
    Counts("net_reassembly_refused", {piece(2, 96, 64, false)});
    Counts("net_reassembly_invalid", {piece(3, 0, 63, true)});
    Counts("net_reassembly_invalid", {piece(4, 65528, 64, false)});
    Counts("net_ip4_rx_fragments", {piece(5, 0, 64, true)});
    const uint64_t before = Metric("net_reassembly_timeout");
    Sleep(120 * 1000);
    EXPECT_GT(Metric("net_reassembly_timeout"), before);
    const uint64_t limit = Metric("net_reassembly_limit");
    for (unsigned id = 100; id < 3000 && Metric("net_reassembly_limit") == limit; id++) {
      Feed(piece(id, 0, 1400, true));
    }
    EXPECT_GT(Metric("net_reassembly_limit"), limit);
  });
}

TEST_F(CountersTest, Icmp) {
  Run([&] {
    V4 p;
    p.protocol = 1;
    p.payload = Spoiled(Icmp(8, 0, Zeros(8)), 6);
    Counts("net_icmp_rx_checksum", {p.Build()});
    p.payload = Icmp(8, 0, "");
    Counts("net_icmp_rx_malformed", {p.Build()});
    p.payload = Icmp(99, 0, Zeros(8));
    Counts("net_icmp_rx_ignored", {p.Build()});
    // "Fragmentation needed" about a connection that is not ours.
    V4 quoted;
    quoted.src = "192.0.2.2";
    quoted.dst = "192.0.2.1";
    quoted.protocol = 6;
    p.payload = Icmp(3, 4, Zeros(2) + Be16(600) + quoted.Build().substr(14));
    const uint64_t refused = Metric("net_path_mtu_refused") + Metric("tcp_drop_icmp");
    Feed(p.Build());
    EXPECT_GT(Metric("net_path_mtu_refused") + Metric("tcp_drop_icmp"), refused);
  });
}

TEST_F(CountersTest, Udp) {
  Run([&] {
    V4 p;
    p.payload = Udp("hello", 9, 100);
    Counts("udp_rx_malformed", {p.Build()});
    p.payload = Spoiled(Udp("hello"), 9);
    Counts("udp_rx_checksum", {p.Build()});
    p.payload = Udp("hello");
    Counts("udp_rx_no_port", {p.Build()});
    so_datagram_socket socket;
    so_endpoint at = {};
    at.family = 4;
    at.port = 9;
    SO_ASSERT_OK(net_.bind(net_.ctx, &at, &socket));
    Counts("udp_rx_queue_full", std::vector<std::string>(1025, p.Build()));
    // A datagram longer than the program's buffer is dropped, not cut.
    uint8_t small[4];
    so_datagram d = {};
    d.data = small;
    d.cap = sizeof small;
    size_t n;
    SO_EXPECT_CODE(SO_AGAIN, so_datagram_receive(&socket, &d, 1, In(10), &n));
    EXPECT_EQ(Metric("host_udp_too_long"), 1024u);
    so_datagram_close(&socket);
  });
}

TEST_F(CountersTest, Tcp) {
  Run([&] {
    V4 p;
    p.protocol = 6;
    p.payload = Tcp(4, 0x10);
    Counts("tcp_drop_malformed", {p.Build()});
    p.payload = Spoiled(Tcp(5, 0x10), 9);
    Counts("tcp_drop_checksum", {p.Build()});
    p.payload = Tcp(5, 0x10);
    Counts("tcp_drop_no_connection", {p.Build()});
    Counts("tcp_reset_out", {p.Build()});
  });
}

TEST_F(CountersTest, Ipv6) {
  Run([&] {
    const auto with = [](const std::function<void(V6 *)> &change) {
      V6 p;
      change(&p);
      return std::vector<std::string>{p.Build()};
    };
    Counts("net_ip6_malformed", with([](V6 *p) { p->version = 5; }));
    Counts("net_ip6_not_ours", with([](V6 *p) { p->dst = "2001:db8::77"; }));
    Counts("net_ip6_bad_source", with([](V6 *p) { p->src = "ff02::9"; }));
    Counts("net_ip6_unknown_protocol", with([](V6 *p) { p->next = 200; }));
    Counts("net_ip6_empty", with([](V6 *p) {
             p->next = 59;  // No next header.
             p->payload = "";
           }));
    Counts("net_ip6_extension_faults", with([](V6 *p) {
             p->next = 0;
             p->payload = Byte(17) + Byte(9) + Zeros(6);
           }));
    Counts("net_ip6_fragments_received", with([](V6 *p) {
             p->next = 44;
             p->payload = Byte(17) + Zeros(1) + Be16(1) + Be32(7) + Zeros(16);
           }));
  });
}

TEST_F(CountersTest, Icmpv6NeighboursAndGroups) {
  Run([&] {
    V6 p;
    p.next = 58;
    p.payload = Spoiled(Icmp6(128, 0, Zeros(8)), 6);
    Counts("net_ip6_icmp_checksum", {p.Build()});
    p.payload = Byte(128);
    Counts("net_ip6_icmp_malformed", {p.Build()});
    p.payload = Icmp6(200, 0, Zeros(8));
    Counts("net_ip6_icmp_ignored", {p.Build()});
    // A solicitation that came over a router (hop limit), and one in a fragment (RFC 6980).
    p.payload = Icmp6(135, 0, Zeros(4) + Raw("2001:db8::2"));
    Counts("net_ndp_invalid", {p.Build()});
    p.hop_limit = 255;
    V6 cut = p;
    cut.next = 44;
    cut.payload = Byte(58) + Zeros(1) + Be16(0) + Be32(8) + p.payload;
    Counts("net_ndp_fragmented", {cut.Build()});
    p.payload = Icmp6(135, 0, Zeros(4) + Raw("2001:db8::99"));
    Counts("net_ndp_ignored", {p.Build()});
    // A redirect from who is no router of ours.
    p.src = "fe80::1";
    p.payload = Icmp6(137, 0, Zeros(4) + Raw("fe80::9") + Raw("2001:db8::99"), "fe80::1");
    const uint64_t refused = Metric("net_ndp_redirects_refused") + Metric("net_ndp_ignored");
    Feed(p.Build());
    EXPECT_GT(Metric("net_ndp_redirects_refused") + Metric("net_ndp_ignored"), refused);
    // A query for groups that came over a router.
    p.dst = "ff02::1";
    p.payload = Icmp6(130, 0, Zeros(20), "fe80::1", "ff02::1");
    std::string query = p.Build();
    query.replace(0, 6, std::string("\x33\x33\x00\x00\x00\x01", 6));
    Counts("net_mld_invalid", {query});
    EXPECT_GT(Metric("net_mld_reports_sent"), 0u);
  });
}

TEST_F(CountersTest, NeighboursThatDoNotAnswer) {
  Run([&] {
    so_stream s;
    so_endpoint to = {};
    to.family = 6;
    memcpy(to.address, Raw("2001:db8::77").data(), 16);
    to.port = 80;
    const uint64_t failed = Metric("net_ndp_cache_failed");
    const uint64_t probes = Metric("net_ndp_cache_probes");
    const uint64_t created = Metric("net_ndp_cache_created");
    EXPECT_FALSE(so_ok(net_.connect(net_.ctx, &to, In(9000), &s)));
    EXPECT_GT(Metric("net_ndp_cache_failed"), failed);
    EXPECT_GE(Metric("net_ndp_cache_probes"), probes + 3);
    EXPECT_GT(Metric("net_ndp_cache_created"), created);
    EXPECT_GT(Metric("net_ip6_unreachable") + Metric("net_ip6_waiting_dropped"), 0u);
  });
}

}  // namespace
