// Access tokens: "sot_", 16 hex digits of id, "_", 64 hex digits of secret. The database keeps a
// BLAKE2b-256 of the secret, which has 256 random bits: no slow hash is needed.

#include "base/hex.h"
#include "base/mem.h"
#include "base/reader.h"
#include "base/utf8.h"
#include "crypto/blake2b/blake2b.h"
#include "crypto/ct/ct.h"
#include "store/repo/internal.h"

#define ID_LEN 8
#define SECRET_LEN 32
#define TOKEN_LEN_MAX 4096
#define ALL_RIGHTS (SO_RIGHT_READ | SO_RIGHT_WRITE | SO_RIGHT_ADMIN)

static so_status malformed(void) { return so_status_make(SO_MALFORMED, 0); }
static so_status denied(void) { return so_status_make(SO_DENIED, 0); }

static void hash_secret(const uint8_t secret[SECRET_LEN], uint8_t out[SO_BLAKE2B_256_LEN]) {
  const so_bytes parts[2] = {so_str("safeos token"), so_bytes_of(secret, SECRET_LEN)};
  so_blake2b_256(parts, 2, out);
}

static uint64_t id_of(const uint8_t bytes[ID_LEN]) {
  uint64_t id = 0;
  for (int i = 0; i < ID_LEN; i++) {
    id = id << 8 | bytes[i];
  }
  return id;
}

// A pattern is a name in which '*' stands for any run.
static bool is_pattern(so_bytes pattern) {
  if (pattern.len == 0 || pattern.len > SO_REPO_NAME_LEN_MAX) {
    return false;
  }
  for (size_t i = 0; i < pattern.len; i++) {
    const uint8_t c = pattern.ptr[i];
    const bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (!alnum && c != '.' && c != '_' && c != '-' && c != '*') {
      return false;
    }
  }
  return true;
}

static so_status check_token(const so_token *token) {
  if (token->scope_count == 0 || token->scope_count > SO_TOKEN_SCOPES_MAX ||
      token->note.len > SO_TOKEN_NOTE_LEN_MAX || !so_utf8_valid(token->note)) {
    return malformed();
  }
  for (size_t i = 0; i < token->scope_count; i++) {
    const so_scope *s = &token->scopes[i];
    if (!is_pattern(s->pattern) || s->rights == 0 || (s->rights & ~ALL_RIGHTS) != 0) {
      return malformed();
    }
  }
  return so_done();
}

static void encode(const so_token *token, const uint8_t hash[SO_BLAKE2B_256_LEN], so_writer *w) {
  so_write_bytes(w, so_bytes_of(hash, SO_BLAKE2B_256_LEN));
  so_write_u64be(w, (uint64_t)token->created_ms);
  so_write_u64be(w, (uint64_t)token->expires_ms);
  so_write_varbytes(w, token->note);
  so_write_varint(w, token->scope_count);
  for (size_t i = 0; i < token->scope_count; i++) {
    so_write_varbytes(w, token->scopes[i].pattern);
    so_write_u8(w, token->scopes[i].rights);
  }
}

static so_status decode(so_bytes value, uint64_t id, so_token *out,
                        uint8_t hash[SO_BLAKE2B_256_LEN]) {
  so_reader r = so_reader_of(value);
  uint64_t created = 0;
  uint64_t expires = 0;
  uint64_t scopes = 0;
  memset(out, 0, sizeof *out);
  if (!so_read_copy(&r, hash, SO_BLAKE2B_256_LEN) || !so_read_u64be(&r, &created) ||
      !so_read_u64be(&r, &expires) || !so_read_varbytes(&r, &out->note) ||
      !so_read_varint(&r, &scopes) || scopes > SO_TOKEN_SCOPES_MAX) {
    return so_status_make(SO_CORRUPT, 0);
  }
  for (size_t i = 0; i < scopes; i++) {
    if (!so_read_varbytes(&r, &out->scopes[i].pattern) || !so_read_u8(&r, &out->scopes[i].rights)) {
      return so_status_make(SO_CORRUPT, 0);
    }
  }
  out->id = id;
  out->created_ms = (int64_t)created;
  out->expires_ms = (int64_t)expires;
  out->scope_count = (size_t)scopes;
  return so_reader_done(&r) ? so_done() : so_status_make(SO_CORRUPT, 0);
}

so_status so_token_create(const so_repos *repos, const uint8_t entropy[SO_TOKEN_ENTROPY_LEN],
                          so_token *token, uint8_t out_text[SO_TOKEN_TEXT_LEN]) {
  SO_TRY(check_token(token));
  token->id = id_of(entropy);
  uint8_t hash[SO_BLAKE2B_256_LEN];
  hash_secret(entropy + ID_LEN, hash);
  uint8_t record[TOKEN_LEN_MAX];
  so_writer w = so_writer_of(record, sizeof record);
  encode(token, hash, &w);
  so_bytes value = {0};
  SO_TRY(so_writer_end(&w, &value));
  so_meta_key key;
  so_meta_key_token(&key, token->id);
  so_meta_op op = so_meta_put_op(so_meta_key_view(&key), value);
  op.expects_absence = true;
  SO_TRY(so_repos_apply(repos, &op, 1));
  so_writer text = so_writer_of(out_text, SO_TOKEN_TEXT_LEN);
  so_write_str(&text, "sot_");
  so_hex_write(&text, so_bytes_of(entropy, ID_LEN));
  so_write_u8(&text, '_');
  so_hex_write(&text, so_bytes_of(entropy + ID_LEN, SECRET_LEN));
  return so_writer_end(&text, &value);
}

static bool parse(so_bytes text, uint64_t *id, uint8_t secret[SECRET_LEN]) {
  uint8_t id_bytes[ID_LEN];
  if (text.len != SO_TOKEN_TEXT_LEN || !so_bytes_has_prefix(text, so_str("sot_")) ||
      text.ptr[4 + 2 * ID_LEN] != '_' ||
      !so_ok(so_hex_read(so_bytes_first(so_bytes_from(text, 4), (size_t)2 * ID_LEN), id_bytes,
                         ID_LEN)) ||
      !so_ok(so_hex_read(so_bytes_from(text, 5 + 2 * ID_LEN), secret, SECRET_LEN))) {
    return false;
  }
  *id = id_of(id_bytes);
  return true;
}

so_status so_token_verify(const so_repos *repos, so_bytes text, int64_t now_ms, so_arena *arena,
                          so_token *out) {
  uint64_t id = 0;
  uint8_t secret[SECRET_LEN];
  if (!parse(text, &id, secret)) {
    return denied();
  }
  uint8_t hash[SO_BLAKE2B_256_LEN];
  hash_secret(secret, hash);
  so_wipe(secret, sizeof secret);
  so_meta_key key;
  so_meta_key_token(&key, id);
  so_bytes value = {0};
  const so_status s = so_db_meta_get(repos->db, so_meta_key_view(&key), arena, &value);
  if (so_is(s, SO_NOT_FOUND)) {
    return denied();
  }
  SO_TRY(s);
  uint8_t wanted[SO_BLAKE2B_256_LEN];
  SO_TRY(decode(value, id, out, wanted));
  // CT: whether an id exists may show; how much of a secret is right may not.
  if (!so_ct_equal(hash, wanted, sizeof hash)) {
    return denied();
  }
  return out->expires_ms != 0 && now_ms >= out->expires_ms ? denied() : so_done();
}

bool so_token_may(const so_token *token, so_bytes repo_name, so_right right) {
  for (size_t i = 0; i < token->scope_count; i++) {
    const so_scope *s = &token->scopes[i];
    // Every right includes those with lower bits.
    const bool enough = s->rights >= (uint8_t)right;
    const bool matches = repo_name.len == 0 ? so_bytes_equal(s->pattern, so_str("*"))
                                            : so_glob_match(s->pattern, repo_name);
    if (enough && matches) {
      return true;
    }
  }
  return false;
}

so_status so_token_revoke(const so_repos *repos, uint64_t id) {
  so_meta_key key;
  so_meta_key_token(&key, id);
  so_arena arena;
  so_arena_init(&arena, repos->heap, SO_REPO_ARENA_MAX);
  so_bytes value;
  so_status s = so_db_meta_get(repos->db, so_meta_key_view(&key), &arena, &value);
  if (so_ok(s)) {
    const so_meta_op op = so_meta_delete_op(so_meta_key_view(&key));
    s = so_repos_apply(repos, &op, 1);
  }
  so_arena_release(&arena);
  return s;
}

so_status so_token_list(const so_repos *repos, uint64_t after, size_t limit,
                        so_status (*visit)(void *ctx, const so_token *token), void *ctx) {
  const uint8_t letter = SO_KEY_TOKEN;
  so_meta_key from;
  so_meta_key_token(&from, after);
  so_meta_scan *scan;
  SO_TRY(so_db_meta_scan(repos->db, so_bytes_of(&letter, 1),
                         after == 0 ? so_bytes_of(NULL, 0) : so_meta_key_view(&from), &scan));
  so_status s = so_done();
  for (size_t i = 0; i < limit && so_ok(s); i++) {
    so_bytes key;
    so_bytes value;
    s = so_db_meta_next(scan, &key, &value);
    if (so_is(s, SO_NOT_FOUND)) {
      s = so_done();
      break;
    }
    so_token token;
    uint8_t hash[SO_BLAKE2B_256_LEN];
    if (so_ok(s)) {
      s = key.len == 1 + ID_LEN ? decode(value, id_of(key.ptr + 1), &token, hash)
                                : so_status_make(SO_CORRUPT, 0);
    }
    if (so_ok(s)) {
      s = visit(ctx, &token);
    }
  }
  so_db_meta_scan_close(scan);
  return s;
}
