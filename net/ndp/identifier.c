// Interface identifiers: the low 64 bits of addresses that we make ourselves.

#include "base/mem.h"
#include "base/writer.h"
#include "crypto/siphash/siphash.h"
#include "net/ndp/ndp.h"

#define TRIES 4u

static bool starts(const uint8_t id[8], uint8_t a, uint8_t b, uint8_t c, uint8_t d) {
  return id[0] == a && id[1] == b && id[2] == c && id[3] == d;
}

// RFC 5453: the subnet's routers, the anycast range, and IANA's own.
static bool is_reserved(const uint8_t id[8]) {
  static const uint8_t zero[8] = {0};
  static const uint8_t anycast[7] = {0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  return memcmp(id, zero, 8) == 0 || (memcmp(id, anycast, 7) == 0 && id[7] >= 0x80) ||
         (starts(id, 0x02, 0x00, 0x5e, 0xff) && id[4] == 0xfe);
}

static void eui64(const uint8_t mac[SO_MAC_LEN], uint8_t out[8]) {
  memcpy(out, mac, 3);
  out[0] ^= 0x02;
  out[3] = 0xff;
  out[4] = 0xfe;
  memcpy(out + 5, mac + 3, 3);
}

// RFC 7217 5 with SipHash as the function: a PRF with a 64-bit result, keyed with the secret.
static void opaque(const so_ndp_config *config, const so_ip *prefix, uint8_t counter, uint8_t try_,
                   uint8_t out[8]) {
  uint8_t bytes[8 + SO_MAC_LEN + 2];
  so_writer w = so_writer_of(bytes, sizeof bytes);
  so_write_bytes(&w, so_bytes_of(prefix->bytes, 8));
  so_write_bytes(&w, so_bytes_of(config->mac, SO_MAC_LEN));
  so_write_u8(&w, counter);
  so_write_u8(&w, try_);
  so_writer result = so_writer_of(out, 8);
  so_write_u64be(&result, so_siphash24(config->secret, so_writer_bytes(&w)));
}

void so_ndp_identifier_make(const so_ndp_config *config, const so_ip *prefix, uint8_t counter,
                            uint8_t out[8]) {
  if (config->identifier == SO_NDP_EUI64) {
    eui64(config->mac, out);
    return;
  }
  for (uint8_t t = 0; t < TRIES; t++) {
    opaque(config, prefix, counter, t, out);
    if (!is_reserved(out)) {
      return;
    }
  }
}
