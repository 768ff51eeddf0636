// EncryptedExtensions (RFC 8446 4.3.1).

#include "base/mem.h"
#include "tls/wire/wire.h"

static so_status malformed(void) { return so_tls_fault(SO_TLS_ALERT_DECODE_ERROR); }

// RFC 7301 section 3.1: exactly one name.
static so_status read_alpn(so_reader *body, so_bytes *out) {
  so_reader list;
  so_reader name;
  if (!so_read_sub16(body, &list) || !so_reader_done(body) || !so_read_sub8(&list, &name) ||
      name.len == 0 || !so_reader_done(&list)) {
    return malformed();
  }
  *out = so_reader_rest(&name);
  return so_done();
}

static so_status read_record_size_limit(so_reader *body, uint16_t *out) {
  if (!so_read_u16be(body, out) || !so_reader_done(body)) {
    return malformed();
  }
  return *out < 64 ? so_tls_fault(SO_TLS_ALERT_ILLEGAL_PARAMETER) : so_done();
}

static so_status read_extension(uint16_t type, so_reader *body, so_tls_encrypted_extensions *out) {
  switch (type) {
    case SO_TLS_EXT_SERVER_NAME:
      out->server_name = true;
      return so_reader_done(body) ? so_done() : malformed();
    case SO_TLS_EXT_SUPPORTED_GROUPS: {
      // The server's taste, of use for later connections only (4.2.7).
      so_reader list;
      const bool ok = so_read_sub16(body, &list) && so_reader_done(body) && list.len % 2 == 0;
      return ok ? so_done() : malformed();
    }
    case SO_TLS_EXT_ALPN:
      return read_alpn(body, &out->alpn);
    case SO_TLS_EXT_RECORD_SIZE_LIMIT:
      return read_record_size_limit(body, &out->record_size_limit);
    case SO_TLS_EXT_SIGNATURE_ALGORITHMS:
    case SO_TLS_EXT_PRE_SHARED_KEY:
    case SO_TLS_EXT_SUPPORTED_VERSIONS:
    case SO_TLS_EXT_COOKIE:
    case SO_TLS_EXT_PSK_MODES:
    case SO_TLS_EXT_KEY_SHARE:
      return so_tls_fault(SO_TLS_ALERT_ILLEGAL_PARAMETER);  // 4.2: not in this message.
    default:
      return so_tls_fault(SO_TLS_ALERT_UNSUPPORTED_EXTENSION);  // We did not ask for it.
  }
}

so_status so_tls_encrypted_extensions_parse(so_bytes body, so_tls_encrypted_extensions *out) {
  so_reader r = so_reader_of(body);
  so_tls_extensions e;
  memset(out, 0, sizeof *out);
  SO_TRY(so_tls_extensions_open(&e, &r));
  for (;;) {
    bool more = false;
    uint16_t type = 0;
    so_reader extension;
    SO_TRY(so_tls_extensions_next(&e, &more, &type, &extension));
    if (!more) {
      return so_reader_done(&r) ? so_done() : malformed();
    }
    SO_TRY(read_extension(type, &extension, out));
  }
}

void so_tls_encrypted_extensions_write(const so_tls_encrypted_extensions *ee, so_writer *out) {
  so_write_u8(out, SO_TLS_ENCRYPTED_EXTENSIONS);
  const size_t body = so_open24(out);
  const size_t all = so_open16(out);
  if (ee->server_name) {
    so_write_u16be(out, SO_TLS_EXT_SERVER_NAME);
    so_write_u16be(out, 0);
  }
  if (ee->alpn.len != 0) {
    so_write_u16be(out, SO_TLS_EXT_ALPN);
    const size_t extension = so_open16(out);
    const size_t list = so_open16(out);
    const size_t name = so_open8(out);
    so_write_bytes(out, ee->alpn);
    so_close8(out, name);
    so_close16(out, list);
    so_close16(out, extension);
  }
  if (ee->record_size_limit != 0) {
    so_write_u16be(out, SO_TLS_EXT_RECORD_SIZE_LIMIT);
    so_write_u16be(out, 2);
    so_write_u16be(out, ee->record_size_limit);
  }
  so_close16(out, all);
  so_close24(out, body);
}
