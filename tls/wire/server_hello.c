// ServerHello and HelloRetryRequest (RFC 8446 4.1.3, 4.1.4): one encoding, told by the random.

#include "base/mem.h"
#include "tls/wire/wire.h"

// SHA-256 of "HelloRetryRequest" (4.1.3).
static const uint8_t retry_random[32] = {
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

static so_status malformed(void) { return so_tls_fault(SO_TLS_ALERT_DECODE_ERROR); }

static so_status read_share(so_reader *body, so_tls_server_hello *out) {
  so_reader key;
  if (!so_read_u16be(body, &out->group) || out->group == 0) {
    return malformed();
  }
  if (!out->retry) {
    if (!so_read_sub16(body, &key) || key.len == 0) {
      return malformed();
    }
    out->share = so_reader_rest(&key);
  }
  return so_reader_done(body) ? so_done() : malformed();
}

static so_status read_extension(uint16_t type, so_reader *body, so_tls_server_hello *out) {
  so_reader cookie;
  uint16_t index = 0;
  if (type == SO_TLS_EXT_SUPPORTED_VERSIONS) {
    const bool ok = so_read_u16be(body, &out->version) && so_reader_done(body);
    return ok ? so_done() : malformed();
  }
  if (type == SO_TLS_EXT_KEY_SHARE) {
    return read_share(body, out);
  }
  if (type == SO_TLS_EXT_PRE_SHARED_KEY && !out->retry) {
    if (!so_read_u16be(body, &index) || !so_reader_done(body)) {
      return malformed();
    }
    out->psk = index;
    return so_done();
  }
  if (type == SO_TLS_EXT_COOKIE && out->retry) {
    if (!so_read_sub16(body, &cookie) || cookie.len == 0 || !so_reader_done(body)) {
      return malformed();
    }
    out->cookie = so_reader_rest(&cookie);
    return so_done();
  }
  return so_tls_fault(SO_TLS_ALERT_UNSUPPORTED_EXTENSION);
}

// Whether 1.3 was agreed on. Extensions of older versions must not be judged by our rules, so this
// looks only for supported_versions.
static so_status find_version(so_reader r, uint16_t *version) {
  so_tls_extensions e;
  *version = 0;
  if (so_reader_done(&r)) {
    return so_done();
  }
  SO_TRY(so_tls_extensions_open(&e, &r));
  for (;;) {
    bool more = false;
    uint16_t type = 0;
    so_reader body;
    SO_TRY(so_tls_extensions_next(&e, &more, &type, &body));
    if (!more) {
      return so_reader_done(&r) ? so_done() : malformed();
    }
    if (type == SO_TLS_EXT_SUPPORTED_VERSIONS && !so_read_u16be(&body, version)) {
      return malformed();
    }
  }
}

// 4.1.3: a server that knows 1.3 and agrees to less ends its random with "DOWNGRD" 0 or 1.
static so_status refuse_old(so_bytes random) {
  static const uint8_t sentinel[7] = {0x44, 0x4f, 0x57, 0x4e, 0x47, 0x52, 0x44};
  const bool forced = memcmp(random.ptr + 24, sentinel, 7) == 0 && random.ptr[31] <= 1;
  return so_tls_fault(forced ? SO_TLS_ALERT_ILLEGAL_PARAMETER : SO_TLS_ALERT_PROTOCOL_VERSION);
}

static so_status read_extensions(so_reader *r, so_tls_server_hello *out) {
  so_tls_extensions e;
  SO_TRY(so_tls_extensions_open(&e, r));
  for (;;) {
    bool more = false;
    uint16_t type = 0;
    so_reader body;
    SO_TRY(so_tls_extensions_next(&e, &more, &type, &body));
    if (!more) {
      return so_reader_done(r) ? so_done() : malformed();
    }
    SO_TRY(read_extension(type, &body, out));
  }
}

so_status so_tls_server_hello_parse(so_bytes body, so_tls_server_hello *out) {
  so_reader r = so_reader_of(body);
  so_reader session_id;
  uint8_t compression = 0;
  uint16_t version = 0;
  memset(out, 0, sizeof *out);
  out->psk = SO_TLS_NO_PSK;
  if (!so_read_u16be(&r, &out->legacy_version) || !so_read_bytes(&r, 32, &out->random) ||
      !so_read_sub8(&r, &session_id) || session_id.len > 32 || !so_read_u16be(&r, &out->suite) ||
      !so_read_u8(&r, &compression)) {
    return malformed();
  }
  out->session_id = so_reader_rest(&session_id);
  out->retry = memcmp(out->random.ptr, retry_random, 32) == 0;
  SO_TRY(find_version(r, &version));
  if (version == 0) {
    return refuse_old(out->random);
  }
  if (version != SO_TLS_VERSION_1_3 || out->legacy_version != SO_TLS_VERSION_1_2 ||
      compression != 0) {
    return so_tls_fault(SO_TLS_ALERT_ILLEGAL_PARAMETER);
  }
  return read_extensions(&r, out);
}

static void write_extensions(const so_tls_server_hello *hello, so_writer *out) {
  const size_t all = so_open16(out);
  if (hello->version != 0) {
    so_write_u16be(out, SO_TLS_EXT_SUPPORTED_VERSIONS);
    so_write_u16be(out, 2);
    so_write_u16be(out, hello->version);
  }
  if (hello->group != 0) {
    so_write_u16be(out, SO_TLS_EXT_KEY_SHARE);
    const size_t mark = so_open16(out);
    if (hello->retry) {
      so_write_u16be(out, hello->group);
    } else {
      so_tls_write_share(hello->group, hello->share, out);
    }
    so_close16(out, mark);
  }
  if (hello->psk != SO_TLS_NO_PSK) {
    so_write_u16be(out, SO_TLS_EXT_PRE_SHARED_KEY);
    so_write_u16be(out, 2);
    so_write_u16be(out, (uint16_t)hello->psk);
  }
  if (hello->cookie.ptr != NULL) {
    so_write_u16be(out, SO_TLS_EXT_COOKIE);
    const size_t mark = so_open16(out);
    const size_t inner = so_open16(out);
    so_write_bytes(out, hello->cookie);
    so_close16(out, inner);
    so_close16(out, mark);
  }
  so_close16(out, all);
}

void so_tls_server_hello_write(const so_tls_server_hello *hello, so_writer *out) {
  so_write_u8(out, SO_TLS_SERVER_HELLO);
  const size_t body = so_open24(out);
  so_write_u16be(out, hello->legacy_version);
  so_write_bytes(out, hello->retry ? so_bytes_of(retry_random, 32) : hello->random);
  const size_t mark = so_open8(out);
  so_write_bytes(out, hello->session_id);
  so_close8(out, mark);
  so_write_u16be(out, hello->suite);
  so_write_u8(out, 0);
  write_extensions(hello, out);
  so_close24(out, body);
}
