#include "tls/ticket/ticket.h"

#include "base/mem.h"
#include "base/reader.h"
#include "crypto/aead/aead.h"
#include "crypto/ct/ct.h"
#include "tls/schedule/schedule.h"

#define FORMAT 1
#define PLAIN_LEN_MAX 128

void so_tls_ticket_keys_init(so_tls_ticket_keys *keys, const uint8_t fresh[SO_TLS_TICKET_FRESH_LEN],
                             int64_t now_ms) {
  so_wipe(keys, sizeof *keys);
  so_tls_ticket_keys_replace(keys, fresh, now_ms);
}

bool so_tls_ticket_keys_due(const so_tls_ticket_keys *keys, int64_t now_ms) {
  const int64_t lifetime_ms = (int64_t)SO_TLS_TICKET_KEY_LIFETIME_S * 1000;
  // A clock that was set back must not keep a key alive for ever.
  return !keys->newest.on || now_ms < keys->newest.made_ms ||
         now_ms - keys->newest.made_ms >= lifetime_ms;
}

void so_tls_ticket_keys_replace(so_tls_ticket_keys *keys,
                                const uint8_t fresh[SO_TLS_TICKET_FRESH_LEN], int64_t now_ms) {
  keys->previous = keys->newest;
  memcpy(keys->newest.name, fresh, sizeof keys->newest.name);
  memcpy(keys->newest.key, fresh + sizeof keys->newest.name, sizeof keys->newest.key);
  keys->newest.made_ms = now_ms;
  keys->newest.on = true;
}

static void write_ticket(const so_tls_ticket *ticket, so_writer *out) {
  so_write_u8(out, FORMAT);
  so_write_u16be(out, ticket->suite);
  so_write_u64be(out, (uint64_t)ticket->issued_ms);
  so_write_u32be(out, ticket->age_add);
  const size_t mark = so_open8(out);
  so_write_bytes(out, so_bytes_of(ticket->psk, ticket->psk_len));
  so_close8(out, mark);
}

static so_status parse_ticket(so_bytes plain, so_tls_ticket *out) {
  so_reader r = so_reader_of(plain);
  so_reader psk;
  uint8_t format = 0;
  uint64_t issued_ms = 0;
  memset(out, 0, sizeof *out);
  if (!so_read_u8(&r, &format) || format != FORMAT || !so_read_u16be(&r, &out->suite) ||
      !so_read_u64be(&r, &issued_ms) || !so_read_u32be(&r, &out->age_add) ||
      !so_read_sub8(&r, &psk) || !so_reader_done(&r)) {
    return so_status_make(SO_MALFORMED, 0);
  }
  const so_tls_suite *suite = so_tls_suite_find(out->suite);
  out->issued_ms = (int64_t)issued_ms;
  out->psk_len = (uint8_t)psk.len;
  if (suite == NULL || psk.len != so_hash_len(suite->hash) ||
      !so_read_copy(&psk, out->psk, psk.len)) {
    return so_status_make(SO_MALFORMED, 0);
  }
  return so_done();
}

so_status so_tls_ticket_seal(const so_tls_ticket_keys *keys, const so_cpu *cpu,
                             const so_tls_ticket *ticket, const uint8_t nonce[12],
                             so_writer *out) {
  uint8_t plain[PLAIN_LEN_MAX];
  uint8_t tag[SO_AEAD_TAG_LEN];
  so_bytes body;
  so_aead aead;
  if (!keys->newest.on) {
    return so_status_make(SO_NOT_FOUND, 0);
  }
  const so_bytes name = so_bytes_of(keys->newest.name, sizeof keys->newest.name);
  so_writer w = so_writer_of(plain, sizeof plain);
  write_ticket(ticket, &w);
  SO_TRY(so_writer_end(&w, &body));
  so_aead_init(&aead, SO_CHACHA20_POLY1305, cpu, keys->newest.key);
  so_aead_seal(&aead, nonce, name, plain, body.len, tag);
  so_wipe(&aead, sizeof aead);
  so_write_bytes(out, name);
  so_write_bytes(out, so_bytes_of(nonce, 12));
  so_write_bytes(out, body);
  so_write_bytes(out, so_bytes_of(tag, sizeof tag));
  return so_done();
}

// CT: names of keys are public, they travel in every ticket.
static const so_tls_ticket_key *find_key(const so_tls_ticket_keys *keys, so_bytes name) {
  if (keys->newest.on && memcmp(keys->newest.name, name.ptr, name.len) == 0) {
    return &keys->newest;
  }
  if (keys->previous.on && memcmp(keys->previous.name, name.ptr, name.len) == 0) {
    return &keys->previous;
  }
  return NULL;
}

so_status so_tls_ticket_open(const so_tls_ticket_keys *keys, const so_cpu *cpu, so_bytes sealed,
                             so_tls_ticket *out) {
  uint8_t plain[PLAIN_LEN_MAX];
  so_reader r = so_reader_of(sealed);
  so_bytes name;
  so_bytes nonce;
  so_bytes body;
  so_bytes tag;
  so_aead aead;
  if (!so_read_bytes(&r, 16, &name) || !so_read_bytes(&r, 12, &nonce) ||
      r.len < SO_AEAD_TAG_LEN || r.len - SO_AEAD_TAG_LEN > sizeof plain ||
      !so_read_bytes(&r, r.len - SO_AEAD_TAG_LEN, &body) ||
      !so_read_bytes(&r, SO_AEAD_TAG_LEN, &tag) || !so_reader_done(&r)) {
    return so_status_make(SO_NOT_FOUND, 0);
  }
  const so_tls_ticket_key *key = find_key(keys, name);
  if (key == NULL) {
    return so_status_make(SO_NOT_FOUND, 0);
  }
  memcpy(plain, body.ptr, body.len);
  so_aead_init(&aead, SO_CHACHA20_POLY1305, cpu, key->key);
  so_status status = so_aead_open(&aead, nonce.ptr, name, plain, body.len, tag.ptr);
  so_wipe(&aead, sizeof aead);
  if (so_ok(status)) {
    status = parse_ticket(so_bytes_of(plain, body.len), out);
  }
  so_wipe(plain, sizeof plain);
  return status;
}

bool so_tls_ticket_fresh(const so_tls_ticket *ticket, uint32_t obfuscated_age, int64_t now_ms) {
  const int64_t age_ms = now_ms - ticket->issued_ms;
  const int64_t claimed_ms = (int64_t)(uint32_t)(obfuscated_age - ticket->age_add);
  if (age_ms < 0 || age_ms > (int64_t)SO_TLS_TICKET_LIFETIME_S * 1000) {
    return false;
  }
  const int64_t skew_ms = age_ms > claimed_ms ? age_ms - claimed_ms : claimed_ms - age_ms;
  return skew_ms <= SO_TLS_TICKET_SKEW_MS;
}

bool so_tls_session_usable(const so_tls_session *session, int64_t now_ms) {
  return session->ticket_len != 0 && so_tls_suite_find(session->suite) != NULL &&
         now_ms >= session->received_ms && now_ms / 1000 <= session->not_after_s &&
         now_ms - session->received_ms < (int64_t)session->lifetime_s * 1000;
}

void so_tls_session_write(const so_tls_session *session, so_writer *out) {
  so_write_u8(out, FORMAT);
  so_write_u16be(out, session->suite);
  so_write_u64be(out, (uint64_t)session->not_after_s);
  so_write_u64be(out, (uint64_t)session->received_ms);
  so_write_u32be(out, session->lifetime_s);
  so_write_u32be(out, session->age_add);
  so_write_bytes(out, so_bytes_of(session->binding, sizeof session->binding));
  size_t mark = so_open8(out);
  so_write_bytes(out, so_bytes_of(session->psk, session->psk_len));
  so_close8(out, mark);
  mark = so_open16(out);
  so_write_bytes(out, so_bytes_of(session->ticket, session->ticket_len));
  so_close16(out, mark);
}

so_status so_tls_session_parse(so_bytes in, so_tls_session *out) {
  so_reader r = so_reader_of(in);
  so_reader psk;
  so_reader ticket;
  uint8_t format = 0;
  uint64_t not_after_s = 0;
  uint64_t received_ms = 0;
  memset(out, 0, sizeof *out);
  if (!so_read_u8(&r, &format) || format != FORMAT || !so_read_u16be(&r, &out->suite) ||
      !so_read_u64be(&r, &not_after_s) || !so_read_u64be(&r, &received_ms) ||
      !so_read_u32be(&r, &out->lifetime_s) ||
      !so_read_u32be(&r, &out->age_add) || !so_read_copy(&r, out->binding, 32) ||
      !so_read_sub8(&r, &psk) || !so_read_sub16(&r, &ticket) || !so_reader_done(&r)) {
    return so_status_make(SO_MALFORMED, 0);
  }
  const so_tls_suite *suite = so_tls_suite_find(out->suite);
  if (suite == NULL || psk.len != so_hash_len(suite->hash) || ticket.len == 0 ||
      ticket.len > sizeof out->ticket || received_ms > INT64_MAX ||
      not_after_s > INT64_MAX ||
      out->lifetime_s > SO_TLS_LIFETIME_S_MAX) {
    return so_status_make(SO_MALFORMED, 0);
  }
  out->not_after_s = (int64_t)not_after_s;
  out->received_ms = (int64_t)received_ms;
  out->psk_len = (uint8_t)psk.len;
  out->ticket_len = (uint16_t)ticket.len;
  return so_read_copy(&psk, out->psk, psk.len) && so_read_copy(&ticket, out->ticket, ticket.len)
             ? so_done()
             : so_status_make(SO_MALFORMED, 0);
}
