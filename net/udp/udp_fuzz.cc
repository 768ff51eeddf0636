// Datagrams and errors of any shape to a table of three sockets.
#include <stdlib.h>
#include <string.h>

#include "base/reader.h"
#include "net/udp/udp.h"
#include "tests/support/support.h"

static void Check(bool ok) {
  if (!ok) {
    abort();
  }
}

static so_status Send(void *ctx, so_packet *p, uint64_t) {
  so_packet_free(static_cast<so_packet_pool *>(ctx), p);
  return so_done();
}
static void Unreachable(void *, const so_packet *, uint64_t) {}

static void Input(so_udp *u, so_packet_pool *pool, so_bytes body, uint8_t flags) {
  so_packet *p = so_packet_alloc(pool, 0, body.len < 2048 ? body.len : 2048);
  if (p == nullptr || !so_ok(so_packet_append(pool, p, body))) {
    so_packet_free(pool, p);
    return;
  }
  p->src.family = p->dst.family = (flags & 1) != 0 ? 4 : 6;
  p->src.bytes[0] = 10;
  p->dst.bytes[0] = 11;
  p->protocol = 17;
  p->offload.csum_valid = (flags & 2) != 0;
  so_udp_input(u, p, 0);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  so_packet_pool pool;
  so_udp u;
  so_udp_config config;
  memset(&config, 0, sizeof config);
  config.queue_max = 4;
  config.queue_total_max = 6;
  config.sockets_max = 4;
  Check(so_ok(so_packet_pool_init(&pool, so_test::Heap(), 32, 32)));
  config.lower = {Send, Unreachable, &pool};
  Check(so_ok(so_udp_init(&u, &config, &pool, so_test::Heap())));
  so_udp_socket *s[3];
  so_ip none;
  memset(&none, 0, sizeof none);
  for (uint16_t k = 0; k < 3; k++) {
    Check(so_ok(so_udp_open(&u, none, static_cast<uint16_t>(53 + k), nullptr, nullptr, &s[k])));
  }
  so_ip peer = none;
  peer.family = 4;
  peer.bytes[0] = 10;
  so_udp_connect(s[2], peer, 7);
  so_reader r = so_reader_of(so_bytes_of(data, len));
  so_reader body;
  uint8_t flags;
  while (so_read_u8(&r, &flags) && so_read_sub8(&r, &body)) {
    if ((flags & 4) != 0) {
      so_ip_error e;
      memset(&e, 0, sizeof e);
      e.kind = SO_IP_ERROR_PORT;
      e.dst = peer;
      e.src = peer;
      e.transport = so_reader_rest(&body);
      (void)so_udp_error(&u, &e, 0);
    } else {
      Input(&u, &pool, so_reader_rest(&body), flags);
    }
    Check(u.queued <= 6);
    so_packet *out;
    so_udp_peer from;
    if ((flags & 8) != 0 && so_ok(so_udp_receive(s[flags % 3], &out, &from))) {
      so_packet_free(&pool, out);
    }
  }
  so_udp_release(&u);
  Check(pool.packets_used == 0);
  so_packet_pool_release(&pool);
  return 0;
}
