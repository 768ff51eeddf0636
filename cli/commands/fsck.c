#include "cli/commands/commands.h"
#include "cli/commands/shared.h"
#include "kernel/unix/unix.h"
#include "store/disk/db.h"

// A check of a whole store file: of a working copy, or (--data FILE) of a server that is stopped.

typedef struct check {
  const cli *c;
  cli_progress progress;
  uint64_t objects;
  uint64_t damaged;
} check;

static so_status on_damage(void *ctx, const so_db_damage *d) {
  check *k = ctx;
  char hex[CLI_HEX_LEN] = "";
  if (d->has_object) {
    cli_hex(&d->oid, hex);
  }
  k->damaged++;
  cli_progress_end(&k->progress);
  cli_printf("damaged: %s at byte %llu%s%s: %s\n", so_db_part_name(d->part),
             (unsigned long long)d->offset, d->has_object ? ", object " : "", hex, d->text);
  return so_done();
}

static so_status on_object(void *ctx, uint32_t repo, const so_oid *oid, so_kind kind,
                           uint32_t raw_len) {
  check *k = ctx;
  (void)repo;
  (void)oid;
  (void)kind;
  (void)raw_len;
  cli_progress_update(&k->progress, ++k->objects, 0, 0);
  return so_done();
}

static int check_db(cli *c, so_db *db) {
  check k = {.c = c};
  const so_db_fsck_visitor visitor = {on_damage, on_object, &k};
  so_db_fsck_result result;
  cli_progress_begin(&k.progress, c, "Checking objects");
  const so_status status = so_db_fsck(db, &visitor, &result);
  cli_progress_end(&k.progress);
  if (!so_ok(status)) {
    return cli_fail_status(status, "fsck");
  }
  if (c->json) {
    cli_json j;
    cli_json_begin(c, &j);
    so_json_object(&j.w);
    so_json_member_u64(&j.w, "objects", result.objects);
    so_json_member_u64(&j.w, "records", result.records);
    so_json_member_u64(&j.w, "damaged", result.damaged);
    so_json_object_end(&j.w);
    cli_json_end(&j);
  } else {
    cli_printf("%llu objects, %llu damaged\n", (unsigned long long)result.objects,
               (unsigned long long)result.damaged);
  }
  return result.damaged == 0 ? CLI_DONE
                             : cli_fail(CLI_DAMAGED, "fetch what is damaged from another copy");
}

static int check_file(cli *c, const char *file) {
  so_block device;
  so_db *db;
  so_status status = so_unix_open_block(so_str(file), false, &device);
  if (so_is(status, SO_CONFLICT)) {
    return cli_fail(CLI_REFUSED, "%s is in use; stop its server first", file);
  }
  if (!so_ok(status)) {
    return cli_fail_status(status, file);
  }
  const so_db_config config = {.device = &device, .heap = c->heap, .read_only = true};
  status = so_db_open(&config, &db);
  const int code = so_ok(status) ? check_db(c, db) : cli_fail_status(status, file);
  if (so_ok(status)) {
    so_db_abandon(db);
  }
  so_block_close(&device);
  return code;
}

int cli_fsck(cli *c) {
  const char *data = NULL;
  const cli_option options[] = {{"--data", 0, &data, NULL}};
  int code = cli_options(c, options, 1);
  if (code == CLI_DONE) {
    code = cli_want(c, 0, 0, "fsck [--data FILE]");
  }
  if (code != CLI_DONE || data != NULL) {
    return code == CLI_DONE ? check_file(c, data) : code;
  }
  cli_workcopy w;
  code = cli_workcopy_open(c, NULL, &w);
  if (code == CLI_DONE) {
    code = check_db(c, w.db);
  }
  cli_workcopy_close(&w);
  return code;
}
