#include "net/tcp/isn/isn.h"

#include "base/bytes.h"
#include "base/writer.h"
#include "crypto/siphash/siphash.h"
#include "kernel/ports/clock.h"

// What a hash is for: the same connection gives unrelated numbers for each.
typedef enum purpose {
  PURPOSE_ISN = 1,
  PURPOSE_TIMESTAMP,
  PURPOSE_TABLE,
  PURPOSE_COOKIE_MASK,
  PURPOSE_COOKIE_MAC,
} purpose;

#define MAC_MASK 0xffffffu
#define PERIOD_MASK 31u

// The sizes that peers really have: RFC 9293's default, IPv6's least, tunnels, PPPoE, Ethernet with
// and without timestamps counted, jumbo frames.
static const uint16_t cookie_mss[8] = {216, 536, 1220, 1360, 1440, 1460, 4312, 8960};

static uint64_t hash(const uint8_t key[SO_TCP_SECRET_LEN], const so_tcp_tuple *t, purpose what,
                     uint32_t a, uint64_t b) {
  uint8_t text[1 + 17 * 2 + 4 + 4 + 8];
  so_writer w = so_writer_of(text, sizeof text);
  so_write_u8(&w, (uint8_t)what);
  so_write_u8(&w, t->local.family);
  so_write_bytes(&w, so_bytes_of(t->local.bytes, sizeof t->local.bytes));
  so_write_u8(&w, t->remote.family);
  so_write_bytes(&w, so_bytes_of(t->remote.bytes, sizeof t->remote.bytes));
  so_write_u16be(&w, t->local_port);
  so_write_u16be(&w, t->remote_port);
  so_write_u32be(&w, a);
  so_write_u64be(&w, b);
  return so_siphash24(key, so_writer_bytes(&w));
}

uint32_t so_tcp_isn(const uint8_t key[SO_TCP_SECRET_LEN], const so_tcp_tuple *t, uint64_t now_ns) {
  return (uint32_t)(now_ns / 4000) + (uint32_t)hash(key, t, PURPOSE_ISN, 0, 0);
}

uint32_t so_tcp_timestamp_offset(const uint8_t key[SO_TCP_SECRET_LEN], const so_tcp_tuple *t) {
  return (uint32_t)hash(key, t, PURPOSE_TIMESTAMP, 0, 0);
}

uint64_t so_tcp_hash(const uint8_t key[SO_TCP_SECRET_LEN], const so_tcp_tuple *t) {
  return hash(key, t, PURPOSE_TABLE, 0, 0);
}

static uint64_t period_of(uint64_t now_ns) {
  return now_ns / (SO_TCP_COOKIE_PERIOD_S * SO_NS_PER_S);
}

static uint32_t cookie_of(const uint8_t key[SO_TCP_SECRET_LEN], const so_tcp_tuple *t,
                          uint32_t peer_isn, uint32_t choice, uint64_t period) {
  const uint32_t mask = (uint32_t)hash(key, t, PURPOSE_COOKIE_MASK, peer_isn, 0) << 24;
  const uint32_t top = ((uint32_t)period & PERIOD_MASK) << 27 | choice << 24;
  const uint64_t mac = hash(key, t, PURPOSE_COOKIE_MAC, peer_isn, period << 3 | choice);
  return (top ^ mask) | ((uint32_t)mac & MAC_MASK);
}

uint32_t so_tcp_cookie_make(const uint8_t key[SO_TCP_SECRET_LEN], const so_tcp_tuple *t,
                            uint32_t peer_isn, uint16_t mss, uint64_t now_ns) {
  uint32_t choice = 0;
  for (uint32_t i = 1; i < 8; i++) {
    if (cookie_mss[i] <= mss) {
      choice = i;
    }
  }
  return cookie_of(key, t, peer_isn, choice, period_of(now_ns));
}

bool so_tcp_cookie_check(const uint8_t key[SO_TCP_SECRET_LEN], const so_tcp_tuple *t,
                         uint32_t peer_isn, uint32_t cookie, uint64_t now_ns, uint16_t *mss) {
  const uint32_t mask = (uint32_t)hash(key, t, PURPOSE_COOKIE_MASK, peer_isn, 0);
  const uint32_t top = (cookie >> 24 ^ mask) & 0xff;
  const uint64_t now = period_of(now_ns);
  const uint32_t age = ((uint32_t)now - (top >> 3)) & PERIOD_MASK;
  if (age >= SO_TCP_COOKIE_PERIODS || age > now) {
    return false;
  }
  const uint32_t choice = top & 7;
  if (cookie_of(key, t, peer_isn, choice, now - age) != cookie) {
    return false;
  }
  *mss = cookie_mss[choice];
  return true;
}

uint32_t so_tcp_cookie_timestamp(uint32_t timestamp, const so_tcp_cookie *c) {
  const uint32_t step = 1u << SO_TCP_COOKIE_OPTION_BITS;
  const uint32_t options = (uint32_t)(c->window_scale & 15) | (c->sack ? 16u : 0u) |
                           (c->ecn ? 32u : 0u);
  uint32_t coded = (timestamp & ~(step - 1)) | options;
  if ((int32_t)(coded - timestamp) > 0) {
    coded -= step;
  }
  return coded;
}

void so_tcp_cookie_options(uint32_t echoed, so_tcp_cookie *c) {
  c->window_scale = echoed & 15;
  c->sack = (echoed & 16) != 0;
  c->ecn = (echoed & 32) != 0;
}
