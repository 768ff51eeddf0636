#ifndef SO_APPS_STORED_JSON_OUT_H_
#define SO_APPS_STORED_JSON_OUT_H_

// How the store's things look in JSON: the shapes of docs/rest.md, each written in one place.

#include "base/json.h"
#include "store/merge/merge.h"
#include "store/object/commit.h"
#include "store/repo/repo.h"
#include "store/tree/tree.h"

#ifdef __cplusplus
extern "C" {
#endif

// so_out_oid writes the 64 hex digits as a string; none becomes null.
void so_out_oid(so_json_writer *w, const so_oid *oid);
void so_out_member_oid(so_json_writer *w, const char *name, const so_oid *oid);

// so_out_time writes RFC 3339 text.
void so_out_member_time(so_json_writer *w, const char *name, int64_t time_ms,
                        int16_t zone_minutes);

void so_out_person(so_json_writer *w, const so_person *person);

// so_out_commit writes a whole commit object under the name `oid`.
void so_out_commit(so_json_writer *w, const so_oid *oid, const so_commit *commit);

// so_out_entry_members writes path (unless empty), type, mode, size and etag into an open object.
void so_out_entry_members(so_json_writer *w, so_bytes path, const so_entry *entry);

// so_out_entry writes an entry as an object of its own; NULL becomes null.
void so_out_entry(so_json_writer *w, so_bytes path, const so_entry *entry);

void so_out_ref(so_json_writer *w, const so_ref *ref, const so_oid *commit);
void so_out_repo(so_json_writer *w, const so_repo *repo);

// so_out_conflicts writes the member "conflicts", with the words for a merge or for a transaction.
void so_out_conflicts(so_json_writer *w, const so_conflict *conflicts, size_t count,
                      bool is_merge);

void so_out_token(so_json_writer *w, const so_token *token);

#ifdef __cplusplus
}
#endif
#endif  // SO_APPS_STORED_JSON_OUT_H_
