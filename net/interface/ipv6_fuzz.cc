// Frames into an interface that speaks IPv6. Nothing leaks, and what is sent is IPv6 with right
// lengths and, for ICMPv6, a right checksum.

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <vector>

#include "kernel/ports/clock.h"
#include "net/checksum/checksum.h"
#include "net/interface/interface.h"
#include "net/interface/ipv6.h"
#include "net/ipv6/ipv6.h"
#include "net/packet/packet.h"
#include "tests/support/support.h"

namespace {

so_packet_pool pool;

void Require(bool ok) {
  if (!ok) {
    abort();
  }
}

void OnTransmit(void *, so_packet *frame) {
  std::vector<uint8_t> b(frame->len);
  so_packet_copy(frame, 0, b.data(), b.size());
  so_packet_free(&pool, frame);
  so_ipv6_header h;
  const so_bytes packet = so_bytes_of(b.data() + 14, b.size() - 14);
  Require(b.size() >= 54 && so_ok(so_ipv6_parse(packet, &h)));
  Require(h.payload_len + 40u == packet.len);
  const size_t n = packet.len < SO_IPV6_WALK_LEN ? packet.len : SO_IPV6_WALK_LEN;
  const so_ipv6_chain c = so_ipv6_walk(so_bytes_first(packet, n), packet.len, false);
  Require(c.verdict == SO_IPV6_ACCEPT || c.verdict == SO_IPV6_REASSEMBLE);
  if (c.verdict == SO_IPV6_ACCEPT && c.protocol == 58) {
    const so_bytes icmp = so_bytes_from(packet, c.off);
    so_checksum sum = so_checksum_start();
    so_checksum_add_pseudo(&sum, &h.src, &h.dst, 58, static_cast<uint32_t>(icmp.len));
    so_checksum_add(&sum, icmp);
    Require(so_checksum_end(&sum) == 0);
  }
}

void OnDeliver(void *ctx, so_packet *p, uint64_t now) {
  so_interface_unreachable(static_cast<so_interface *>(ctx), p, now);
  so_packet_free(&pool, p);
}

bool OnError(void *, const so_ip_error *e, uint64_t) {
  Require(e->transport.len >= SO_IP_ERROR_QUOTE_LEN_MIN);
  return true;
}

// Right sums, so that what is behind them is reached.
void FixSum(uint8_t *packet, size_t len) {
  so_ipv6_header h;
  if (!so_ok(so_ipv6_parse(so_bytes_of(packet, len), &h)) || 40u + h.payload_len != len) {
    return;
  }
  const size_t n = len < SO_IPV6_WALK_LEN ? len : SO_IPV6_WALK_LEN;
  const so_ipv6_chain c = so_ipv6_walk(so_bytes_of(packet, n), len, false);
  if (c.verdict != SO_IPV6_ACCEPT || c.protocol != 58 || len < c.off + 4u) {
    return;
  }
  packet[c.off + 2] = packet[c.off + 3] = 0;
  so_checksum sum = so_checksum_start();
  so_checksum_add_pseudo(&sum, &h.src, &h.dst, 58, static_cast<uint32_t>(len - c.off));
  so_checksum_add(&sum, so_bytes_of(packet + c.off, len - c.off));
  const uint16_t v = so_checksum_end(&sum);
  packet[c.off + 2] = static_cast<uint8_t>(v >> 8);
  packet[c.off + 3] = static_cast<uint8_t>(v);
}

void Frame(so_interface *i, const uint8_t *data, size_t len, uint64_t now) {
  std::vector<uint8_t> b(14 + len);
  const uint8_t mac[14] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9, 0x86, 0xdd};
  memcpy(b.data(), mac, 14);
  memcpy(b.data() + 14, data, len);
  if (len >= 40 && b[14 + 24] == 0xff) {
    b[0] = b[1] = 0x33;
  } else if (len >= 40 && b[14 + 24] == 0xfe) {
    // For our own address, which the script cannot know.
    memcpy(&b[14 + 24], so_interface_ipv6_ndp(i)->addresses[0].address.bytes, 16);
  }
  FixSum(b.data() + 14, len);
  so_packet *p = so_packet_alloc_pages(&pool, b.size());
  Require(p != nullptr);
  so_packet_fill(&pool, p, b.size());
  so_packet_write_at(p, 0, so_bytes_of(b.data(), b.size()));
  so_interface_input(i, p, now);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static bool ready = so_ok(so_packet_pool_init(&pool, so_test::Heap(), 256, 512));
  Require(ready);
  so_interface i;
  so_interface_config c = {};
  c.mac[0] = 2;
  c.mac[5] = 1;
  c.mtu = 1500;
  c.lower = {OnTransmit, nullptr};
  c.upper = {OnDeliver, OnError, nullptr, &i};
  c.ipv6 = so_interface_ipv6();
  Require(so_ok(so_interface_init(&i, &c, &pool, so_test::Heap())));
  uint64_t now = SO_NS_PER_S;
  auto run = [&](uint64_t end) {
    for (unsigned k = 0; so_interface_deadline(&i) <= end; k++) {
      Require(k < 5000);
      now = so_interface_deadline(&i) > now ? so_interface_deadline(&i) : now;
      so_interface_tick(&i, now);
    }
    now = end;
  };
  run(4 * SO_NS_PER_S);
  while (size > 2) {
    const size_t want = static_cast<size_t>(data[0] << 8 | data[1]);
    const size_t len = want < size - 2 ? want : size - 2;
    Frame(&i, data + 2, len, now);
    run(now + 100 * SO_NS_PER_MS);
    data += 2 + len;
    size -= 2 + len;
  }
  run(now + 100 * SO_NS_PER_S);
  so_interface_release(&i);
  Require(pool.packets_used == 0);
  return 0;
}
