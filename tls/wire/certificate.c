// Certificate, CertificateVerify and CertificateRequest (RFC 8446 4.3.2, 4.4.2, 4.4.3).

#include "base/mem.h"
#include "tls/wire/wire.h"

static so_status malformed(void) { return so_tls_fault(SO_TLS_ALERT_DECODE_ERROR); }

static so_status read_entry(so_reader *list, so_tls_certificate *out) {
  so_reader der;
  so_tls_extensions e;
  bool more = false;
  uint16_t type = 0;
  so_reader extension;
  if (!so_read_sub24(list, &der) || der.len == 0) {
    return malformed();
  }
  SO_TRY(so_tls_extensions_open(&e, list));
  SO_TRY(so_tls_extensions_next(&e, &more, &type, &extension));
  if (more) {
    return so_tls_fault(SO_TLS_ALERT_UNSUPPORTED_EXTENSION);
  }
  if (out->count == SO_TLS_CHAIN_COUNT_MAX) {
    return so_status_make(SO_LIMIT, SO_TLS_ALERT_BAD_CERTIFICATE);
  }
  out->chain[out->count++] = so_reader_rest(&der);
  return so_done();
}

so_status so_tls_certificate_parse(so_bytes body, so_tls_certificate *out) {
  so_reader r = so_reader_of(body);
  so_reader context;
  so_reader list;
  memset(out, 0, sizeof *out);
  if (!so_read_sub8(&r, &context) || !so_read_sub24(&r, &list) || !so_reader_done(&r)) {
    return malformed();
  }
  out->context = so_reader_rest(&context);
  while (!so_reader_done(&list)) {
    SO_TRY(read_entry(&list, out));
  }
  return so_done();
}

void so_tls_certificate_write(so_bytes context, const so_bytes *chain, size_t count,
                              so_writer *out) {
  so_write_u8(out, SO_TLS_CERTIFICATE);
  const size_t body = so_open24(out);
  const size_t name = so_open8(out);
  so_write_bytes(out, context);
  so_close8(out, name);
  const size_t list = so_open24(out);
  for (size_t i = 0; i < count; i++) {
    const size_t der = so_open24(out);
    so_write_bytes(out, chain[i]);
    so_close24(out, der);
    so_write_u16be(out, 0);  // No extensions.
  }
  so_close24(out, list);
  so_close24(out, body);
}

so_status so_tls_certificate_verify_parse(so_bytes body, so_tls_certificate_verify *out) {
  so_reader r = so_reader_of(body);
  so_reader signature;
  memset(out, 0, sizeof *out);
  if (!so_read_u16be(&r, &out->scheme) || !so_read_sub16(&r, &signature) || signature.len == 0 ||
      !so_reader_done(&r)) {
    return malformed();
  }
  out->signature = so_reader_rest(&signature);
  return so_done();
}

void so_tls_certificate_verify_write(const so_tls_certificate_verify *verify, so_writer *out) {
  so_write_u8(out, SO_TLS_CERTIFICATE_VERIFY);
  const size_t body = so_open24(out);
  so_write_u16be(out, verify->scheme);
  const size_t mark = so_open16(out);
  so_write_bytes(out, verify->signature);
  so_close16(out, mark);
  so_close24(out, body);
}

void so_tls_signed_content(so_bytes transcript_hash, so_writer *out) {
  for (size_t i = 0; i < 64; i++) {
    so_write_u8(out, 0x20);
  }
  so_write_str(out, "TLS 1.3, server CertificateVerify");
  so_write_u8(out, 0);
  so_write_bytes(out, transcript_hash);
}

so_status so_tls_certificate_request_parse(so_bytes body) {
  so_reader r = so_reader_of(body);
  so_reader context;
  so_tls_extensions e;
  bool schemes = false;
  if (!so_read_sub8(&r, &context)) {
    return malformed();
  }
  if (context.len != 0) {
    return so_tls_fault(SO_TLS_ALERT_ILLEGAL_PARAMETER);
  }
  SO_TRY(so_tls_extensions_open(&e, &r));
  for (;;) {
    bool more = false;
    uint16_t type = 0;
    so_reader extension;
    SO_TRY(so_tls_extensions_next(&e, &more, &type, &extension));
    if (!more) {
      break;
    }
    if (type == SO_TLS_EXT_SIGNATURE_ALGORITHMS) {
      so_reader list;
      schemes = so_read_sub16(&extension, &list) && so_reader_done(&extension) && list.len != 0 &&
                list.len % 2 == 0;
      if (!schemes) {
        return malformed();
      }
    }
  }
  if (!so_reader_done(&r)) {
    return malformed();
  }
  return schemes ? so_done() : so_tls_fault(SO_TLS_ALERT_MISSING_EXTENSION);
}

void so_tls_certificate_request_write(so_bytes schemes, so_writer *out) {
  so_write_u8(out, SO_TLS_CERTIFICATE_REQUEST);
  const size_t body = so_open24(out);
  so_write_u8(out, 0);
  const size_t all = so_open16(out);
  so_write_u16be(out, SO_TLS_EXT_SIGNATURE_ALGORITHMS);
  const size_t extension = so_open16(out);
  const size_t list = so_open16(out);
  so_write_bytes(out, schemes);
  so_close16(out, list);
  so_close16(out, extension);
  so_close16(out, all);
  so_close24(out, body);
}
