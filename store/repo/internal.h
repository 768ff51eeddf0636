#ifndef SO_STORE_REPO_INTERNAL_H_
#define SO_STORE_REPO_INTERNAL_H_

// Keys of the database's meta map. docs/formats.md, "Repository records", has them and their
// values.

#include "base/writer.h"
#include "store/repo/repo.h"

#define SO_KEY_REPO 'R'      // name -> repository
#define SO_KEY_NUMBER 'N'    // -> the number of the next repository
#define SO_KEY_DELETED 'D'   // number -> (nothing): a repository to sweep
#define SO_KEY_REF 'r'       // number, ref name -> ref
#define SO_KEY_LOG 'l'       // number, sequence, part -> piece of a record
#define SO_KEY_HISTORY 'h'   // number, ref name, 0, ~time, ~sequence -> oid
#define SO_KEY_LOG_HEAD 's'  // number -> last sequence, last time
#define SO_KEY_TOKEN 't'     // id -> token

#define SO_META_KEY_MAX 320
#define SO_REPO_ARENA_MAX (8u << 20)

typedef struct so_meta_key {
  uint8_t bytes[SO_META_KEY_MAX];
  size_t len;
} so_meta_key;

// so_key_of begins a key: its letter, the repository's number, a name.
static inline so_bytes so_meta_key_view(const so_meta_key *key) {
  return so_bytes_of(key->bytes, key->len);
}
void so_meta_key_plain(so_meta_key *key, char letter, so_bytes name);
void so_meta_key_numbered(so_meta_key *key, char letter, uint32_t number, so_bytes name);
void so_meta_key_log(so_meta_key *key, uint32_t number, uint64_t seq);
void so_meta_key_log_part(so_meta_key *key, uint32_t number, uint64_t seq, uint16_t part);
void so_meta_key_history(so_meta_key *key, uint32_t number, so_bytes ref, int64_t time_ms,
                         uint64_t seq);
void so_meta_key_token(so_meta_key *key, uint64_t id);

void so_turn_take(const so_turn *turn);
void so_turn_give(const so_turn *turn);

// so_repos_apply makes a change of the meta map in its turn.
SO_MUST_USE so_status so_repos_apply(const so_repos *repos, const so_meta_op *ops, size_t count);

// so_meta_put_op, so_meta_delete_op: shorthands.
so_meta_op so_meta_put_op(so_bytes key, so_bytes value);
so_meta_op so_meta_delete_op(so_bytes key);
so_meta_op so_meta_absent_op(so_bytes key);

// so_repo_settle_salt is called, in the write turn, by a change of refs. CONFLICT: `repo` was opened, or
// proposes a salt, and the repository's was settled otherwise meanwhile. With `is_first` and a proposal,
// `*out_changes` and the record to put (in `arena`) under `*out_key`.
SO_MUST_USE so_status so_repo_settle_salt(const so_repo *repo, bool is_first, so_arena *arena,
                                          bool *out_changes, so_meta_key *out_key,
                                          so_bytes *out_record);

// so_ref_decode reads the value of a ref.
SO_MUST_USE so_status so_ref_decode(so_bytes value, so_ref *out);

// so_branch_name writes "refs/heads/" and a short name. MALFORMED: not a branch name.
typedef struct so_full_name {
  uint8_t bytes[SO_REF_NAME_LEN_MAX];
  size_t len;
} so_full_name;
SO_MUST_USE so_status so_full_name_of(so_full_name *out, const char *prefix, so_bytes name);

typedef struct so_commit_head {
  so_oid oid;
  so_oid root;
  uint64_t generation;
} so_commit_head;

// so_commit_head_read reads the head of a commit. NOT_FOUND, CORRUPT.
SO_MUST_USE so_status so_commit_head_read(const so_objects *objects, const so_oid *oid,
                                          so_commit_head *out);

// so_commit_parent finds parent `number` (from 1) of a commit. NOT_FOUND: it has not so many.
SO_MUST_USE so_status so_commit_parent(const so_objects *objects, const so_oid *oid,
                                       uint32_t number, so_oid *out);

#endif  // SO_STORE_REPO_INTERNAL_H_
