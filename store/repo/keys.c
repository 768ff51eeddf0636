#include "base/assert.h"
#include "base/reader.h"
#include "base/writer.h"
#include "store/repo/internal.h"

static void end_key(so_meta_key *key, const so_writer *w) {
  SO_ASSERT(!w->failed);  // Names are checked before they become keys.
  key->len = w->len;
}

void so_meta_key_plain(so_meta_key *key, char letter, so_bytes name) {
  so_writer w = so_writer_of(key->bytes, sizeof key->bytes);
  so_write_u8(&w, (uint8_t)letter);
  so_write_bytes(&w, name);
  end_key(key, &w);
}

void so_meta_key_numbered(so_meta_key *key, char letter, uint32_t number, so_bytes name) {
  so_writer w = so_writer_of(key->bytes, sizeof key->bytes);
  so_write_u8(&w, (uint8_t)letter);
  so_write_u32be(&w, number);
  so_write_bytes(&w, name);
  end_key(key, &w);
}

void so_meta_key_log(so_meta_key *key, uint32_t number, uint64_t seq) {
  so_writer w = so_writer_of(key->bytes, sizeof key->bytes);
  so_write_u8(&w, SO_KEY_LOG);
  so_write_u32be(&w, number);
  so_write_u64be(&w, seq);
  end_key(key, &w);
}

void so_meta_key_log_part(so_meta_key *key, uint32_t number, uint64_t seq, uint16_t part) {
  so_meta_key_log(key, number, seq);
  so_writer w = so_writer_of(key->bytes + key->len, sizeof key->bytes - key->len);
  so_write_u16be(&w, part);
  key->len += w.len;
}

// Complements make the newest come first; the sign bit is turned so that times before 1970 are
// earlier than those after.
void so_meta_key_history(so_meta_key *key, uint32_t number, so_bytes ref, int64_t time_ms,
                         uint64_t seq) {
  so_writer w = so_writer_of(key->bytes, sizeof key->bytes);
  so_write_u8(&w, SO_KEY_HISTORY);
  so_write_u32be(&w, number);
  so_write_bytes(&w, ref);
  so_write_u8(&w, 0);
  so_write_u64be(&w, ~((uint64_t)time_ms ^ ((uint64_t)1 << 63)));
  so_write_u64be(&w, ~seq);
  end_key(key, &w);
}

void so_meta_key_token(so_meta_key *key, uint64_t id) {
  so_writer w = so_writer_of(key->bytes, sizeof key->bytes);
  so_write_u8(&w, SO_KEY_TOKEN);
  so_write_u64be(&w, id);
  end_key(key, &w);
}

void so_turn_take(const so_turn *turn) {
  if (turn->take != NULL) {
    turn->take(turn->ctx);
  }
}

void so_turn_give(const so_turn *turn) {
  if (turn->take != NULL) {
    turn->give(turn->ctx);
  }
}

so_status so_repos_apply(const so_repos *repos, const so_meta_op *ops, size_t count) {
  so_turn_take(&repos->write);
  const so_status s = so_db_meta_apply(repos->db, ops, count, NULL, NULL);
  so_turn_give(&repos->write);
  return s;
}

so_meta_op so_meta_put_op(so_bytes key, so_bytes value) {
  const so_meta_op op = {.key = key, .value = value};
  return op;
}

so_meta_op so_meta_delete_op(so_bytes key) {
  const so_meta_op op = {.key = key, .is_delete = true};
  return op;
}

so_meta_op so_meta_absent_op(so_bytes key) {
  const so_meta_op op = {.key = key, .is_check = true, .expects_absence = true};
  return op;
}
