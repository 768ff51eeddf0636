// The short messages: Finished, NewSessionTicket, KeyUpdate (RFC 8446 4.4.4, 4.6.1, 4.6.3).

#include "base/mem.h"
#include "tls/wire/wire.h"

static so_status malformed(void) { return so_tls_fault(SO_TLS_ALERT_DECODE_ERROR); }

so_status so_tls_finished_parse(so_bytes body, size_t hash_len, so_bytes *out) {
  so_reader r = so_reader_of(body);
  so_bytes verify_data;
  if (!so_read_bytes(&r, hash_len, &verify_data) || !so_reader_done(&r)) {
    return malformed();
  }
  *out = verify_data;
  return so_done();
}

void so_tls_finished_write(so_bytes verify_data, so_writer *out) {
  so_write_u8(out, SO_TLS_FINISHED);
  const size_t body = so_open24(out);
  so_write_bytes(out, verify_data);
  so_close24(out, body);
}

so_status so_tls_new_ticket_parse(so_bytes body, so_tls_new_ticket *out) {
  so_reader r = so_reader_of(body);
  so_reader nonce;
  so_reader ticket;
  so_tls_extensions e;
  memset(out, 0, sizeof *out);
  if (!so_read_u32be(&r, &out->lifetime_s) || !so_read_u32be(&r, &out->age_add) ||
      !so_read_sub8(&r, &nonce) || !so_read_sub16(&r, &ticket) || ticket.len == 0) {
    return malformed();
  }
  out->nonce = so_reader_rest(&nonce);
  out->ticket = so_reader_rest(&ticket);
  SO_TRY(so_tls_extensions_open(&e, &r));
  for (bool more = true; more;) {
    uint16_t type = 0;
    so_reader extension;
    SO_TRY(so_tls_extensions_next(&e, &more, &type, &extension));  // None that we know matters.
  }
  return so_reader_done(&r) ? so_done() : malformed();
}

void so_tls_new_ticket_write(const so_tls_new_ticket *ticket, so_writer *out) {
  so_write_u8(out, SO_TLS_NEW_SESSION_TICKET);
  const size_t body = so_open24(out);
  so_write_u32be(out, ticket->lifetime_s);
  so_write_u32be(out, ticket->age_add);
  const size_t nonce = so_open8(out);
  so_write_bytes(out, ticket->nonce);
  so_close8(out, nonce);
  const size_t mark = so_open16(out);
  so_write_bytes(out, ticket->ticket);
  so_close16(out, mark);
  so_write_u16be(out, 0);  // No extensions: no early data.
  so_close24(out, body);
}

so_status so_tls_key_update_parse(so_bytes body, bool *ask) {
  so_reader r = so_reader_of(body);
  uint8_t request = 0;
  if (!so_read_u8(&r, &request) || !so_reader_done(&r)) {
    return malformed();
  }
  if (request > 1) {
    return so_tls_fault(SO_TLS_ALERT_ILLEGAL_PARAMETER);
  }
  *ask = request == 1;
  return so_done();
}

void so_tls_key_update_write(bool ask, so_writer *out) {
  so_write_u8(out, SO_TLS_KEY_UPDATE);
  const size_t body = so_open24(out);
  so_write_u8(out, ask ? 1 : 0);
  so_close24(out, body);
}
