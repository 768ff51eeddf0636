// Any bytes as a query: no crash, answers are well formed and within their limit, and the same from
// memory as without it.

#include <stdlib.h>
#include <string.h>

#include <initializer_list>

#include "net/dns/server/server.h"

namespace {

void Require(bool condition) {
  if (!condition) {
    abort();
  }
}

void *Resize(void *, void *ptr, size_t, size_t new_len) {
  if (new_len == 0) {
    free(ptr);
    return nullptr;
  }
  return realloc(ptr, new_len);
}

so_dns_server with_memory, without;
so_dns_memo memos[256];
so_dns_zone zone;
const so_dns_prefix kAll = {{0}, 4, 0};

bool Start() {
  static const char text[] =
      "$TTL 60\n@ SOA a b 1 2 3 4 5\n@ NS a\na A 192.0.2.1\n*.w TXT x\nc CNAME d\nd CNAME c\n"
      "e DNAME f\nx.f A 192.0.2.2\ns NS n.s\nn.s A 192.0.2.3\na.b.c.d.e2 MX 1 a\n";
  static const uint8_t origin[] = "\3org";
  static const so_heap heap = {Resize, nullptr};
  so_dns_zone_text t = {};
  t.text = so_str(text);
  t.origin = so_bytes_of(origin, sizeof origin);
  t.memory_limit = 1 << 20;
  so_dns_zone_error error;
  Require(so_ok(so_dns_zone_load(&zone, &heap, &t, &error)));
  so_dns_server_config c = {};
  c.transfers = &kAll;
  c.transfer_count = 1;
  so_dns_server_init(&without, &c);
  c.memos = memos;
  c.memo_count = 256;
  so_dns_server_init(&with_memory, &c);
  const so_dns_zone *const list[] = {&zone};
  Require(so_ok(so_dns_server_set_zones(&without, list, 1)));
  Require(so_ok(so_dns_server_set_zones(&with_memory, list, 1)));
  return true;
}

so_dns_result Answer(so_dns_server *s, bool is_tcp, so_bytes in, uint8_t *buf, size_t cap,
                     so_bytes *out) {
  static const uint8_t address[] = {127, 0, 0, 1};
  so_dns_client client = {};
  client.address = so_bytes_of(address, 4);
  client.is_tcp = is_tcp;
  so_dns_transfer t;
  const so_dns_result r = so_dns_server_answer(s, &client, in, buf, cap, out, &t);
  if (r == SO_DNS_TRANSFER) {
    Require(is_tcp);
    while (so_dns_transfer_next(&t, buf, cap, out)) {
      Require(so_ok(so_dns_message_check(*out)));
    }
  }
  return r;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  static const bool started = Start();
  static uint8_t first[65535], second[65535];
  Require(started);
  const so_bytes in = so_bytes_of(data, len);
  for (const bool is_tcp : {false, true}) {
    so_bytes a = {}, b = {};
    const size_t cap = is_tcp ? sizeof first : SO_DNS_UDP_LEN_DEFAULT;
    const so_dns_result r = Answer(&without, is_tcp, in, first, cap, &a);
    for (int i = 0; i < 2; i++) {
      Require(Answer(&with_memory, is_tcp, in, second, cap, &b) == r);
      Require(r != SO_DNS_SEND || so_bytes_equal(a, b));
    }
    if (r == SO_DNS_SEND) {
      Require(a.len >= SO_DNS_HEADER_LEN && a.len <= cap);
      Require(so_ok(so_dns_message_check(a)));
      Require(memcmp(a.ptr, data, 2) == 0 && (a.ptr[2] & 0x80) != 0);
    }
  }
  return 0;
}
