#include "apps/stored/json_out.h"

#include "base/fmt.h"
#include "base/hex.h"
#include "base/time.h"

void so_out_oid(so_json_writer *w, const so_oid *oid) {
  if (so_oid_is_none(oid)) {
    so_json_put_null(w);
    return;
  }
  uint8_t text[2 * SO_OID_LEN];
  so_writer hex = so_writer_of(text, sizeof text);
  so_hex_write(&hex, so_bytes_of(oid->bytes, SO_OID_LEN));
  so_json_put_string(w, so_writer_bytes(&hex));
}

void so_out_member_oid(so_json_writer *w, const char *name, const so_oid *oid) {
  so_json_name(w, name);
  so_out_oid(w, oid);
}

void so_out_member_time(so_json_writer *w, const char *name, int64_t time_ms,
                        int16_t zone_minutes) {
  uint8_t text[SO_TIME_LEN_MAX];
  so_writer t = so_writer_of(text, sizeof text);
  so_time_write(&t, time_ms, zone_minutes);
  so_json_member_string(w, name, so_writer_bytes(&t));
}

void so_out_person(so_json_writer *w, const so_person *person) {
  so_json_object(w);
  so_json_member_string(w, "name", person->name);
  so_out_member_time(w, "time", person->time_ms, person->zone_minutes);
  so_json_object_end(w);
}

void so_out_commit(so_json_writer *w, const so_oid *oid, const so_commit *commit) {
  so_json_object(w);
  so_out_member_oid(w, "commit", oid);
  so_out_member_oid(w, "root", &commit->root);
  so_json_name(w, "parents");
  so_json_array(w);
  for (uint32_t i = 0; i < commit->parent_count; i++) {
    so_out_oid(w, &commit->parents[i]);
  }
  so_json_array_end(w);
  so_json_member_u64(w, "generation", commit->generation);
  so_json_name(w, "author");
  so_out_person(w, &commit->author);
  so_json_name(w, "committer");
  so_out_person(w, &commit->committer);
  so_json_member_string(w, "message", commit->message);
  so_json_object_end(w);
}

static void member_octal(so_json_writer *w, const char *name, uint16_t mode) {
  uint8_t digits[6];
  size_t at = sizeof digits;
  do {
    digits[--at] = (uint8_t)('0' + (mode & 7));
    mode = (uint16_t)(mode >> 3);
  } while (mode != 0);
  so_json_member_string(w, name, so_bytes_of(digits + at, sizeof digits - at));
}

void so_out_entry_members(so_json_writer *w, so_bytes path, const so_entry *entry) {
  if (path.len != 0) {
    so_json_member_string(w, "path", path);
  }
  so_json_member_string(w, "type", so_str(entry->type == SO_ENTRY_SYMLINK ? "symlink" : "file"));
  member_octal(w, "mode", entry->mode);
  so_json_member_u64(w, "size", entry->size);
  so_oid tag;
  so_entry_tag(entry, &tag);
  so_out_member_oid(w, "etag", &tag);
}

void so_out_entry(so_json_writer *w, so_bytes path, const so_entry *entry) {
  if (entry == NULL) {
    so_json_put_null(w);
    return;
  }
  so_json_object(w);
  so_out_entry_members(w, path, entry);
  so_json_object_end(w);
}

void so_out_ref(so_json_writer *w, const so_ref *ref, const so_oid *commit) {
  so_json_object(w);
  so_json_member_string(w, "name", ref->name);
  so_out_member_oid(w, "target", &ref->oid);
  so_json_member_string(w, "kind", so_str(ref->kind == SO_KIND_TAG ? "tag" : "commit"));
  if (commit != NULL) {
    so_out_member_oid(w, "commit", commit);
  }
  so_json_object_end(w);
}

void so_out_repo(so_json_writer *w, const so_repo *repo) {
  so_json_object(w);
  so_json_member_string(w, "name", so_repo_name(repo));
  so_json_member_string(w, "default_branch", so_repo_default_branch(repo));
  so_out_member_time(w, "created", repo->created_ms, 0);
  uint8_t salt[2 * SO_SALT_LEN];
  so_writer hex = so_writer_of(salt, sizeof salt);
  so_hex_write(&hex, so_bytes_of(repo->salt, SO_SALT_LEN));
  so_json_member_string(w, "salt", so_writer_bytes(&hex));
  so_json_object_end(w);
}

// conflict_word names what happened: in a merge both sides have names, in a transaction only what
// became of the path since its base matters.
static const char *conflict_word(so_conflict_kind kind, bool is_merge) {
  switch (kind) {
    case SO_CONFLICT_KEY_EXISTS:
      return is_merge ? "add_add" : "exists";
    case SO_CONFLICT_KEY_CHANGED:
      return is_merge ? "content" : "changed";
    case SO_CONFLICT_KEY_DELETED:
      return is_merge ? "delete_modify" : "deleted";
    case SO_CONFLICT_CHANGED_KEY:
      return is_merge ? "modify_delete" : "changed";
    case SO_CONFLICT_UNMODIFIED_CHANGED:
      return "unmodified_changed";
    case SO_CONFLICT_PATH_CLASH:
      return "path_clash";
  }
  return "changed";
}

static void out_conflict(so_json_writer *w, const so_conflict *c, bool is_merge) {
  so_json_object(w);
  so_json_member_string(w, "path", c->path);
  so_json_member_string(w, "kind", so_str(conflict_word(c->kind, is_merge)));
  so_json_member_string(w, "text", so_str(so_conflict_kind_text(c->kind)));
  so_json_name(w, "base");
  so_out_entry(w, so_bytes_of(NULL, 0), c->has_base ? &c->base : NULL);
  so_json_name(w, "ours");
  so_out_entry(w, so_bytes_of(NULL, 0), c->has_ours ? &c->ours : NULL);
  so_json_name(w, "theirs");
  so_out_entry(w, so_bytes_of(NULL, 0), c->has_theirs ? &c->theirs : NULL);
  if (c->other.len != 0) {
    so_json_member_string(w, "other", c->other);
  }
  if (c->pointer_count != 0) {
    so_json_name(w, "pointers");
    so_json_array(w);
    for (size_t i = 0; i < c->pointer_count; i++) {
      so_json_put_string(w, c->pointers[i]);
    }
    so_json_array_end(w);
  }
  so_json_object_end(w);
}

void so_out_conflicts(so_json_writer *w, const so_conflict *conflicts, size_t count,
                      bool is_merge) {
  so_json_name(w, "conflicts");
  so_json_array(w);
  for (size_t i = 0; i < count; i++) {
    out_conflict(w, &conflicts[i], is_merge);
  }
  so_json_array_end(w);
}

static const char *access_name(uint8_t rights) {
  return (rights & SO_RIGHT_ADMIN) != 0   ? "admin"
         : (rights & SO_RIGHT_WRITE) != 0 ? "write"
                                          : "read";
}

void so_out_token(so_json_writer *w, const so_token *token) {
  uint8_t id[16];
  so_writer text = so_writer_of(id, sizeof id);
  so_write_printf(&text, "%016llx", (unsigned long long)token->id);
  so_json_member_string(w, "id", so_writer_bytes(&text));
  so_json_member_string(w, "name", token->note);
  so_out_member_time(w, "created", token->created_ms, 0);
  if (token->expires_ms != 0) {
    so_out_member_time(w, "expires", token->expires_ms, 0);
  }
  so_json_name(w, "grants");
  so_json_array(w);
  for (size_t i = 0; i < token->scope_count; i++) {
    so_json_object(w);
    so_json_member_string(w, "repository", token->scopes[i].pattern);
    so_json_member_string(w, "access", so_str(access_name(token->scopes[i].rights)));
    so_json_object_end(w);
  }
  so_json_array_end(w);
}
