// The machine under a script of messages, packets and time. It always ends, every packet is given
// back once, tables keep within their limits, and what is sent is valid.

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/ports/clock.h"
#include "net/ndp/ndp.h"
#include "net/ndp/wire/wire.h"
#include "net/packet/packet.h"
#include "tests/support/support.h"

namespace {

so_packet_pool pool;

void Require(bool ok) {
  if (!ok) {
    abort();
  }
}

void OnMessage(void *, const so_ndp_output *o) {
  const so_nd_envelope e = {o->src, o->dst, 255};
  so_nd_message m;
  Require(so_ok(so_nd_parse(o->icmp, &e, &m)));
}
void OnPacket(void *, so_packet *p, const uint8_t *) { so_packet_free(&pool, p); }
void OnGone(void *, so_packet *p) { so_packet_free(&pool, p); }
void OnGroup(void *, const so_ip *) {}
void OnAddress(void *, const so_ip *, so_ndp_address_state) {}
void OnDns(void *, const so_nd_dns *, size_t) {}

so_ip Address(uint8_t last) {
  uint8_t b[16] = {0xfe, 0x80};
  b[15] = last;
  if (last & 0x80) {
    b[0] = 0x20;
    b[1] = 0x01;
  }
  return so_ip6(b);
}

void Run(so_ndp *n, uint64_t *now, uint64_t end, const so_ndp_sink *sink) {
  for (unsigned k = 0; so_ndp_deadline(n) <= end; k++) {
    Require(k < 2000);
    *now = so_ndp_deadline(n) > *now ? so_ndp_deadline(n) : *now;
    so_ndp_tick(n, *now, sink);
  }
  *now = end;
}

void Send(so_ndp *n, uint8_t to, uint64_t now, const so_ndp_sink *sink) {
  so_packet *p = so_packet_alloc(&pool, 0, 4);
  if (p != nullptr) {
    p->dst = Address(to);
    p->src = n->addresses[0].address;
    if (!so_ok(so_ndp_send(n, p, now, sink))) {
      so_packet_free(&pool, p);
    }
  }
}

void OnSearch(void *, const so_nd_search *lists, size_t count) {
  for (size_t k = 0; k < count; k++) {
    Require(lists[k].names.len % 8 == 0 && lists[k].names.len != 0);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static bool ready = so_ok(so_packet_pool_init(&pool, so_test::Heap(), 64, 256));
  Require(ready);
  const so_ndp_sink sink = {OnMessage, OnPacket,  OnGone, OnGone,   OnGroup,
                            OnGroup,   OnAddress, OnDns,  OnSearch, nullptr};
  static so_ndp n;
  so_ndp_config c = {};
  c.mac[0] = 2;
  c.mtu = 1500;
  c.dad_transmits = 1;
  c.autoconfigure = true;
  uint64_t now = SO_NS_PER_S;
  so_ndp_init(&n, &c);
  so_ndp_start(&n, now, &sink);
  if (size > 0 && (data[0] & 0x40) == 0) {
    Run(&n, &now, 4 * SO_NS_PER_S, &sink);
  }
  // Steps: a flag byte and a length byte. 0x80: send to an address; else a message, whose source
  // and destination the flags choose.
  while (size >= 2) {
    const uint8_t flags = data[0];
    const size_t len = data[1] < size - 2 ? data[1] : size - 2;
    if (flags & 0x80) {
      Send(&n, static_cast<uint8_t>(flags << 3), now, &sink);
    } else {
      const so_ip own = n.addresses[0].address;
      const so_ndp_input_message m = {
          {flags & 2 ? so_ip_any(6) : Address(1),
           flags & 2 ? so_ip_solicited_node(&own) : own, 255},
          so_bytes_of(data + 2, len),
          false};
      so_ndp_input(&n, &m, now, &sink);
    }
    Run(&n, &now, now + (flags & 4 ? 3 * SO_NS_PER_S : SO_NS_PER_MS), &sink);
    data += 2 + len;
    size -= 2 + len;
  }
  Run(&n, &now, now + 100 * SO_NS_PER_S, &sink);
  Require(n.neighbors.waiting_count == 0 && pool.packets_used == 0);
  so_ndp_stop(&n, &sink);
  Require(n.neighbors.count == 0);
  return 0;
}
