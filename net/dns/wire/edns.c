// EDNS (RFC 6891) and cookies (RFC 7873, 9018).

#include "base/mem.h"
#include "base/reader.h"
#include "crypto/ct/ct.h"
#include "crypto/siphash/siphash.h"
#include "net/dns/wire/wire.h"

#define OPTION_COOKIE 10
#define DNSSEC_OK 0x8000u

// RFC 9018 4.3: an hour back, five minutes ahead; renewed after half an hour.
#define COOKIE_AGE_MAX_S 3600
#define COOKIE_AHEAD_MAX_S 300
#define COOKIE_RENEW_S 1800
#define COOKIE_VERSION 1

static so_status malformed(void) { return so_status_make(SO_MALFORMED, 0); }

static so_status read_cookie(so_bytes value, so_dns_edns *out) {
  const bool has_server = value.len >= SO_DNS_COOKIE_CLIENT_LEN + 8 &&
                          value.len <= SO_DNS_COOKIE_CLIENT_LEN + SO_DNS_COOKIE_SERVER_LEN_MAX;
  if (value.len != SO_DNS_COOKIE_CLIENT_LEN && !has_server) {
    return malformed();
  }
  out->has_cookie = true;
  memcpy(out->client_cookie, value.ptr, SO_DNS_COOKIE_CLIENT_LEN);
  const so_bytes server = so_bytes_from(value, SO_DNS_COOKIE_CLIENT_LEN);
  out->server_cookie_len = (uint8_t)server.len;
  if (server.len != 0) {
    memcpy(out->server_cookie, server.ptr, server.len);
  }
  return so_done();
}

so_status so_dns_edns_read(const so_dns_rr *opt, so_dns_edns *out) {
  so_dns_edns e = {0};
  if (opt->name.len != 1) {
    return malformed();
  }
  e.udp_len = opt->rclass;
  e.rcode_high = (uint8_t)(opt->ttl >> 24);
  e.version = (uint8_t)(opt->ttl >> 16);
  e.dnssec_ok = (opt->ttl & DNSSEC_OK) != 0;
  so_reader r = so_reader_of(opt->rdata);
  while (r.len != 0) {
    uint16_t code;
    so_reader value;
    if (!so_read_u16be(&r, &code) || !so_read_sub16(&r, &value)) {
      return malformed();
    }
    // Of several cookies the first counts (RFC 7873 5.2).
    if (code == OPTION_COOKIE && !e.has_cookie) {
      SO_TRY(read_cookie(so_reader_rest(&value), &e));
    }
  }
  if (!so_reader_done(&r)) {
    return malformed();
  }
  *out = e;
  return so_done();
}

void so_dns_write_edns(so_dns_builder *b, const so_dns_edns *edns) {
  so_writer *const w = &b->w;
  so_write_u8(w, 0);
  so_write_u16be(w, SO_DNS_OPT);
  so_write_u16be(w, edns->udp_len);
  so_write_u32be(w, (uint32_t)edns->rcode_high << 24 | (uint32_t)edns->version << 16 |
                        (edns->dnssec_ok ? DNSSEC_OK : 0));
  const size_t mark = so_open16(w);
  if (edns->has_cookie) {
    so_write_u16be(w, OPTION_COOKIE);
    so_write_u16be(w, (uint16_t)(SO_DNS_COOKIE_CLIENT_LEN + edns->server_cookie_len));
    so_write_bytes(w, so_bytes_of(edns->client_cookie, SO_DNS_COOKIE_CLIENT_LEN));
    so_write_bytes(w, so_bytes_of(edns->server_cookie, edns->server_cookie_len));
  }
  so_close16(w, mark);
  b->counts[SO_DNS_ADDITIONAL]++;
}

// --- server cookies ---------------------------------------------------------------------------

// cookie_hash fills the last 8 bytes of a cookie whose first 8 stand.
static void cookie_hash(const uint8_t key[SO_DNS_COOKIE_KEY_LEN], const uint8_t client[8],
                        so_bytes address, uint8_t cookie[SO_DNS_COOKIE_SERVER_LEN]) {
  uint8_t input[8 + 8 + 16];
  so_writer w = so_writer_of(input, sizeof input);
  so_write_bytes(&w, so_bytes_of(client, 8));
  so_write_bytes(&w, so_bytes_of(cookie, 8));
  so_write_bytes(&w, address);
  const uint64_t hash = so_siphash24(key, so_writer_bytes(&w));
  so_writer tail = so_writer_of(cookie + 8, 8);
  so_write_u64le(&tail, hash);
}

void so_dns_cookie_make(const uint8_t key[SO_DNS_COOKIE_KEY_LEN], const uint8_t client[8],
                        so_bytes address, uint32_t now_s, uint8_t out[SO_DNS_COOKIE_SERVER_LEN]) {
  so_writer w = so_writer_of(out, SO_DNS_COOKIE_SERVER_LEN);
  so_write_u32be(&w, (uint32_t)COOKIE_VERSION << 24);
  so_write_u32be(&w, now_s);
  cookie_hash(key, client, address, out);
}

so_status so_dns_cookie_check(const uint8_t key[SO_DNS_COOKIE_KEY_LEN], const uint8_t client[8],
                              so_bytes address, uint32_t now_s, so_bytes cookie) {
  const so_status denied = so_status_make(SO_DENIED, 0);
  so_reader r = so_reader_of(cookie);
  uint8_t version;
  uint32_t made_s;
  uint8_t want[SO_DNS_COOKIE_SERVER_LEN];
  if (cookie.len != sizeof want || !so_read_u8(&r, &version) || version != COOKIE_VERSION ||
      !so_skip(&r, 3) || !so_read_u32be(&r, &made_s)) {
    return denied;
  }
  memcpy(want, cookie.ptr, 8);
  cookie_hash(key, client, address, want);
  if (!so_ct_equal(want, cookie.ptr, sizeof want)) {
    return denied;
  }
  // Serial arithmetic (RFC 1982): the counter wraps in 2106.
  const uint32_t age_s = now_s - made_s;
  if (age_s > COOKIE_AGE_MAX_S && 0 - age_s > COOKIE_AHEAD_MAX_S) {
    return denied;
  }
  return age_s > COOKIE_RENEW_S && age_s <= COOKIE_AGE_MAX_S ? so_status_make(SO_AGAIN, 0)
                                                             : so_done();
}
