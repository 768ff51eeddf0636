#include "tls/record/record.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/reader.h"
#include "base/writer.h"
#include "tls/wire/wire.h"

so_status so_tls_record_head_parse(so_bytes in, so_tls_record_head *out) {
  so_reader r = so_reader_of(in);
  uint8_t type = 0;
  uint16_t version = 0;
  uint16_t len = 0;
  // The first byte alone tells that this is not TLS; do not wait for more then.
  if (!so_read_u8(&r, &type)) {
    return so_status_make(SO_AGAIN, 0);
  }
  if (type < SO_TLS_CONTENT_CCS || type > SO_TLS_CONTENT_DATA) {
    return so_tls_fault(SO_TLS_ALERT_UNEXPECTED_MESSAGE);
  }
  if (!so_read_u16be(&r, &version) || !so_read_u16be(&r, &len)) {
    return so_status_make(SO_AGAIN, 0);
  }
  // 5.1: the version is to be ignored; only what cannot be TLS is refused.
  if (version >> 8 != 3) {
    return so_tls_fault(SO_TLS_ALERT_PROTOCOL_VERSION);
  }
  if (len > SO_TLS_RECORD_LEN_MAX - SO_TLS_RECORD_HEAD) {
    return so_tls_fault(SO_TLS_ALERT_RECORD_OVERFLOW);
  }
  out->type = type;
  out->record_len = SO_TLS_RECORD_HEAD + (size_t)len;
  return so_done();
}

static void write_head(uint8_t type, uint8_t *record, size_t len) {
  so_writer w = so_writer_of(record, SO_TLS_RECORD_HEAD);
  so_write_u8(&w, type);
  so_write_u16be(&w, SO_TLS_VERSION_1_2);
  so_write_u16be(&w, (uint16_t)len);
}

void so_tls_record_plain(uint8_t type, uint8_t *record, size_t len) {
  SO_ASSERT(len <= SO_TLS_PLAINTEXT_LEN_MAX);
  write_head(type, record, len);
}

// 5.3: the counter, big-endian and padded on the left, XORed into the IV.
static void next_nonce(so_tls_record_keys *keys, uint8_t nonce[SO_AEAD_NONCE_LEN]) {
  for (size_t i = 0; i < SO_AEAD_NONCE_LEN; i++) {
    const size_t place = SO_AEAD_NONCE_LEN - 1 - i;
    const uint8_t count = i < 8 ? (uint8_t)(keys->sequence >> (8 * i)) : 0;
    nonce[place] = keys->iv[place] ^ count;
  }
}

void so_tls_record_seal(so_tls_record_keys *keys, uint8_t type, uint8_t *record, size_t len) {
  uint8_t nonce[SO_AEAD_NONCE_LEN];
  SO_ASSERT(keys->on && len <= SO_TLS_PLAINTEXT_LEN_MAX && keys->sequence != UINT64_MAX);
  uint8_t *content = record + SO_TLS_RECORD_HEAD;
  content[len] = type;
  write_head(SO_TLS_CONTENT_DATA, record, len + 1 + SO_AEAD_TAG_LEN);
  next_nonce(keys, nonce);
  keys->sequence++;
  so_aead_seal(&keys->aead, nonce, so_bytes_of(record, SO_TLS_RECORD_HEAD), content, len + 1,
               content + len + 1);
}

// 5.4: the last byte that is not zero is the type. CT: padding is read after authentication, and
// its length is visible to whoever sees what we do with the content anyway.
static so_status strip_padding(const uint8_t *inner, size_t len, uint8_t *type, so_bytes *content) {
  while (len > 0 && inner[len - 1] == 0) {
    len--;
  }
  if (len == 0) {
    return so_tls_fault(SO_TLS_ALERT_UNEXPECTED_MESSAGE);
  }
  *type = inner[len - 1];
  *content = so_bytes_of(inner, len - 1);
  return so_done();
}

so_status so_tls_record_open(so_tls_record_keys *keys, uint8_t *record, size_t record_len,
                             size_t limit, uint8_t *type, so_bytes *content) {
  uint8_t nonce[SO_AEAD_NONCE_LEN];
  SO_ASSERT(keys->on && record_len >= SO_TLS_RECORD_HEAD);
  size_t len = record_len - SO_TLS_RECORD_HEAD;
  if (len < 1 + SO_AEAD_TAG_LEN || keys->sequence == UINT64_MAX) {
    return so_tls_fault(SO_TLS_ALERT_BAD_RECORD_MAC);
  }
  len -= SO_AEAD_TAG_LEN;
  uint8_t *inner = record + SO_TLS_RECORD_HEAD;
  next_nonce(keys, nonce);
  const so_status opened = so_aead_open(&keys->aead, nonce, so_bytes_of(record, SO_TLS_RECORD_HEAD),
                                        inner, len, inner + len);
  if (!so_ok(opened)) {
    return so_tls_fault(SO_TLS_ALERT_BAD_RECORD_MAC);
  }
  keys->sequence++;
  if (len > limit + 1) {  // 5.4: content, type and padding together.
    return so_tls_fault(SO_TLS_ALERT_RECORD_OVERFLOW);
  }
  return strip_padding(inner, len, type, content);
}
