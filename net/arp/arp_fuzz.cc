// Messages in any order, with time passing and packets waiting: bounded, nothing lost, nothing
// leaked.
#include <stdlib.h>
#include <string.h>

#include "base/reader.h"
#include "kernel/ports/clock.h"
#include "net/arp/arp.h"
#include "tests/support/support.h"

namespace {

struct World {
  so_packet_pool pool;
  so_arp arp;
  so_rng rng;
};

void Check(bool ok) {
  if (!ok) {
    abort();
  }
}

void Send(void *, const so_arp_message *m, const uint8_t *) {
  uint8_t buf[SO_ARP_LEN];
  so_writer w = so_writer_of(buf, sizeof buf);
  so_arp_emit(m, &w);
  so_arp_message again;
  Check(so_ok(so_arp_parse(so_writer_bytes(&w), &again)));
}
void Resolved(void *ctx, so_packet *p, const uint8_t dst[SO_MAC_LEN]) {
  Check((dst[0] & 1) == 0);
  so_packet_free(&static_cast<World *>(ctx)->pool, p);
}
void Failed(void *ctx, so_packet *p, bool) { so_packet_free(&static_cast<World *>(ctx)->pool, p); }
void Usable(void *, const so_ip *) {}
void Conflict(void *, const so_ip *, const uint8_t *, bool) {}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  static const uint8_t kMac[6] = {2, 0, 0, 0, 0, 1};
  static const uint8_t kOwn[4] = {10, 0, 0, 1};
  static const uint8_t kSeed[SO_RNG_SEED_LEN] = {1};
  World w;
  const so_arp_ops ops = {Send, Resolved, Failed, Usable, Conflict, &w};
  Check(so_ok(so_packet_pool_init(&w.pool, so_test::Heap(), 8, 64)));
  so_rng_init(&w.rng, kSeed);
  Check(so_ok(so_arp_init(&w.arp, &ops, so_test::Heap(), &w.pool, &w.rng, kMac, 16)));
  uint64_t now = SO_NS_PER_S;
  const so_ip own = so_ip4(kOwn);
  Check(so_ok(so_arp_add_own(&w.arp, &own, len % 2 == 0, now)));
  so_reader r = so_reader_of(so_bytes_of(data, len));
  uint8_t op;
  while (so_read_u8(&r, &op)) {
    uint8_t ip[4];
    so_bytes message = so_reader_rest(&r);
    if (op < 64) {
      message = so_bytes_first(message, SO_ARP_LEN);
      const uint8_t *src = message.len >= 14 ? message.ptr + 8 : kMac;
      so_arp_input(&w.arp, message, src, now);
      (void)!so_skip(&r, message.len);
    } else if (op < 160 && so_read_copy(&r, ip, 4)) {
      uint8_t mac[6];
      so_packet *p = so_packet_alloc(&w.pool, 0, 16);
      if (p != nullptr && !so_arp_lookup(&w.arp, ip, now, mac)) {
        so_arp_wait(&w.arp, ip, kOwn, p, now);
      } else {
        so_packet_free(&w.pool, p);
      }
    } else {
      now += static_cast<uint64_t>(op) * 20 * SO_NS_PER_MS;
      so_arp_tick(&w.arp, now);
      Check(so_arp_deadline(&w.arp) > now);
    }
    Check(w.arp.incomplete <= 8 && w.arp.waiting <= SO_ARP_QUEUE_TOTAL_MAX);
  }
  so_arp_release(&w.arp);
  Check(w.pool.packets_used == 0);
  so_packet_pool_release(&w.pool);
  return 0;
}
