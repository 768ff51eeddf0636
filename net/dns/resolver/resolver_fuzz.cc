// Any bytes as answers, with the id and the question of ours put in front when the first byte is
// odd: no
// crash, every lookup ends, nothing is held back.

#include <stdlib.h>
#include <string.h>

#include <string>

#include "kernel/ports/clock.h"
#include "net/dns/resolver/resolver.h"
#include "tests/support/support.h"

namespace {

void Require(bool condition) {
  if (!condition) {
    abort();
  }
}

// The message that a server would send: ours up to the end of the question, then the input.
std::string Answer(const so_resolver_request &q, const std::string &input) {
  const std::string sent = so_test::Text(q.message);
  if (input.size() < 9 || (input[0] & 1) == 0) {
    return input;
  }
  so_dns_question question;
  size_t end = SO_DNS_HEADER_LEN;
  Require(so_ok(so_dns_question_read(q.message, &end, &question)));
  std::string m = sent.substr(0, 2) + "\x81" + input.substr(1, 1) + std::string("\0\1", 2);
  m += input.substr(2, 6);  // The other counts.
  m += sent.substr(SO_DNS_HEADER_LEN, end - SO_DNS_HEADER_LEN) + input.substr(8);
  return m;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  so_resolver_config config = {};
  config.server_count = 2;
  config.servers[0].family = config.servers[1].family = 4;
  config.servers[1].address[3] = 9;
  config.cache_entries = 8;
  so_resolver *r;
  so_resolver_id id;
  Require(so_ok(so_resolver_init(&config, so_test::Heap(), &r)));
  Require(so_ok(so_resolver_start(r, so_str("www.example.org"), SO_DNS_AAAA, 0, &id)));
  const std::string input(reinterpret_cast<const char *>(data), len);
  uint64_t now = 0;
  so_status status = so_status_make(SO_AGAIN, 0);
  so_resolver_answer answer;
  for (int i = 0; i < 400 && so_is(status, SO_AGAIN); i++) {
    so_resolver_request q;
    if (so_resolver_next(r, now, &q)) {
      const std::string m = Answer(q, input);
      if (q.tcp) {
        so_resolver_tcp(r, q.id, so_done(), so_test::View(m), now);
      } else {
        (void)so_resolver_udp(r, &q.server, q.local_port, so_test::View(m), now);
      }
    } else {
      const uint64_t next = so_resolver_deadline(r);
      Require(next == SO_NEVER || next >= now);
      now = next == SO_NEVER ? now : next;
      so_resolver_tick(r, now);
    }
    status = so_resolver_take(r, id, now, &answer);
  }
  Require(!so_is(status, SO_AGAIN));
  Require(!so_ok(status) || (answer.count > 0 && answer.count <= SO_RESOLVER_ADDRESSES_MAX));
  so_resolver_release(r);
  return 0;
}
