// What several messages share: faults, lists, extension blocks.

#include "tls/wire/wire.h"

so_status so_tls_fault(uint8_t alert) {
  switch (alert) {
    case SO_TLS_ALERT_HANDSHAKE_FAILURE:
    case SO_TLS_ALERT_PROTOCOL_VERSION:
    case SO_TLS_ALERT_NO_APPLICATION_PROTOCOL:
    case SO_TLS_ALERT_UNSUPPORTED_CERTIFICATE:
    case SO_TLS_ALERT_INSUFFICIENT_SECURITY:
      return so_status_make(SO_UNSUPPORTED, alert);
    case SO_TLS_ALERT_BAD_CERTIFICATE:
    case SO_TLS_ALERT_CERTIFICATE_REVOKED:
    case SO_TLS_ALERT_CERTIFICATE_EXPIRED:
    case SO_TLS_ALERT_CERTIFICATE_UNKNOWN:
    case SO_TLS_ALERT_UNKNOWN_CA:
    case SO_TLS_ALERT_DECRYPT_ERROR:
    case SO_TLS_ALERT_ACCESS_DENIED:
    case SO_TLS_ALERT_UNRECOGNIZED_NAME:
      return so_status_make(SO_DENIED, alert);
    case SO_TLS_ALERT_INTERNAL_ERROR:
      return so_status_make(SO_INTERNAL, alert);
    default:
      return so_status_make(SO_MALFORMED, alert);
  }
}

bool so_tls_list16_has(so_bytes list, uint16_t value) {
  so_reader r = so_reader_of(list);
  uint16_t entry = 0;
  while (so_read_u16be(&r, &entry)) {
    if (entry == value) {
      return true;
    }
  }
  return false;
}

bool so_tls_list8_next(so_bytes *list, so_bytes *entry) {
  so_reader r = so_reader_of(*list);
  so_reader body;
  if (!so_read_sub8(&r, &body)) {
    return false;
  }
  *entry = so_reader_rest(&body);
  *list = so_reader_rest(&r);
  return true;
}

bool so_tls_share_next(so_bytes *list, uint16_t *group, so_bytes *key) {
  so_reader r = so_reader_of(*list);
  so_reader body;
  uint16_t g = 0;
  if (!so_read_u16be(&r, &g) || !so_read_sub16(&r, &body)) {
    return false;
  }
  *group = g;
  *key = so_reader_rest(&body);
  *list = so_reader_rest(&r);
  return true;
}

so_status so_tls_extensions_open(so_tls_extensions *e, so_reader *r) {
  e->count = 0;
  if (!so_read_sub16(r, &e->in)) {
    return so_tls_fault(SO_TLS_ALERT_DECODE_ERROR);
  }
  return so_done();
}

so_status so_tls_extensions_next(so_tls_extensions *e, bool *more, uint16_t *type,
                                 so_reader *body) {
  *more = false;
  if (so_reader_done(&e->in)) {
    return so_done();
  }
  if (!so_read_u16be(&e->in, type) || !so_read_sub16(&e->in, body)) {
    return so_tls_fault(SO_TLS_ALERT_DECODE_ERROR);
  }
  for (size_t i = 0; i < e->count; i++) {
    if (e->seen[i] == *type) {
      return so_tls_fault(SO_TLS_ALERT_ILLEGAL_PARAMETER);
    }
  }
  if (e->count == SO_TLS_EXTENSIONS_MAX) {
    return so_status_make(SO_LIMIT, SO_TLS_ALERT_DECODE_ERROR);
  }
  e->seen[e->count++] = *type;
  *more = true;
  return so_done();
}
