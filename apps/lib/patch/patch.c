#include "apps/lib/patch/patch.h"

#include "base/fmt.h"
#include "store/diff3/diff3.h"
#include "store/value/value.h"

// needs_quotes: git quotes a name that holds a quote, a backslash or a control character.
static bool needs_quotes(so_bytes path) {
  for (size_t i = 0; i < path.len; i++) {
    const uint8_t c = path.ptr[i];
    if (c < 0x20 || c == 0x7f || c == '"' || c == '\\') {
      return true;
    }
  }
  return false;
}

static void append_octal(so_buf *out, uint8_t c) {
  so_buf_append_u8(out, '\\');
  so_buf_append_u8(out, (uint8_t)('0' + (c >> 6)));
  so_buf_append_u8(out, (uint8_t)('0' + (c >> 3 & 7)));
  so_buf_append_u8(out, (uint8_t)('0' + (c & 7)));
}

static void append_name(so_buf *out, const char *side, so_bytes path) {
  if (!needs_quotes(path)) {
    so_buf_printf(out, "%s/%.*s", side, SO_FMT(path));
    return;
  }
  so_buf_printf(out, "\"%s/", side);
  for (size_t i = 0; i < path.len; i++) {
    const uint8_t c = path.ptr[i];
    if (c == '"' || c == '\\') {
      so_buf_append_u8(out, '\\');
      so_buf_append_u8(out, c);
    } else if (c < 0x20 || c == 0x7f) {
      append_octal(out, c);
    } else {
      so_buf_append_u8(out, c);
    }
  }
  so_buf_append_u8(out, '"');
}

// git_mode is what git calls the type and mode of an entry.
static const char *git_mode(const so_entry *e) {
  if (e->type == SO_ENTRY_SYMLINK) {
    return "120000";
  }
  return (e->mode & 0100) != 0 ? "100755" : "100644";
}

static void append_header(so_buf *out, const so_change *c) {
  so_buf_append_str(out, "diff --git ");
  append_name(out, "a", c->key);
  so_buf_append_u8(out, ' ');
  append_name(out, "b", c->key);
  so_buf_append_u8(out, '\n');
  const char *old_mode = c->has_old ? git_mode(&c->old_entry) : "";
  const char *new_mode = c->has_new ? git_mode(&c->new_entry) : "";
  if (!c->has_old) {
    so_buf_printf(out, "new file mode %s\n", new_mode);
  } else if (!c->has_new) {
    so_buf_printf(out, "deleted file mode %s\n", old_mode);
  } else if (!so_bytes_equal(so_str(old_mode), so_str(new_mode))) {
    so_buf_printf(out, "old mode %s\nnew mode %s\n", old_mode, new_mode);
  }
}

static void append_file_lines(so_buf *out, const so_change *c) {
  so_buf_append_str(out, "--- ");
  if (c->has_old) {
    append_name(out, "a", c->key);
  } else {
    so_buf_append_str(out, "/dev/null");
  }
  so_buf_append_str(out, "\n+++ ");
  if (c->has_new) {
    append_name(out, "b", c->key);
  } else {
    so_buf_append_str(out, "/dev/null");
  }
  so_buf_append_u8(out, '\n');
}

static so_status append_values(const so_tree *tree, const so_change *c, so_buf *old_value,
                               so_buf *new_value, so_buf *out) {
  if (c->has_old) {
    SO_TRY(so_value_read_all(tree, &c->old_entry, old_value));
  }
  if (c->has_new) {
    SO_TRY(so_value_read_all(tree, &c->new_entry, new_value));
  }
  const so_bytes a = so_buf_bytes(old_value);
  const so_bytes b = so_buf_bytes(new_value);
  if (so_bytes_equal(a, b)) {
    return so_done();  // Only the mode changed, or both are empty.
  }
  if (so_text_is_binary(a) || so_text_is_binary(b)) {
    so_buf_append_str(out, "Binary files differ\n");
    return so_done();
  }
  append_file_lines(out, c);
  return so_text_unified(a, b, SO_PATCH_CONTEXT_LINES, tree->heap, out);
}

static bool too_long(const so_change *c) {
  return (c->has_old && c->old_entry.size > SO_PATCH_VALUE_LEN_MAX) ||
         (c->has_new && c->new_entry.size > SO_PATCH_VALUE_LEN_MAX);
}

so_status so_patch_write(const so_tree *tree, const so_change *change, so_buf *out) {
  append_header(out, change);
  if (too_long(change)) {
    so_buf_append_str(out, "Binary files differ\n");
  } else {
    so_buf old_value, new_value;
    so_buf_init(&old_value, tree->heap, SO_PATCH_VALUE_LEN_MAX);
    so_buf_init(&new_value, tree->heap, SO_PATCH_VALUE_LEN_MAX);
    const so_status status = append_values(tree, change, &old_value, &new_value, out);
    so_buf_release(&old_value);
    so_buf_release(&new_value);
    SO_TRY(status);
  }
  so_bytes all;
  return so_buf_end(out, &all);
}
