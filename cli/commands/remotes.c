#include "cli/commands/remotes.h"

#include <stdio.h>
#include <string.h>

#include "base/fmt.h"
#include "cli/commands/commands.h"
#include "cli/workcopy/files.h"

#define CONFIG_LEN_MAX ((size_t)1 << 20)

// --- config ---------------------------------------------------------------------------------

// read_config parses `.storectl/config` into `arena`; NULL when there is none.
static int read_config(cli_workcopy *w, so_arena *arena, const so_json **out) {
  char path[CLI_PATH_LEN];
  so_buf content;
  so_bytes text;
  *out = NULL;
  cli_workcopy_file(w, "config", path);
  so_buf_init(&content, w->c->heap, CONFIG_LEN_MAX);
  so_status status = cli_file_read(path, &content);
  if (so_is(status, SO_NOT_FOUND)) {
    so_buf_release(&content);
    return CLI_DONE;
  }
  if (so_ok(status)) {
    status = so_arena_copy(arena, so_buf_bytes(&content), &text);
  }
  so_buf_release(&content);
  if (so_ok(status)) {
    status = so_json_parse(text, arena, out, NULL);
  }
  return so_ok(status) ? CLI_DONE : cli_fail(CLI_DAMAGED, "%s is not valid JSON; mend it", path);
}

int cli_remotes_url(cli_workcopy *w, const char *name, char out[CLI_URL_LEN_MAX]) {
  so_arena arena;
  const so_json *config;
  so_bytes url = {NULL, 0};
  so_arena_init(&arena, w->c->heap, 8 * CONFIG_LEN_MAX);
  int code = read_config(w, &arena, &config);
  const so_json *remote = so_json_member(so_json_member(config, "remotes"), name);
  if (code == CLI_DONE && !so_json_string(so_json_member(remote, "url"), &url)) {
    code = cli_fail(CLI_USAGE, "there is no remote '%s'; `storectl remote add %s URL` makes one",
                    name, name);
  }
  snprintf(out, CLI_URL_LEN_MAX, "%.*s", SO_FMT(url));
  so_arena_release(&arena);
  return code;
}

static void write_remote(so_json_writer *w, so_bytes name, so_bytes url) {
  so_json_name_bytes(w, name);
  so_json_object(w);
  so_json_member_string(w, "url", url);
  so_json_object_end(w);
}

int cli_remotes_set(cli_workcopy *w, const char *name, const char *url) {
  so_arena arena;
  so_buf text;
  char path[CLI_PATH_LEN];
  const so_json *config;
  so_arena_init(&arena, w->c->heap, 8 * CONFIG_LEN_MAX);
  const int code = read_config(w, &arena, &config);
  if (code != CLI_DONE) {
    so_arena_release(&arena);
    return code;
  }
  so_buf_init(&text, w->c->heap, CONFIG_LEN_MAX);
  so_json_writer j = so_json_writer_of(&text);
  so_json_object(&j);
  so_json_name(&j, "remotes");
  so_json_object(&j);
  const so_json *remotes = so_json_member(config, "remotes");
  for (const so_json *m = remotes == NULL ? NULL : remotes->first; m != NULL; m = m->next) {
    so_bytes old;
    if (!so_bytes_equal(m->name, so_str(name)) &&
        so_json_string(so_json_member(m, "url"), &old)) {
      write_remote(&j, m->name, old);
    }
  }
  if (url != NULL) {
    write_remote(&j, so_str(name), so_str(url));
  }
  so_json_object_end(&j);
  so_json_object_end(&j);
  so_buf_append_u8(&text, '\n');
  cli_workcopy_file(w, "config", path);
  const so_status status = cli_file_replace(path, so_buf_bytes(&text));
  so_buf_release(&text);
  so_arena_release(&arena);
  return so_ok(status) ? CLI_DONE : cli_fail_status(status, path);
}

static int list_remotes(cli_workcopy *w) {
  so_arena arena;
  const so_json *config;
  cli_json out;
  so_arena_init(&arena, w->c->heap, 8 * CONFIG_LEN_MAX);
  const int code = read_config(w, &arena, &config);
  const so_json *remotes = so_json_member(config, "remotes");
  if (w->c->json) {
    cli_json_begin(w->c, &out);
    so_json_object(&out.w);
  }
  for (const so_json *m = remotes == NULL ? NULL : remotes->first; m != NULL; m = m->next) {
    so_bytes url = {NULL, 0};
    (void)so_json_string(so_json_member(m, "url"), &url);
    if (w->c->json) {
      so_json_name_bytes(&out.w, m->name);
      so_json_put_string(&out.w, url);
    } else {
      cli_printf("%.*s %.*s\n", SO_FMT(m->name), SO_FMT(url));
    }
  }
  if (w->c->json) {
    so_json_object_end(&out.w);
    cli_json_end(&out);
  }
  so_arena_release(&arena);
  return code;
}

static int run_remote(cli_workcopy *w) {
  const int argc = w->c->argc;
  char **argv = w->c->argv;
  if (argc == 0) {
    return list_remotes(w);
  }
  if (argc == 3 && strcmp(argv[0], "add") == 0) {
    return cli_remotes_set(w, argv[1], argv[2]);
  }
  if (argc == 2 && strcmp(argv[0], "rm") == 0) {
    return cli_remotes_set(w, argv[1], NULL);
  }
  return cli_fail(CLI_USAGE, "usage: storectl remote [add NAME URL | rm NAME]");
}

int cli_remote_command(cli *c) {
  const int code = cli_options(c, NULL, 0);
  if (code != CLI_DONE) {
    return code;
  }
  cli_workcopy w;
  int result = cli_workcopy_open(c, NULL, &w);
  if (result == CLI_DONE) {
    result = run_remote(&w);
  }
  cli_workcopy_close(&w);
  return result;
}

int cli_with_remote(cli *c, const char *name,
                    int (*work)(void *ctx, cli_workcopy *w, cli_remote *r), void *ctx) {
  char url[CLI_URL_LEN_MAX];
  cli_workcopy w;
  int code = cli_workcopy_open(c, NULL, &w);
  if (code == CLI_DONE) {
    code = cli_remotes_url(&w, name, url);
  }
  if (code == CLI_DONE) {
    cli_remote r;
    code = cli_remote_open(c, url, &r);
    if (code == CLI_DONE) {
      code = work(ctx, &w, &r);
    }
    cli_remote_close(&r);
  }
  cli_workcopy_close(&w);
  return code;
}
