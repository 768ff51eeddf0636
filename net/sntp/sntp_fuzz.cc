// Any bytes as an answer, with our number put where it belongs half of the time: no crash, no
// sample
// that the checks should have stopped, and a client that goes on.

#include <stdlib.h>
#include <string.h>

#include "kernel/ports/clock.h"
#include "net/sntp/sntp.h"

namespace {

void Require(bool condition) {
  if (!condition) {
    abort();
  }
}

void Answer(so_sntp *c, const so_endpoint *from, const uint8_t *data, size_t len, bool honest,
            uint64_t now_ns) {
  uint8_t message[SO_SNTP_MESSAGE_LEN_MAX + 4];
  len = len < sizeof message ? len : sizeof message;
  if (len != 0) {
    memcpy(message, data, len);
  }
  if (honest && len >= 32) {
    memcpy(message + 24, c->request + 40, 8);
  }
  const so_status s = so_sntp_input(c, from, so_bytes_of(message, len), now_ns);
  so_sntp_sample sample;
  Require(so_sntp_sample_take(c, &sample) == so_ok(s));
  if (so_ok(s)) {
    Require(sample.stratum >= 1 && sample.stratum <= 15 && sample.leap < 3);
    Require(sample.delay_ns <= now_ns - c->sent_ns);
  }
  Require(so_is(s, SO_NOT_FOUND) == c->waiting);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  so_endpoint servers[2] = {};
  servers[0].family = servers[1].family = 4;
  servers[0].port = servers[1].port = SO_SNTP_PORT;
  servers[1].address[3] = 1;
  const uint8_t seed[SO_RNG_SEED_LEN] = {1};
  const bool honest = len != 0 && (data[0] & 1) != 0;
  if (len != 0) {
    data++;
    len--;
  }
  so_sntp c;
  so_sntp_init(&c, servers, 2, seed, 1700000000, 0);
  for (int i = 0; i < 20 && so_sntp_deadline(&c) != SO_NEVER; i++) {
    so_endpoint to;
    so_bytes request;
    const uint64_t now = so_sntp_deadline(&c);
    if (so_sntp_tick(&c, now, &to, &request)) {
      Require(request.len == SO_SNTP_LEN);
      Answer(&c, &to, data, len, honest, now + 10 * SO_NS_PER_MS);
    }
    Require(so_sntp_deadline(&c) > now || !c.waiting);
  }
  return 0;
}
