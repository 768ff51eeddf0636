// ClientHello (RFC 8446 4.1.2) with the extensions that clients send.

#include "base/mem.h"
#include "tls/wire/wire.h"

static so_status malformed(void) { return so_tls_fault(SO_TLS_ALERT_DECODE_ERROR); }
static so_status illegal(void) { return so_tls_fault(SO_TLS_ALERT_ILLEGAL_PARAMETER); }

// A list of 16-bit numbers behind a 2-byte length, alone in its extension and not empty.
static so_status read_list16(so_reader *body, so_bytes *out) {
  so_reader list;
  if (!so_read_sub16(body, &list) || !so_reader_done(body) || list.len == 0 || list.len % 2 != 0) {
    return malformed();
  }
  *out = so_reader_rest(&list);
  return so_done();
}

// RFC 6066 section 3. There is one name type; a second name of it is forbidden.
static so_status read_server_name(so_reader *body, so_bytes *out) {
  so_reader list;
  so_reader name;
  uint8_t type = 0;
  if (!so_read_sub16(body, &list) || !so_reader_done(body) || !so_read_u8(&list, &type) ||
      type != 0 || !so_read_sub16(&list, &name) || !so_reader_done(&list)) {
    return malformed();
  }
  *out = so_reader_rest(&name);
  if (out->len == 0 || out->len > SO_TLS_SERVER_NAME_LEN_MAX) {
    return malformed();
  }
  if (so_bytes_find(*out, 0) != out->len) {
    return illegal();
  }
  return so_done();
}

static so_status read_alpn(so_reader *body, so_bytes *out) {
  so_reader list;
  if (!so_read_sub16(body, &list) || !so_reader_done(body) || list.len == 0) {
    return malformed();
  }
  *out = so_reader_rest(&list);
  while (!so_reader_done(&list)) {
    so_reader name;
    if (!so_read_sub8(&list, &name) || name.len == 0) {
      return malformed();
    }
  }
  return so_done();
}

static so_status read_versions(so_reader *body, so_bytes *out) {
  so_reader list;
  if (!so_read_sub8(body, &list) || !so_reader_done(body) || list.len == 0 || list.len % 2 != 0) {
    return malformed();
  }
  *out = so_reader_rest(&list);
  return so_done();
}

static so_status read_psk_modes(so_reader *body, so_bytes *out) {
  so_reader list;
  if (!so_read_sub8(body, &list) || !so_reader_done(body) || list.len == 0) {
    return malformed();
  }
  *out = so_reader_rest(&list);
  return so_done();
}

static so_status read_shares(so_reader *body, so_bytes *out) {
  so_reader list;
  if (!so_read_sub16(body, &list) || !so_reader_done(body)) {
    return malformed();
  }
  *out = so_reader_rest(&list);
  while (!so_reader_done(&list)) {
    uint16_t group = 0;
    so_reader key;
    if (!so_read_u16be(&list, &group) || !so_read_sub16(&list, &key) || key.len == 0) {
      return malformed();
    }
  }
  return so_done();
}

static so_status read_cookie(so_reader *body, so_bytes *out) {
  so_reader cookie;
  if (!so_read_sub16(body, &cookie) || !so_reader_done(body) || cookie.len == 0) {
    return malformed();
  }
  *out = so_reader_rest(&cookie);
  return so_done();
}

// RFC 8449 section 4: below 64 is a fatal illegal_parameter.
static so_status read_record_size_limit(so_reader *body, uint16_t *out) {
  if (!so_read_u16be(body, out) || !so_reader_done(body)) {
    return malformed();
  }
  return *out < 64 ? illegal() : so_done();
}

// Section 4.2.11: as many binders as identities, each binder a hash.
static so_status read_psk(so_reader *body, so_tls_client_hello *out) {
  so_reader identities;
  so_reader binders;
  size_t identity_count = 0;
  size_t binder_count = 0;
  if (!so_read_sub16(body, &identities) || identities.len == 0) {
    return malformed();
  }
  out->psk_identities = so_reader_rest(&identities);
  while (!so_reader_done(&identities)) {
    so_reader identity;
    uint32_t age = 0;
    if (!so_read_sub16(&identities, &identity) || identity.len == 0 ||
        !so_read_u32be(&identities, &age)) {
      return malformed();
    }
    identity_count++;
  }
  out->binders_len = body->len;
  if (!so_read_sub16(body, &binders) || !so_reader_done(body) || binders.len == 0) {
    return malformed();
  }
  out->psk_binders = so_reader_rest(&binders);
  while (!so_reader_done(&binders)) {
    so_reader binder;
    if (!so_read_sub8(&binders, &binder) || binder.len < 32) {
      return malformed();
    }
    binder_count++;
  }
  return identity_count == binder_count ? so_done() : illegal();
}

static so_status read_extension(uint16_t type, so_reader *body, so_tls_client_hello *out) {
  switch (type) {
    case SO_TLS_EXT_SERVER_NAME:
      return read_server_name(body, &out->server_name);
    case SO_TLS_EXT_SUPPORTED_GROUPS:
      return read_list16(body, &out->groups);
    case SO_TLS_EXT_SIGNATURE_ALGORITHMS:
      return read_list16(body, &out->signature_schemes);
    case SO_TLS_EXT_ALPN:
      return read_alpn(body, &out->alpn);
    case SO_TLS_EXT_RECORD_SIZE_LIMIT:
      return read_record_size_limit(body, &out->record_size_limit);
    case SO_TLS_EXT_SUPPORTED_VERSIONS:
      return read_versions(body, &out->versions);
    case SO_TLS_EXT_COOKIE:
      return read_cookie(body, &out->cookie);
    case SO_TLS_EXT_PSK_MODES:
      return read_psk_modes(body, &out->psk_modes);
    case SO_TLS_EXT_KEY_SHARE:
      return read_shares(body, &out->shares);
    case SO_TLS_EXT_PRE_SHARED_KEY:
      return read_psk(body, out);
    case SO_TLS_EXT_EARLY_DATA:
      out->early_data = true;
      return so_reader_done(body) ? so_done() : malformed();
    default:
      return so_done();
  }
}

static so_status read_extensions(so_reader *r, so_tls_client_hello *out) {
  so_tls_extensions e;
  SO_TRY(so_tls_extensions_open(&e, r));
  for (;;) {
    bool more = false;
    uint16_t type = 0;
    so_reader body;
    SO_TRY(so_tls_extensions_next(&e, &more, &type, &body));
    if (!more) {
      return so_done();
    }
    if (out->psk_identities.ptr != NULL) {
      return illegal();  // 4.2.11: pre_shared_key is the last one.
    }
    SO_TRY(read_extension(type, &body, out));
  }
}

so_status so_tls_client_hello_parse(so_bytes body, so_tls_client_hello *out) {
  so_reader r = so_reader_of(body);
  so_reader session_id;
  so_reader suites;
  so_reader compression;
  memset(out, 0, sizeof *out);
  if (!so_read_u16be(&r, &out->legacy_version) || !so_read_bytes(&r, 32, &out->random) ||
      !so_read_sub8(&r, &session_id) || session_id.len > 32 || !so_read_sub16(&r, &suites) ||
      suites.len == 0 || suites.len % 2 != 0 || !so_read_sub8(&r, &compression) ||
      compression.len == 0) {
    return malformed();
  }
  out->session_id = so_reader_rest(&session_id);
  out->suites = so_reader_rest(&suites);
  const so_bytes methods = so_reader_rest(&compression);
  out->compression_null = methods.len == 1 && methods.ptr[0] == 0;
  if (so_reader_done(&r)) {
    return so_done();  // TLS 1.2 and older may have no extensions at all.
  }
  SO_TRY(read_extensions(&r, out));
  return so_reader_done(&r) ? so_done() : malformed();
}

bool so_tls_psk_next(so_bytes *list, so_bytes *identity, uint32_t *obfuscated_age) {
  so_reader r = so_reader_of(*list);
  so_reader name;
  if (!so_read_sub16(&r, &name) || !so_read_u32be(&r, obfuscated_age)) {
    return false;
  }
  *identity = so_reader_rest(&name);
  *list = so_reader_rest(&r);
  return true;
}

void so_tls_write_share(uint16_t group, so_bytes key, so_writer *out) {
  so_write_u16be(out, group);
  const size_t mark = so_open16(out);
  so_write_bytes(out, key);
  so_close16(out, mark);
}

void so_tls_write_psk(so_bytes identity, uint32_t obfuscated_age, so_writer *out) {
  const size_t mark = so_open16(out);
  so_write_bytes(out, identity);
  so_close16(out, mark);
  so_write_u32be(out, obfuscated_age);
}

// An extension whose body is one list behind a 2-byte length.
static void write_list_extension(uint16_t type, so_bytes list, so_writer *out) {
  if (list.ptr == NULL) {
    return;
  }
  so_write_u16be(out, type);
  const size_t body = so_open16(out);
  const size_t mark = so_open16(out);
  so_write_bytes(out, list);
  so_close16(out, mark);
  so_close16(out, body);
}

// The same with a 1-byte length.
static void write_list8_extension(uint16_t type, so_bytes list, so_writer *out) {
  if (list.ptr == NULL) {
    return;
  }
  so_write_u16be(out, type);
  const size_t body = so_open16(out);
  const size_t mark = so_open8(out);
  so_write_bytes(out, list);
  so_close8(out, mark);
  so_close16(out, body);
}

static void write_server_name(so_bytes name, so_writer *out) {
  if (name.ptr == NULL) {
    return;
  }
  so_write_u16be(out, SO_TLS_EXT_SERVER_NAME);
  const size_t body = so_open16(out);
  const size_t list = so_open16(out);
  so_write_u8(out, 0);
  const size_t mark = so_open16(out);
  so_write_bytes(out, name);
  so_close16(out, mark);
  so_close16(out, list);
  so_close16(out, body);
}

static void write_psk_extension(const so_tls_client_hello *hello, so_writer *out) {
  if (hello->psk_identities.ptr == NULL) {
    return;
  }
  so_write_u16be(out, SO_TLS_EXT_PRE_SHARED_KEY);
  const size_t body = so_open16(out);
  size_t mark = so_open16(out);
  so_write_bytes(out, hello->psk_identities);
  so_close16(out, mark);
  mark = so_open16(out);
  so_write_bytes(out, hello->psk_binders);
  so_close16(out, mark);
  so_close16(out, body);
}

static void write_extensions(const so_tls_client_hello *hello, so_writer *out) {
  const size_t all = so_open16(out);
  write_server_name(hello->server_name, out);
  write_list_extension(SO_TLS_EXT_SUPPORTED_GROUPS, hello->groups, out);
  write_list_extension(SO_TLS_EXT_SIGNATURE_ALGORITHMS, hello->signature_schemes, out);
  write_list_extension(SO_TLS_EXT_ALPN, hello->alpn, out);
  if (hello->record_size_limit != 0) {
    so_write_u16be(out, SO_TLS_EXT_RECORD_SIZE_LIMIT);
    so_write_u16be(out, 2);
    so_write_u16be(out, hello->record_size_limit);
  }
  if (hello->early_data) {
    so_write_u16be(out, SO_TLS_EXT_EARLY_DATA);
    so_write_u16be(out, 0);
  }
  write_list8_extension(SO_TLS_EXT_SUPPORTED_VERSIONS, hello->versions, out);
  write_list_extension(SO_TLS_EXT_COOKIE, hello->cookie, out);
  write_list8_extension(SO_TLS_EXT_PSK_MODES, hello->psk_modes, out);
  write_list_extension(SO_TLS_EXT_KEY_SHARE, hello->shares, out);
  write_psk_extension(hello, out);
  so_close16(out, all);
}

void so_tls_client_hello_write(const so_tls_client_hello *hello, so_writer *out) {
  so_write_u8(out, SO_TLS_CLIENT_HELLO);
  const size_t body = so_open24(out);
  so_write_u16be(out, hello->legacy_version);
  so_write_bytes(out, hello->random);
  size_t mark = so_open8(out);
  so_write_bytes(out, hello->session_id);
  so_close8(out, mark);
  mark = so_open16(out);
  so_write_bytes(out, hello->suites);
  so_close16(out, mark);
  so_write_u16be(out, 0x0100);  // One compression method, null.
  write_extensions(hello, out);
  so_close24(out, body);
}
