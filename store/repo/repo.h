#ifndef SO_STORE_REPO_REPO_H_
#define SO_STORE_REPO_REPO_H_

// Repositories, refs, the ref log, transactions, merges of branches and access tokens, on the
// ordered map of a database.
//
// Invariants:
//   - A ref names an object that is in the object set: a commit for refs/heads/*, a commit or an
//     annotated tag for refs/tags/*.
//   - Refs change only through so_repo_update_refs, which appends exactly one record to the ref log
//     in the same atomic step. Sequence numbers of a repository start at 1 and have no gaps.
//   - Times in a ref log never go backwards: a record gets the later of the caller's time and the
//     time of the record before.
//   - No map of a commit made here has a path that is both a file and a directory.
//
// Durability: calls change the database and return; the caller flushes it (so_db_flush, shared by
// whoever waits) before telling anyone that something was done.
//
// Concurrency: readers need nothing. Two turns keep changes apart, both given by the caller:
//   - `write` is held around every single write to the database (which allows one writer at a
//   time),
//     a put or an atomic change of the meta map: short. So_repo.objects takes it by itself.
//   - `change` is held around a whole transaction or merge, from reading the head to moving it, so
//     that big ones are not starved by small ones. A merge first tries without it. Changes of refs
//     compare and swap and do not need it.
//
// No clock and no randomness: times, salts and secrets are arguments.

#include "base/heap.h"
#include "store/disk/db.h"
#include "store/history/history.h"
#include "store/merge/merge.h"
#include "store/object/commit.h"
#include "store/object/object.h"
#include "store/sync/sync.h"
#include "store/tree/tree.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_REPO_NAME_LEN_MAX 100
#define SO_REF_NAME_LEN_MAX 255
// Of one update, whose names together must also fit one change of the meta map (LIMIT otherwise).
#define SO_REF_CHANGES_MAX 1000
// What fits in one record of the ref log.
#define SO_REF_WHO_LEN_MAX 256
#define SO_REF_WHY_LEN_MAX 512
#define SO_PATH_LEN_MAX SO_KEY_LEN_MAX
#define SO_OPS_MAX 1000000
#define SO_DEFAULT_BRANCH "main"

// Whose turn it is. `take` waits for it; a NULL `take` is for programs that have only one fiber.
// Not recursive: nothing here is called while the caller holds either turn.
typedef struct so_turn {
  void (*take)(void *ctx);
  void (*give)(void *ctx);
  void *ctx;
} so_turn;

// All repositories of a database. Borrowed by everything below; must outlive it.
typedef struct so_repos {
  so_db *db;
  const so_heap *heap;
  so_turn write;   // Every so_db_put, so_db_meta_apply and so_db_checkpoint of the program.
  so_turn change;  // Every so_repo_commit and so_repo_merge.
} so_repos;

// An open repository. `objects` points into it: once opened it must not be copied or moved.
// There is nothing to close.
typedef struct so_repo {
  const so_repos *repos;
  uint32_t number;  // Never used again after a delete.
  uint8_t salt[SO_SALT_LEN];
  int64_t created_ms;
  uint8_t name[SO_REPO_NAME_LEN_MAX];
  uint8_t name_len;
  uint8_t default_branch[SO_REF_NAME_LEN_MAX];
  uint8_t default_branch_len;
  so_objects stored;   // Of the database.
  so_objects objects;  // The same, each put in its turn. Use this one.
  so_objects_ops turn_ops;
} so_repo;

// so_repo_name and so_repo_default_branch view the fields of `repo`.
so_bytes so_repo_name(const so_repo *repo);
so_bytes so_repo_default_branch(const so_repo *repo);  // Short: "main".

// so_repo_tree returns how the maps of this repository are kept. It points into `repo`.
so_tree so_repo_tree(const so_repo *repo);

// so_repo_pack_store returns what store/sync sends from and receives into. It points into `repo`.
so_pack_store so_repo_pack_store(const so_repo *repo);

// --- names and paths ------------------------------------------------------------------------

// so_repo_name_check: 1..100 of A-Z a-z 0-9 . _ -, beginning with a letter or digit, not ending in
// a dot. MALFORMED.
SO_MUST_USE so_status so_repo_name_check(so_bytes name);

// so_ref_name_check takes a full name below refs/heads/, refs/tags/ or refs/remotes/ (what a clone
// last saw of its remotes). Not allowed: empty segments,
// segments that begin with '.' or end in ".lock", "..", "@{", the last byte '.' , control
// characters, space, ~ ^ : ? * [ \ , a segment that begins with '-', and what is not UTF-8.
// MALFORMED.
SO_MUST_USE so_status so_ref_name_check(so_bytes name);

// so_path_check: 1..4096 bytes of UTF-8 without NUL, in which no segment between '/' is empty, "."
// or ".." (so it neither begins nor ends with '/'). MALFORMED.
SO_MUST_USE so_status so_path_check(so_bytes path);

// so_repo_check_paths looks at the paths that commit `to` has and commit `from` (none: nothing) has
// not: for commits that came in a pack. MALFORMED: a path that so_path_check refuses, CONFLICT: one
// that is also a directory; `*out_path` (in `arena`) says which. O(differences).
SO_MUST_USE so_status so_repo_check_paths(const so_repo *repo, const so_oid *from, const so_oid *to,
                                          so_arena *arena, so_bytes *out_path);

// --- repositories ---------------------------------------------------------------------------

// so_repo_create makes an empty repository. `salt` is 16 random bytes, or the salt of the
// repository that this one is a clone of: equal content then has equal names. CONFLICT: the name is
// taken.
SO_MUST_USE so_status so_repo_create(const so_repos *repos, so_bytes name,
                                     const uint8_t salt[SO_SALT_LEN], so_bytes default_branch,
                                     int64_t now_ms, so_repo *out);

// so_repo_open finds a repository by name. NOT_FOUND.
SO_MUST_USE so_status so_repo_open(const so_repos *repos, so_bytes name, so_repo *out);

// so_repo_propose_salt makes `repo` (this value; others that are open keep theirs) use another salt: that
// of what is about to be pushed into it, or fetched. The first change of refs stores it; when one with
// another salt came first, that change is refused (CONFLICT). CONFLICT: refs were changed before,
// so the salt is settled.
SO_MUST_USE so_status so_repo_propose_salt(so_repo *repo, const uint8_t salt[SO_SALT_LEN]);

// so_repo_delete forgets a repository: its name is free at once, its refs, log and numbers are
// removed by so_repos_sweep. NOT_FOUND.
SO_MUST_USE so_status so_repo_delete(const so_repos *repos, so_bytes name);

// so_repos_sweep removes up to `keys_max` keys of deleted repositories. `*out_more` when there is
// more to do.
SO_MUST_USE so_status so_repos_sweep(const so_repos *repos, size_t keys_max, bool *out_more);

// so_repo_rename: NOT_FOUND, CONFLICT. Open so_repo values keep the old name and go on working.
SO_MUST_USE so_status so_repo_rename(const so_repos *repos, so_bytes from, so_bytes to);

// so_repo_set_default_branch changes what HEAD means.
SO_MUST_USE so_status so_repo_set_default_branch(so_repo *repo, so_bytes branch);

// so_repo_list visits repositories by name, those > `after`, at most `limit`. Stops early at a
// status that is not OK and returns it.
SO_MUST_USE so_status so_repo_list(const so_repos *repos, so_bytes after, size_t limit,
                                   so_status (*visit)(void *ctx, const so_repo *repo), void *ctx);

// --- refs -----------------------------------------------------------------------------------

typedef struct so_ref {
  so_bytes name;  // Full: refs/heads/main.
  so_oid oid;
  so_kind kind;  // COMMIT or TAG.
  uint64_t seq;  // Of the record that set it.
} so_ref;

// so_ref_get reads a ref. `name` (full) is not copied. NOT_FOUND.
SO_MUST_USE so_status so_ref_get(const so_repo *repo, so_bytes name, so_ref *out);

// so_ref_list visits refs by name, those that begin with `prefix` and are > `after`, at most
// `limit`. Views live during the visit.
SO_MUST_USE so_status so_ref_list(const so_repo *repo, so_bytes prefix, so_bytes after,
                                  size_t limit, so_status (*visit)(void *ctx, const so_ref *ref),
                                  void *ctx);

typedef struct so_ref_change {
  so_bytes name;
  so_oid new_oid;   // None deletes.
  bool is_checked;  // Compare and swap: `old_oid` (none: not there) must be the present value.
  so_oid old_oid;   // Filled in by so_ref_log_read; an input when `is_checked`.
} so_ref_change;

// Who, when and why: what the ref log remembers beside the changes.
typedef struct so_ref_note {
  so_bytes who;
  so_bytes why;
  int64_t time_ms;
} so_ref_note;

typedef struct so_ref_result {
  uint64_t seq;    // Of the record; 0 when nothing changed and none was written.
  size_t failed;   // CONFLICT, MALFORMED, NOT_FOUND: index of the change at fault.
  so_oid current;  // CONFLICT: what the ref is now (none: not there).
} so_ref_result;

// so_repo_update_refs applies all changes or none. CONFLICT: an expectation does not hold, a name
// is there twice, or a name is a directory of another ref (a/b beside a). NOT_FOUND: the new object
// is not there. MALFORMED: a bad name, or an object of the wrong kind. LIMIT.
SO_MUST_USE so_status so_repo_update_refs(const so_repo *repo, const so_ref_change *changes,
                                          size_t count, const so_ref_note *note,
                                          so_ref_result *out);

// --- ref log --------------------------------------------------------------------------------

typedef struct so_ref_record {
  uint64_t seq;
  int64_t time_ms;
  so_bytes who;
  so_bytes why;
  so_ref_change *changes;
  size_t change_count;
} so_ref_record;

// so_ref_log_last returns the sequence of the newest record, 0 when there is none.
SO_MUST_USE so_status so_ref_log_last(const so_repo *repo, uint64_t *out_seq);

// so_ref_log_read reads record `seq` into `arena`. NOT_FOUND.
SO_MUST_USE so_status so_ref_log_read(const so_repo *repo, uint64_t seq, so_arena *arena,
                                      so_ref_record *out);

// so_ref_at answers what ref `name` (full) said at `time_ms`, which costs one look-up however long
// the log is. NOT_FOUND: it did not exist then.
SO_MUST_USE so_status so_ref_at(const so_repo *repo, so_bytes name, int64_t time_ms, so_oid *out);

// so_ref_history visits the changes of one ref, the newest first, at most `limit`; those at or
// before `time_ms`.
SO_MUST_USE so_status so_ref_history(
    const so_repo *repo, so_bytes name, int64_t time_ms, size_t limit,
    so_status (*visit)(void *ctx, uint64_t seq, int64_t time_ms, const so_oid *oid), void *ctx);

// --- names for commits ----------------------------------------------------------------------

#define SO_EXPR_LEN_MAX 512
#define SO_EXPR_STEPS_MAX 64
// A cut hash is looked for among the newest so many commits that refs reach.
#define SO_EXPR_COMMITS_MAX 200000
// A commit's hash may be cut to this many digits, as long as it is the only one.
#define SO_HASH_DIGITS_MIN 6

typedef struct so_resolved {
  so_oid commit;
  so_oid oid;   // Before following a tag.
  bool is_ref;  // The whole expression was the name of a ref...
  uint8_t ref_len;
  uint8_t ref[SO_REF_NAME_LEN_MAX];  // ... with this full name.
  bool is_immutable;  // The expression can never mean another commit (it begins with a full hash).
} so_resolved;

// so_repo_resolve finds the commit an expression means:
//   HEAD or @                the default branch
//   NAME                     refs/heads/NAME, refs/tags/NAME, refs/remotes/NAME, a full name, a
//   hash HASH                     64 digits, or at least 6 that begin one commit's only
//   X@{2026-01-02T03:04:05Z}  what ref X said then
//   X~N  X^N                 N first parents back; the Nth parent
// NOT_FOUND; MALFORMED: not an expression; CONFLICT: a hash prefix that several commits have.
SO_MUST_USE so_status so_repo_resolve(const so_repo *repo, so_bytes expr, so_resolved *out);

// --- transactions ---------------------------------------------------------------------------

// On the wire: never renumber.
typedef enum so_op_kind {
  SO_OP_PUT = 1,
  SO_OP_DELETE = 2,      // Deleting what is not there is no change.
  SO_OP_UNMODIFIED = 3,  // The path must be as it was at the base.
} so_op_kind;

// A condition on the head's entry at the path, beside that of the base.
typedef enum so_expect {
  SO_EXPECT_ANY = 0,
  SO_EXPECT_ABSENT,   // If-None-Match: *
  SO_EXPECT_PRESENT,  // If-Match: *
  SO_EXPECT_TAG,      // If-Match: "..."; `tag` is what so_entry_tag gives.
} so_expect;

typedef struct so_op {
  so_op_kind kind;
  so_bytes path;
  so_entry entry;  // PUT. Its value was stored already (store/value).
  so_expect expect;
  so_oid tag;
} so_op;

// so_entry_tag computes a hash over everything in an entry: its strong ETag.
void so_entry_tag(const so_entry *entry, so_oid *out);

typedef struct so_transaction {
  so_bytes branch;  // Short name.
  // The commit whose state the operations were made from. None: the head, whatever it is.
  so_oid base;
  bool has_expected;  // The head must be exactly `expected` (none: the branch must not exist).
  so_oid expected;
  bool create_branch;  // Make the branch, at `base`, when it does not exist.
  bool allow_empty;    // Make a commit also when nothing changes.
  so_op *ops;          // Sorted in place by path. A path at most once.
  size_t op_count;
  so_person author;
  so_person committer;
  so_bytes message;
  so_bytes who;  // For the ref log; its time is the committer's.
  so_bytes why;
} so_transaction;

typedef struct so_commit_result {
  so_oid commit;  // The new head; the present head when nothing changed or on CONFLICT.
  so_oid root;
  uint64_t seq;  // 0 when nothing changed.
  bool is_unchanged;
  bool is_replayed;  // The head had moved past the base; the operations were applied onto it.
  so_conflict *conflicts;
  size_t conflict_count;
  uint64_t conflict_total;
  size_t failed_op;  // MALFORMED: index (after sorting) of the operation at fault.
} so_commit_result;

// so_repo_commit applies a transaction. The first commit of a repository may be made on any branch;
// other branches are only made with `create_branch`. Results live in `arena`.
// CONFLICT: with conflicts, key by key; with none when `expected` is not the head. NOT_FOUND: no
// such branch, or base. MALFORMED: a bad path, or one twice. LIMIT.
SO_MUST_USE so_status so_repo_commit(const so_repo *repo, const so_transaction *transaction,
                                     so_arena *arena, so_commit_result *out);

// so_commit_write makes a commit object out of a finished root: generation from its parents. It
// moves no ref. NOT_FOUND: a parent is not there.
SO_MUST_USE so_status so_commit_write(const so_objects *objects, const so_heap *heap,
                                      const so_oid *root, const so_oid *parents,
                                      size_t parent_count, const so_person *author,
                                      const so_person *committer, so_bytes message, so_oid *out);

// --- merging branches -----------------------------------------------------------------------

typedef enum so_merge_action {
  SO_MERGE_ACTION_MERGE,        // `source` into the branch.
  SO_MERGE_ACTION_REVERT,       // Undo what `source` did to its parent `mainline`.
  SO_MERGE_ACTION_CHERRY_PICK,  // Do it again here.
} so_merge_action;

typedef enum so_ff {
  SO_FF_ALLOWED = 0,
  SO_FF_NEVER,  // A merge commit in any case.
  SO_FF_ONLY,   // CONFLICT when it would need one.
} so_ff;

typedef struct so_merge_request {
  so_merge_action action;
  so_bytes branch;    // Short name.
  so_oid source;      // A commit.
  uint32_t mainline;  // Which parent of `source`, from 1; 0 means the first. Revert, cherry-pick.
  so_ff ff;
  bool dry_run;  // Writes objects, moves nothing.
  bool has_expected;
  so_oid expected;                  // The head must be this.
  const so_merge_options *options;  // Resolutions, favor, labels. May be NULL.
  so_person author;
  so_person committer;
  so_bytes message;
  so_bytes who;
  so_bytes why;
} so_merge_request;

typedef enum so_merge_kind {
  SO_MERGED_UP_TO_DATE = 1,
  SO_MERGED_FAST_FORWARD,
  SO_MERGED_COMMIT,
  SO_MERGED_CONFLICTS,
} so_merge_kind;

typedef struct so_merge_outcome {
  so_merge_kind kind;
  so_oid head;    // Before.
  so_oid commit;  // After; none when `dry_run` would need a new commit, or on conflicts.
  uint64_t seq;   // 0 when no ref moved.
  so_merge_result result;
} so_merge_outcome;

// so_repo_merge merges, reverts or cherry-picks on a branch. Conflicts are an OK outcome of kind
// SO_MERGED_CONFLICTS. CONFLICT: `expected` is not the head, or a fast-forward is not possible.
// NOT_FOUND: no such branch or commit.
SO_MUST_USE so_status so_repo_merge(const so_repo *repo, const so_merge_request *request,
                                    so_arena *arena, so_merge_outcome *out);

// --- access tokens --------------------------------------------------------------------------

#define SO_TOKEN_ENTROPY_LEN 40
#define SO_TOKEN_TEXT_LEN 85  // "sot_", 16 hex digits of id, "_", 64 hex digits of secret.
#define SO_TOKEN_SCOPES_MAX 16
#define SO_TOKEN_NOTE_LEN_MAX 100

// Rights are a set of bits. Each includes those before it.
typedef enum so_right {
  SO_RIGHT_READ = 1,
  SO_RIGHT_WRITE = 2,
  SO_RIGHT_ADMIN = 4,  // Repositories and tokens.
} so_right;

typedef struct so_scope {
  so_bytes pattern;  // Of repository names: '*' matches any run. "*" is all.
  uint8_t rights;    // so_right bits.
} so_scope;

typedef struct so_token {
  uint64_t id;
  so_bytes note;  // What it is for: free text, and the `who` of its changes.
  int64_t created_ms;
  int64_t expires_ms;  // 0: never.
  size_t scope_count;
  so_scope scopes[SO_TOKEN_SCOPES_MAX];
} so_token;

// so_token_create stores a token and writes its text, the only time that it can be seen: the
// database keeps a hash. `entropy` is 40 random bytes; the caller wipes it and the text.
// `token->id` is set. MALFORMED: no scope, a bad pattern, an unknown right.
SO_MUST_USE so_status so_token_create(const so_repos *repos,
                                      const uint8_t entropy[SO_TOKEN_ENTROPY_LEN], so_token *token,
                                      uint8_t out_text[SO_TOKEN_TEXT_LEN]);

// so_token_verify finds the token that `text` is; its views go into `arena`. DENIED: not a token
// of ours, revoked, or expired at `now_ms`. CT: does not depend on how much of the secret is right.
SO_MUST_USE so_status so_token_verify(const so_repos *repos, so_bytes text, int64_t now_ms,
                                      so_arena *arena, so_token *out);

// so_token_may: does the token give `right` on the repository called `repo_name`? An empty name
// asks for the right on all ("*").
bool so_token_may(const so_token *token, so_bytes repo_name, so_right right);

SO_MUST_USE so_status so_token_revoke(const so_repos *repos, uint64_t id);

// so_token_list visits tokens by id, those > `after`, at most `limit`.
SO_MUST_USE so_status so_token_list(const so_repos *repos, uint64_t after, size_t limit,
                                    so_status (*visit)(void *ctx, const so_token *token),
                                    void *ctx);

#ifdef __cplusplus
}
#endif
#endif  // SO_STORE_REPO_REPO_H_
