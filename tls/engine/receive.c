// Receiving: one record at a time, its content by type, handshake messages put together.

#include "base/assert.h"
#include "base/mem.h"
#include "tls/engine/internal.h"

static so_status unexpected(void) { return so_tls_fault(SO_TLS_ALERT_UNEXPECTED_MESSAGE); }

// Beyond a limit of ours that no honest peer comes near.
static so_status flood(void) {
  return so_status_make(SO_LIMIT, SO_TLS_ALERT_UNEXPECTED_MESSAGE);
}

// --- handshake messages ---------------------------------------------------------------------

static so_status on_key_update(so_tls *tls, const so_tls_io *io, const so_tls_message *message) {
  const so_tls_suite *suite = so_tls_suite_of(tls);
  const so_tls_role peer = tls->role == SO_TLS_CLIENT ? SO_TLS_SERVER : SO_TLS_CLIENT;
  uint8_t *secret = so_tls_traffic_secret(tls, peer);
  bool ask = false;
  SO_TRY(so_tls_key_update_parse(message->body, &ask));
  if (++tls->key_updates > SO_TLS_KEY_UPDATES_MAX) {
    return flood();
  }
  so_tls_update_secret(suite->hash, &io->config->cpu, secret);
  so_tls_record_keys_init(&tls->read, suite, &io->config->cpu, secret);
  tls->key_update_asked = false;
  // 4.6.3: the answer goes before our next data, one for however many requests.
  tls->key_update_due = tls->key_update_due || ask;
  return so_done();
}

static so_status take_message(so_tls *tls, const so_tls_io *io, so_bytes whole, bool record_ends) {
  const so_tls_message message = {whole.ptr[0], whole,
                                  so_bytes_from(whole, SO_TLS_MESSAGE_HEAD)};
  const so_tls_edge *edge = so_tls_edge_find(tls->state, message.type);
  if (edge == NULL || (edge->ends_record && !record_ends)) {
    return unexpected();
  }
  if (edge->step == SO_TLS_STEP_KEY_UPDATE) {
    return on_key_update(tls, io, &message);
  }
  return tls->side->step(tls, io, (so_tls_step)edge->step, &message);
}

// Reads the head of a message: AGAIN when it is not complete. A message that must not come now, or
// that nobody needs that long, is refused before it is collected.
static so_status message_len(const so_tls *tls, so_bytes in, size_t *len) {
  so_reader r = so_reader_of(in);
  uint8_t type = 0;
  uint32_t body_len = 0;
  if (so_read_u8(&r, &type) && so_tls_edge_find(tls->state, type) == NULL) {
    return unexpected();
  }
  if (!so_read_u24be(&r, &body_len)) {
    return so_status_make(SO_AGAIN, 0);
  }
  if (body_len > SO_TLS_MESSAGE_LEN_MAX - SO_TLS_MESSAGE_HEAD) {
    return so_status_make(SO_LIMIT, SO_TLS_ALERT_ILLEGAL_PARAMETER);
  }
  *len = SO_TLS_MESSAGE_HEAD + (size_t)body_len;
  return so_done();
}

// Moves up to `n` bytes from `content` behind those in the room.
static so_status collect(so_tls *tls, const so_tls_io *io, so_bytes *content, size_t n) {
  if (n > content->len) {
    n = content->len;
  }
  if (n > io->room_cap - tls->room_len) {
    return so_status_make(SO_LIMIT, SO_TLS_ALERT_ILLEGAL_PARAMETER);
  }
  if (n != 0) {
    memcpy(io->room + tls->room_len, content->ptr, n);
    tls->room_len += n;
    *content = so_bytes_from(*content, n);
  }
  return so_done();
}

// Completes the message that earlier records began.
static so_status continue_message(so_tls *tls, const so_tls_io *io, so_bytes *content) {
  size_t len = 0;
  SO_ASSERT(tls->room_len <= io->room_cap);
  if (tls->room_len < SO_TLS_MESSAGE_HEAD) {
    SO_TRY(collect(tls, io, content, SO_TLS_MESSAGE_HEAD - tls->room_len));
  }
  SO_TRY(message_len(tls, so_bytes_of(io->room, tls->room_len), &len));
  SO_TRY(collect(tls, io, content, len - tls->room_len));
  if (tls->room_len < len) {
    return so_status_make(SO_AGAIN, 0);
  }
  tls->room_len = 0;
  return take_message(tls, io, so_bytes_of(io->room, len), content->len == 0);
}

static so_status take_messages(so_tls *tls, const so_tls_io *io, so_bytes content) {
  while (content.len != 0) {
    size_t len = 0;
    if (tls->room_len != 0) {
      SO_TRY(continue_message(tls, io, &content));
      continue;
    }
    const so_status head = message_len(tls, content, &len);
    if (so_is(head, SO_AGAIN) || (so_ok(head) && len > content.len)) {
      return collect(tls, io, &content, content.len);
    }
    SO_TRY(head);
    const so_bytes whole = so_bytes_first(content, len);
    content = so_bytes_from(content, len);
    SO_TRY(take_message(tls, io, whole, content.len == 0));
  }
  return so_done();
}

static so_status on_handshake(so_tls *tls, const so_tls_io *io, so_bytes content,
                              so_tls_received *got) {
  const bool connected = so_tls_connected(tls);
  if (content.len == 0) {
    return unexpected();  // 5.1
  }
  const so_status taken = take_messages(tls, io, content);
  if (!so_ok(taken) && !so_is(taken, SO_AGAIN)) {
    return taken;
  }
  if (!connected && so_tls_connected(tls)) {
    got->event = SO_TLS_CONNECTED;
  } else if (tls->ticket_ready) {
    got->event = SO_TLS_TICKET;
  }
  tls->ticket_ready = false;
  return so_done();
}

// --- the other content types ----------------------------------------------------------------

static so_status on_alert(so_tls *tls, so_bytes content, so_tls_received *got) {
  so_reader r = so_reader_of(content);
  uint8_t level = 0;
  uint8_t alert = 0;
  if (!so_read_u8(&r, &level) || !so_read_u8(&r, &alert) || !so_reader_done(&r)) {
    return so_tls_fault(SO_TLS_ALERT_DECODE_ERROR);
  }
  if (alert == SO_TLS_ALERT_CLOSE_NOTIFY) {
    tls->read_closed = true;
    got->event = SO_TLS_CLOSED;
    // Before the end of the handshake it says that there will be none.
    return so_tls_connected(tls) ? so_done() : so_status_make(SO_DENIED, alert);
  }
  if (alert == SO_TLS_ALERT_USER_CANCELED) {
    return ++tls->warnings > SO_TLS_WARNINGS_MAX ? flood() : so_done();
  }
  // 6: the level means nothing any more; all others are errors.
  tls->alert_received = alert;
  return so_status_make(SO_DENIED, alert);
}

static so_status on_data(so_tls *tls, so_bytes content, so_tls_received *got) {
  if (!so_tls_connected(tls)) {
    return unexpected();
  }
  if (content.len == 0) {
    return ++tls->empty_records > SO_TLS_EMPTY_RECORDS_MAX ? flood() : so_done();
  }
  tls->empty_records = 0;
  tls->key_updates = 0;
  tls->tickets = 0;
  got->event = SO_TLS_DATA;
  got->data = content;
  return so_done();
}

static so_status on_content(so_tls *tls, const so_tls_io *io, uint8_t type, so_bytes content,
                            so_tls_received *got) {
  // 5.1: nothing comes between the pieces of a message.
  if (tls->room_len != 0 && type != SO_TLS_CONTENT_HANDSHAKE && type != SO_TLS_CONTENT_ALERT) {
    return unexpected();
  }
  switch (type) {
    case SO_TLS_CONTENT_HANDSHAKE:
      return on_handshake(tls, io, content, got);
    case SO_TLS_CONTENT_ALERT:
      return on_alert(tls, content, got);
    case SO_TLS_CONTENT_DATA:
      return on_data(tls, content, got);
    default:
      return unexpected();
  }
}

// 5: a change_cipher_spec of one byte 01 means nothing, and may come once the first hello was seen
// until the peer's Finished.
static so_status on_ccs(so_tls *tls, so_bytes content) {
  const bool early = tls->state == SO_TLS_SERVER_WAIT_HELLO;
  if (early || so_tls_connected(tls) || tls->room_len != 0 || content.len != 1 ||
      content.ptr[0] != 1) {
    return unexpected();
  }
  return ++tls->ccs_count > SO_TLS_CCS_MAX ? flood() : so_done();
}

// --- records --------------------------------------------------------------------------------

// 4.2.10: early data that we did not accept looks like records that cannot be decrypted, or that
// come where there are no keys yet.
static so_status skip_early_data(so_tls *tls, size_t record_len) {
  tls->early_data_skipped += (uint32_t)record_len;
  return tls->early_data_skipped > SO_TLS_EARLY_DATA_SKIP_MAX ? flood() : so_done();
}

static so_status take_plain(so_tls *tls, const so_tls_io *io, const so_tls_record_head *head,
                            so_bytes content, so_tls_received *got) {
  if (content.len > SO_TLS_PLAINTEXT_LEN_MAX) {
    return so_tls_fault(SO_TLS_ALERT_RECORD_OVERFLOW);
  }
  if (head->type == SO_TLS_CONTENT_CCS) {
    return on_ccs(tls, content);
  }
  if (head->type == SO_TLS_CONTENT_DATA && tls->skip_early_data) {
    return skip_early_data(tls, head->record_len);
  }
  return on_content(tls, io, head->type, content, got);
}

static so_status take_protected(so_tls *tls, const so_tls_io *io, const so_tls_record_head *head,
                                uint8_t *record, so_tls_received *got) {
  const so_bytes raw = so_bytes_from(so_bytes_of(record, head->record_len), SO_TLS_RECORD_HEAD);
  uint8_t type = 0;
  so_bytes content;
  if (head->type == SO_TLS_CONTENT_CCS) {
    return on_ccs(tls, raw);
  }
  // A peer that could not follow the key change says so without protection.
  if (head->type == SO_TLS_CONTENT_ALERT && !so_tls_connected(tls) && tls->read.sequence == 0) {
    return on_alert(tls, raw, got);
  }
  if (head->type != SO_TLS_CONTENT_DATA) {
    return unexpected();
  }
  const so_status opened =
      so_tls_record_open(&tls->read, record, head->record_len, tls->receive_limit, &type, &content);
  if (opened.detail == SO_TLS_ALERT_BAD_RECORD_MAC && tls->skip_early_data) {
    return skip_early_data(tls, head->record_len);
  }
  SO_TRY(opened);
  tls->skip_early_data = false;
  return on_content(tls, io, type, content, got);
}

// How much a step may have to say: flights during the handshake, an alert later.
static size_t out_need(const so_tls *tls) {
  return so_tls_connected(tls) ? SO_TLS_RECORD_OVERHEAD + 2 : SO_TLS_OUT_MIN;
}

so_status so_tls_receive(so_tls *tls, const so_tls_io *io, uint8_t *in, size_t in_len,
                         so_tls_received *got) {
  so_tls_record_head head;
  memset(got, 0, sizeof *got);
  SO_TRY(tls->failure);
  if (tls->state == SO_TLS_IDLE) {
    return so_status_make(SO_CONFLICT, 0);
  }
  if (tls->read_closed) {
    // 6.1: what comes after a close_notify is ignored.
    got->event = SO_TLS_CLOSED;
    got->consumed = in_len;
    return so_done();
  }
  if (io->out->failed || io->out->cap - io->out->len < out_need(tls)) {
    return so_status_make(SO_AGAIN, SO_TLS_AGAIN_OUT);
  }
  so_status status = so_tls_record_head_parse(so_bytes_of(in, in_len), &head);
  if (so_is(status, SO_AGAIN) || (so_ok(status) && in_len < head.record_len)) {
    got->need = so_ok(status) ? head.record_len : SO_TLS_RECORD_HEAD;
    return so_status_make(SO_AGAIN, SO_TLS_AGAIN_INPUT);
  }
  if (so_ok(status)) {
    got->event = SO_TLS_PROGRESS;
    got->consumed = head.record_len;
    const so_bytes raw = so_bytes_from(so_bytes_of(in, head.record_len), SO_TLS_RECORD_HEAD);
    status = tls->read.on ? take_protected(tls, io, &head, in, got)
                          : take_plain(tls, io, &head, raw, got);
  }
  return so_ok(status) ? so_done() : so_tls_fail(tls, io->out, status);
}
