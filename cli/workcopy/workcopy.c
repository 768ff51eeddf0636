#include "cli/workcopy/workcopy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hex.h"
#include "cli/workcopy/files.h"
#include "kernel/unix/unix.h"

#define CACHE_LEN ((size_t)64 << 20)

void cli_workcopy_file(const cli_workcopy *w, const char *name, char out[CLI_PATH_LEN]) {
  if (snprintf(out, CLI_PATH_LEN, "%s/" CLI_DIR "/%s", w->root, name) >= CLI_PATH_LEN) {
    out[0] = '\0';  // Opening it will say so.
  }
}

// --- small files ----------------------------------------------------------------------------

// read_line reads the first line of a file of `.storectl`. False when there is none.
static bool read_line(const cli_workcopy *w, const char *name, char *out, size_t cap) {
  char path[CLI_PATH_LEN];
  so_buf content;
  cli_workcopy_file(w, name, path);
  so_buf_init(&content, w->c->heap, 4096);
  so_bytes line = {NULL, 0};
  const bool ok = so_ok(cli_file_read(path, &content));
  if (ok) {
    line = so_buf_bytes(&content);
    line = so_bytes_first(line, so_bytes_find(line, '\n'));
  }
  const bool fits = ok && line.len < cap;
  if (fits) {
    memcpy(out, line.ptr, line.len);
    out[line.len] = '\0';
  }
  so_buf_release(&content);
  return fits;
}

static int write_line(const cli_workcopy *w, const char *name, const char *line) {
  char path[CLI_PATH_LEN];
  cli_workcopy_file(w, name, path);
  const so_status status = cli_file_replace(path, so_str(line));
  return so_ok(status) ? CLI_DONE : cli_fail_status(status, path);
}

static bool parse_hash(const char *text, so_oid *out) {
  return so_ok(so_hex_read(so_bytes_first(so_str(text), CLI_HEX_LEN - 1), out->bytes, SO_OID_LEN));
}

static int read_head(cli_workcopy *w) {
  char line[SO_REF_NAME_LEN_MAX + 16];
  if (!read_line(w, "HEAD", line, sizeof line)) {
    return cli_fail(CLI_DAMAGED, "%s/" CLI_DIR "/HEAD is missing; write \"branch main\" into it",
                    w->root);
  }
  w->detached = strncmp(line, "commit ", 7) == 0;
  if (w->detached && parse_hash(line + 7, &w->head)) {
    w->has_head = true;
    return CLI_DONE;
  }
  if (strncmp(line, "branch ", 7) == 0 && line[7] != '\0') {
    snprintf(w->branch, sizeof w->branch, "%s", line + 7);
    return CLI_DONE;
  }
  return cli_fail(CLI_DAMAGED, "%s/" CLI_DIR "/HEAD is damaged; write \"branch main\" into it",
                  w->root);
}

static void read_merge(cli_workcopy *w) {
  char line[CLI_HEX_LEN + SO_REF_NAME_LEN_MAX + 2];
  w->merging = read_line(w, "MERGE", line, sizeof line) && parse_hash(line, &w->merge_head);
  if (w->merging && strlen(line) > CLI_HEX_LEN) {
    snprintf(w->merge_label, sizeof w->merge_label, "%s", line + CLI_HEX_LEN);
  }
}

// --- HEAD -----------------------------------------------------------------------------------

static void branch_ref(const cli_workcopy *w, char out[SO_REF_NAME_LEN_MAX + 16]) {
  snprintf(out, SO_REF_NAME_LEN_MAX + 16, "refs/heads/%s", w->branch);
}

static int read_root(cli_workcopy *w) {
  const so_oid none = {{0}};
  w->head_root = none;
  if (!w->has_head) {
    return CLI_DONE;
  }
  so_arena arena;
  so_arena_init(&arena, w->c->heap, SO_OBJECT_LEN_MAX * 2);
  so_commit *commit = so_arena_alloc(&arena, sizeof *commit);
  so_status status = so_status_make(SO_LIMIT, 0);
  if (commit != NULL) {
    status = so_commit_read(&w->repo.objects, &w->head, &arena, commit);
    w->head_root = so_ok(status) ? commit->root : none;
  }
  so_arena_release(&arena);
  return so_ok(status) ? CLI_DONE : cli_fail_status(status, "the commit of HEAD");
}

int cli_workcopy_refresh(cli_workcopy *w) {
  if (!w->detached) {
    char name[SO_REF_NAME_LEN_MAX + 16];
    so_ref ref;
    branch_ref(w, name);
    const so_status status = so_ref_get(&w->repo, so_str(name), &ref);
    w->has_head = so_ok(status);
    if (w->has_head) {
      w->head = ref.oid;
    } else if (!so_is(status, SO_NOT_FOUND)) {
      return cli_fail_status(status, name);
    }
  }
  return read_root(w);
}

int cli_workcopy_set_branch(cli_workcopy *w, const char *branch) {
  char line[SO_REF_NAME_LEN_MAX + 16];
  snprintf(line, sizeof line, "branch %s\n", branch);
  const int code = write_line(w, "HEAD", line);
  if (code != CLI_DONE) {
    return code;
  }
  w->detached = false;
  memmove(w->branch, branch, strlen(branch) + 1);
  return cli_workcopy_refresh(w);
}

int cli_workcopy_set_detached(cli_workcopy *w, const so_oid *commit) {
  char line[CLI_HEX_LEN + 16], hex[CLI_HEX_LEN];
  cli_hex(commit, hex);
  snprintf(line, sizeof line, "commit %s\n", hex);
  const int code = write_line(w, "HEAD", line);
  if (code != CLI_DONE) {
    return code;
  }
  w->detached = true;
  w->has_head = true;
  w->head = *commit;
  return read_root(w);
}

int cli_workcopy_set_merge(cli_workcopy *w, const so_oid *commit, const char *label) {
  char line[CLI_HEX_LEN + SO_REF_NAME_LEN_MAX + 8], hex[CLI_HEX_LEN], path[CLI_PATH_LEN];
  w->merging = commit != NULL;
  if (commit == NULL) {
    cli_workcopy_file(w, "MERGE", path);
    unlink(path);
    return CLI_DONE;
  }
  cli_hex(commit, hex);
  w->merge_head = *commit;
  snprintf(line, sizeof line, "%s %.*s\n", hex, SO_REF_NAME_LEN_MAX, label);
  return write_line(w, "MERGE", line);
}

int cli_workcopy_move(cli_workcopy *w, const so_oid *commit, const char *why) {
  const so_oid none = {{0}};
  if (w->detached) {
    return cli_fail(CLI_REFUSED, "not on a branch; make one with `storectl switch -c NAME`");
  }
  char name[SO_REF_NAME_LEN_MAX + 16];
  so_ref_result result;
  branch_ref(w, name);
  const so_ref_change change = {.name = so_str(name),
                                .new_oid = *commit,
                                .is_checked = true,
                                .old_oid = w->has_head ? w->head : none};
  const so_person person = cli_person(w->c);
  const so_ref_note note = {so_bytes_first(person.name, SO_REF_WHO_LEN_MAX),
                            so_bytes_first(so_str(why), SO_REF_WHY_LEN_MAX), person.time_ms};
  const so_status status = so_repo_update_refs(&w->repo, &change, 1, &note, &result);
  return so_ok(status) ? cli_workcopy_refresh(w) : cli_fail_status(status, w->branch);
}

// --- opening --------------------------------------------------------------------------------

static int open_store(cli_workcopy *w, const char *path) {
  so_status status = so_unix_open_block(so_str(path), false, &w->device);
  if (so_is(status, SO_CONFLICT)) {
    return cli_fail(CLI_REFUSED, "another storectl is at work in %s; wait for it", w->root);
  }
  if (!so_ok(status)) {
    return cli_fail_status(status, path);
  }
  const so_db_config config = {.device = &w->device, .heap = w->c->heap, .cache_len = CACHE_LEN};
  status = so_db_open(&config, &w->db);
  if (!so_ok(status)) {
    so_block_close(&w->device);
    const bool no_store = so_is(status, SO_NOT_FOUND) || so_is(status, SO_MALFORMED);
    return cli_fail_status(no_store ? so_status_make(SO_CORRUPT, 0) : status, path);
  }
  w->repos.db = w->db;
  w->repos.heap = w->c->heap;
  status = so_repo_open(&w->repos, so_str(CLI_REPO), &w->repo);
  if (!so_ok(status)) {
    return cli_fail_status(status, path);
  }
  w->tree = so_repo_tree(&w->repo);
  return CLI_DONE;
}

// find_root walks up from `dir` to the one that has `.storectl`.
static bool find_root(const char *dir, char out[CLI_PATH_LEN]) {
  char path[PATH_MAX], probe[CLI_PATH_LEN];
  struct stat s;
  if (realpath(dir == NULL ? "." : dir, path) == NULL) {
    return false;
  }
  for (;;) {
    const bool top = strcmp(path, "/") == 0;
    snprintf(probe, sizeof probe, "%s/" CLI_DIR "/store", top ? "" : path);
    if (stat(probe, &s) == 0) {
      snprintf(out, CLI_PATH_LEN, "%s", top ? "" : path);
      return true;
    }
    if (top) {
      return false;
    }
    char *slash = strrchr(path, '/');
    slash[slash == path ? 1 : 0] = '\0';
  }
}

int cli_workcopy_open(cli *c, const char *dir, cli_workcopy *w) {
  char path[CLI_PATH_LEN];
  const cli_workcopy empty = {.c = c, .root_fd = -1};
  *w = empty;
  if (!find_root(dir, w->root)) {
    return cli_fail(CLI_USAGE, "not in a working copy; `storectl init` makes one here, `storectl "
                               "clone URL` gets one");
  }
  w->root_fd = open(w->root[0] == '\0' ? "/" : w->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (w->root_fd < 0) {
    return cli_fail(CLI_REFUSED, "%s: %s", w->root, strerror(errno));
  }
  cli_workcopy_file(w, "store", path);
  int code = open_store(w, path);
  if (code == CLI_DONE) {
    code = read_head(w);
  }
  if (code == CLI_DONE) {
    code = cli_workcopy_refresh(w);
  }
  if (code == CLI_DONE) {
    read_merge(w);
    cli_index_init(&w->index, c->heap);
    w->has_index = true;
    cli_workcopy_file(w, "index", path);
    cli_index_load(&w->index, path);
  }
  return code;
}

void cli_workcopy_close(cli_workcopy *w) {
  if (w->has_index) {
    cli_index_release(&w->index);
  }
  if (w->db != NULL) {
    (void)so_db_close(w->db).code;  // What was said to be done is durable already.
    so_block_close(&w->device);
  }
  if (w->root_fd >= 0) {
    close(w->root_fd);
  }
}

int cli_workcopy_flush(cli_workcopy *w) {
  const so_status status = so_db_flush(w->db);
  return so_ok(status) ? CLI_DONE : cli_fail_status(status, "the store of this working copy");
}

// --- creating -------------------------------------------------------------------------------

static so_status format(cli *c, const so_block *device, const uint8_t *salt, const char *branch) {
  uint8_t seed[SO_DB_SEED_LEN], drawn[SO_SALT_LEN];
  so_entropy_fill(&c->world->entropy, seed, sizeof seed);
  so_entropy_fill(&c->world->entropy, drawn, sizeof drawn);
  SO_TRY(so_db_format(device, c->heap, seed, NULL));
  const so_db_config config = {.device = device, .heap = c->heap};
  so_db *db;
  SO_TRY(so_db_open(&config, &db));
  const so_repos repos = {.db = db, .heap = c->heap};
  so_repo repo;
  const so_status status = so_repo_create(&repos, so_str(CLI_REPO), salt == NULL ? drawn : salt,
                                          so_str(branch), cli_now_ms(c), &repo);
  const so_status closed = so_db_close(db);
  return so_ok(status) ? closed : status;
}

int cli_workcopy_create(cli *c, const char *dir, const uint8_t *salt, const char *branch) {
  char path[CLI_PATH_LEN];
  snprintf(path, sizeof path, "%s/" CLI_DIR, dir);
  if (mkdir(path, 0777) != 0) {
    return errno == EEXIST
               ? cli_fail(CLI_REFUSED, "%s is a working copy already", dir)
               : cli_fail(CLI_REFUSED, "cannot make %s: %s", path, strerror(errno));
  }
  snprintf(path, sizeof path, "%s/" CLI_DIR "/new-store", dir);
  so_block device;
  so_status status = so_unix_open_block(so_str(path), true, &device);
  if (so_ok(status)) {
    status = format(c, &device, salt, branch);
    so_block_close(&device);
  }
  if (!so_ok(status)) {
    return cli_fail_status(status, path);
  }
  cli_workcopy w = {.c = c};
  char line[SO_REF_NAME_LEN_MAX + 16], store[CLI_PATH_LEN];
  snprintf(w.root, sizeof w.root, "%s", dir);
  snprintf(line, sizeof line, "branch %s\n", branch);
  const int code = write_line(&w, "HEAD", line);
  if (code != CLI_DONE) {
    return code;
  }
  snprintf(store, sizeof store, "%s/" CLI_DIR "/store", dir);  // The last step: now it is one.
  return rename(path, store) == 0 ? CLI_DONE
                                  : cli_fail(CLI_REFUSED, "%s: %s", store, strerror(errno));
}

// --- paths ----------------------------------------------------------------------------------

// normalise resolves "." and ".." in an absolute path by its text.
static void normalise(const char *path, char out[CLI_PATH_LEN]) {
  size_t len = 0;
  while (*path != '\0') {
    while (*path == '/') {
      path++;
    }
    const size_t n = strcspn(path, "/");
    if (n == 2 && path[0] == '.' && path[1] == '.') {
      while (len > 0 && out[--len] != '/') {
      }
    } else if (n != 0 && !(n == 1 && path[0] == '.') && len + n + 2 < CLI_PATH_LEN) {
      out[len++] = '/';
      memcpy(out + len, path, n);
      len += n;
    }
    path += n;
  }
  out[len] = '\0';
}

int cli_workcopy_relative(const cli_workcopy *w, const char *given, char out[CLI_PATH_LEN]) {
  char joined[2 * CLI_PATH_LEN], plain[CLI_PATH_LEN], cwd[PATH_MAX];
  if (given[0] == '/') {
    snprintf(joined, sizeof joined, "%s", given);
  } else if (getcwd(cwd, sizeof cwd) != NULL) {
    snprintf(joined, sizeof joined, "%s/%s", cwd, given);
  } else {
    return cli_fail(CLI_REFUSED, "the current directory is gone");
  }
  normalise(joined, plain);
  const size_t root_len = strlen(w->root);
  if (strncmp(plain, w->root, root_len) != 0 ||
      (plain[root_len] != '/' && plain[root_len] != '\0')) {
    return cli_fail(CLI_USAGE, "%s is outside of the working copy %s", given, w->root);
  }
  snprintf(out, CLI_PATH_LEN, "%s", plain + root_len + (plain[root_len] == '/' ? 1 : 0));
  return CLI_DONE;
}
