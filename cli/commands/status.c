#include "base/fmt.h"
#include "cli/commands/commands.h"
#include "cli/commands/shared.h"

static void print_text(cli_workcopy *w, const cli_changes *changes,
                       const cli_conflicts *conflicts) {
  char hex[CLI_HEX_LEN];
  if (w->detached) {
    cli_hex(&w->head, hex);
    cli_printf("at commit %.12s, not on a branch\n", hex);
  } else if (w->has_head) {
    cli_hex(&w->head, hex);
    cli_printf("on branch %s at %.12s\n", w->branch, hex);
  } else {
    cli_printf("on branch %s, without commits yet\n", w->branch);
  }
  if (w->merging) {
    cli_printf("merging %s; `storectl commit` ends it, `storectl merge --abort` undoes it\n",
               w->merge_label);
  }
  for (size_t i = 0; i < conflicts->count; i++) {
    const so_bytes line = conflicts->paths[i];
    const bool settled = cli_conflict_settled(w, line);
    cli_printf("  %s %.*s\n", settled ? "settled  " : "conflict ",
               SO_FMT(so_bytes_from(line, so_bytes_find(line, ' ') + 1)));
  }
  for (size_t i = 0; i < changes->count; i++) {
    const cli_change *change = &changes->items[i];
    cli_printf("  %-9s %.*s\n", cli_change_word(change->has_old, change->has_new),
               SO_FMT(change->path));
  }
  if (changes->count == 0 && conflicts->count == 0) {
    cli_printf("nothing to commit\n");
  }
}

static void print_json(cli_workcopy *w, const cli_changes *changes,
                       const cli_conflicts *conflicts) {
  cli_json j;
  cli_json_begin(w->c, &j);
  so_json_object(&j.w);
  if (!w->detached) {
    cli_json_text(&j.w, "branch", w->branch);
  }
  so_json_name(&j.w, "head");
  if (w->has_head) {
    char hex[CLI_HEX_LEN];
    cli_hex(&w->head, hex);
    so_json_put_string(&j.w, so_str(hex));
  } else {
    so_json_put_null(&j.w);
  }
  so_json_member_bool(&j.w, "merging", w->merging);
  so_json_name(&j.w, "conflicts");
  so_json_array(&j.w);
  for (size_t i = 0; i < conflicts->count; i++) {
    const so_bytes line = conflicts->paths[i];
    so_json_object(&j.w);
    so_json_member_string(&j.w, "path", so_bytes_from(line, so_bytes_find(line, ' ') + 1));
    so_json_member_bool(&j.w, "settled", cli_conflict_settled(w, line));
    so_json_object_end(&j.w);
  }
  so_json_array_end(&j.w);
  so_json_name(&j.w, "changes");
  so_json_array(&j.w);
  for (size_t i = 0; i < changes->count; i++) {
    const cli_change *change = &changes->items[i];
    so_json_object(&j.w);
    so_json_member_string(&j.w, "path", change->path);
    cli_json_text(&j.w, "change", cli_change_word(change->has_old, change->has_new));
    so_json_object_end(&j.w);
  }
  so_json_array_end(&j.w);
  so_json_object_end(&j.w);
  cli_json_end(&j);
}

static int status(cli_workcopy *w) {
  cli_changes changes;
  cli_conflicts conflicts;
  int code = cli_changes_find(w, &w->head_root, NULL, 0, CLI_CHANGES_LOOK, &changes);
  if (code == CLI_DONE) {
    code = cli_conflicts_read(w, &conflicts);
    if (code == CLI_DONE && w->c->json) {
      print_json(w, &changes, &conflicts);
    } else if (code == CLI_DONE) {
      print_text(w, &changes, &conflicts);
    }
    if (code == CLI_DONE && (changes.count != 0 || conflicts.count != 0)) {
      code = CLI_DIFFERENT;
    }
    cli_conflicts_release(&conflicts);
  }
  cli_changes_release(&changes);
  return code;
}

int cli_status(cli *c) {
  cli_workcopy w;
  int code = cli_options(c, NULL, 0);
  if (code == CLI_DONE) {
    code = cli_want(c, 0, 0, "status");
  }
  if (code != CLI_DONE) {
    return code;
  }
  code = cli_workcopy_open(c, NULL, &w);
  if (code == CLI_DONE) {
    code = status(&w);
  }
  cli_workcopy_close(&w);
  return code;
}
