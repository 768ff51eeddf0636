#include "base/utf8.h"
#include "store/merge/internal.h"
#include "store/value/value.h"

const char *so_conflict_kind_name(so_conflict_kind kind) {
  switch (kind) {
    case SO_CONFLICT_KEY_EXISTS:
      return "KEY_EXISTS";
    case SO_CONFLICT_KEY_CHANGED:
      return "KEY_CHANGED";
    case SO_CONFLICT_KEY_DELETED:
      return "KEY_DELETED";
    case SO_CONFLICT_CHANGED_KEY:
      return "CHANGED_KEY";
    case SO_CONFLICT_UNMODIFIED_CHANGED:
      return "UNMODIFIED_CHANGED";
    case SO_CONFLICT_PATH_CLASH:
      return "PATH_CLASH";
  }
  return "UNKNOWN";
}

const char *so_conflict_kind_text(so_conflict_kind kind) {
  switch (kind) {
    case SO_CONFLICT_KEY_EXISTS:
      return "both sides added it, with different content";
    case SO_CONFLICT_KEY_CHANGED:
      return "both sides changed it, in different ways";
    case SO_CONFLICT_KEY_DELETED:
      return "it was deleted on our side and changed on theirs";
    case SO_CONFLICT_CHANGED_KEY:
      return "it was changed on our side and deleted on theirs";
    case SO_CONFLICT_UNMODIFIED_CHANGED:
      return "it was relied on to stay as it was, and has changed";
    case SO_CONFLICT_PATH_CLASH:
      return "it would be a file on one side and a directory on the other";
  }
  return "it does not merge";
}

static so_status read_text(const so_tree *tree, bool has, const so_entry *entry, so_buf *out) {
  so_buf_init(out, tree->heap, SO_MERGE_VALUE_LEN_MAX);
  if (!has) {
    return so_done();
  }
  if (entry->type != SO_ENTRY_FILE || entry->size > SO_MERGE_VALUE_LEN_MAX) {
    return so_status_make(SO_UNSUPPORTED, 0);
  }
  SO_TRY(so_value_read_all(tree, entry, out));
  const so_bytes text = so_buf_bytes(out);
  return so_text_is_binary(text) || !so_utf8_valid(text) ? so_status_make(SO_UNSUPPORTED, 0)
                                                         : so_done();
}

so_status so_conflict_merged(const so_tree *tree, const so_conflict *conflict,
                             const so_merge_labels *labels, so_buf *out) {
  so_buf base, ours, theirs;
  so_status s = read_text(tree, conflict->has_base, &conflict->base, &base);
  const so_status s_ours = read_text(tree, conflict->has_ours, &conflict->ours, &ours);
  const so_status s_theirs = read_text(tree, conflict->has_theirs, &conflict->theirs, &theirs);
  s = so_ok(s) ? s_ours : s;
  s = so_ok(s) ? s_theirs : s;
  if (so_ok(s)) {
    size_t conflicts;
    s = so_text_merge(so_buf_bytes(&base), so_buf_bytes(&ours), so_buf_bytes(&theirs),
                      SO_MERGE_DIFF3, labels, tree->heap, out, &conflicts);
  }
  so_buf_release(&base);
  so_buf_release(&ours);
  so_buf_release(&theirs);
  return s;
}
