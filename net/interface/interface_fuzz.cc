// Frames of any shape, one after the other, with ticks and sends between: nothing leaks or grows,
// and every frame that goes out is whole.
#include <stdlib.h>
#include <string.h>

#include "base/reader.h"
#include "kernel/ports/clock.h"
#include "net/checksum/checksum.h"
#include "net/interface/interface.h"
#include "net/ipv4/ipv4.h"
#include "tests/support/support.h"

namespace {

struct World {
  so_packet_pool pool;
  so_interface i;
};

void Check(bool ok) {
  if (!ok) {
    abort();
  }
}

void Transmit(void *ctx, so_packet *p) {
  World *w = static_cast<World *>(ctx);
  uint8_t head[34];
  Check(p->len >= 14 + 28 && p->len <= 1514);
  so_packet_copy(p, 0, head, sizeof head);
  if (head[12] == 8 && head[13] == 0) {
    so_ipv4_header h;
    Check(so_ok(so_ipv4_parse(so_bytes_of(head + 14, 20), p->len - 14, &h)));
    Check(h.total_len == p->len - 14);
  }
  so_packet_free(&w->pool, p);
}
void Deliver(void *ctx, so_packet *p, uint64_t now) {
  World *w = static_cast<World *>(ctx);
  Check(p->src.family == 4 && p->dst.family == 4);
  if (p->len % 2 == 1) {
    so_interface_unreachable(&w->i, p, now);
  }
  so_packet_free(&w->pool, p);
}
bool Error(void *, const so_ip_error *e, uint64_t) {
  Check(e->transport.len >= SO_IP_ERROR_QUOTE_LEN_MIN);
  return true;
}

void Step(World *w, uint8_t op, so_bytes body, uint64_t now) {
  so_packet *p = so_packet_alloc(&w->pool, SO_PACKET_HEADROOM, body.len);
  if (p == nullptr || !so_ok(so_packet_append(&w->pool, p, body))) {
    so_packet_free(&w->pool, p);
    return;
  }
  if (op < 224) {
    so_interface_input(&w->i, p, now);
    return;
  }
  const uint8_t dst[4] = {10, 0, 0, op};
  p->dst = so_ip4(dst);
  p->protocol = op % 2 == 0 ? SO_PROTOCOL_TCP : SO_PROTOCOL_UDP;
  p->offload.needs_csum = true;
  p->offload.csum_offset = op % 2 == 0 ? 16 : 6;
  p->offload.gso = op % 4 == 0 ? SO_GSO_TCP4 : SO_GSO_NONE;
  p->offload.gso_size = body.len > 30 ? 10 : 0;
  (void)!so_ok(so_interface_send(&w->i, p, now));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  World w;
  so_interface_config config;
  memset(&config, 0, sizeof config);
  config.mac[0] = 2;
  config.mac[5] = 1;
  config.mtu = 1500;
  config.probe_ipv4 = len % 3 == 0;
  config.neighbours_max = 8;
  config.reassembly_max = 4;
  config.lower = {Transmit, &w};
  config.upper.deliver = Deliver;
  config.upper.error = Error;
  config.upper.ctx = &w;
  Check(so_ok(so_packet_pool_init(&w.pool, so_test::Heap(), 32, 64)));
  Check(so_ok(so_interface_init(&w.i, &config, &w.pool, so_test::Heap())));
  const uint8_t own[4] = {10, 0, 0, 1};
  uint64_t now = SO_NS_PER_S;
  Check(so_ok(so_interface_add_address(&w.i, so_ip4(own), 24, now)));
  so_reader r = so_reader_of(so_bytes_of(data, len));
  so_reader body;
  uint8_t op;
  while (so_read_u8(&r, &op) && so_read_sub8(&r, &body)) {
    Step(&w, op, so_reader_rest(&body), now);
    if (op % 8 == 7) {
      now += 700 * SO_NS_PER_MS;
      so_interface_tick(&w.i, now);
    }
  }
  so_interface_release(&w.i);
  Check(w.pool.packets_used == 0 && w.pool.pages_used <= 1);
  so_packet_pool_release(&w.pool);
  return 0;
}
