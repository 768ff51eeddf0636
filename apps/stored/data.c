#include "apps/stored/data.h"

#include "base/fmt.h"
#include "crypto/ct/ct.h"

// --- opening --------------------------------------------------------------------------------

static const char *refusal(so_db_found found) {
  switch (found) {
    case SO_DB_FOUND_EMPTY:
      return "it is empty; --init makes a database of it";
    case SO_DB_FOUND_NEWER:
      return "a later version of stored wrote it; use that one";
    case SO_DB_FOUND_DAMAGED:
      return "both superblocks are damaged; restore a backup, or clone from another copy";
    case SO_DB_FOUND_FOREIGN:
      return "it holds something that is not a database of stored; choose another file";
    case SO_DB_FOUND_OURS:
      break;
  }
  return "it cannot be used";
}

static so_status refuse(const so_options *options, so_status status, const char *why,
                        so_buf *error) {
  so_buf_printf(error, "stored: %.*s: %s", SO_FMT(options->data), why);
  return status;
}

static so_status prepare(const so_world *world, const so_options *options, const so_block *device,
                         so_buf *error) {
  so_db_found found;
  uint8_t seed[SO_DB_SEED_LEN];
  const so_status status = so_db_probe(device, world->heap, &found);
  if (!so_ok(status)) {
    return refuse(options, status, "it cannot be read", error);
  }
  if (found == SO_DB_FOUND_OURS) {
    return so_done();
  }
  if (found != SO_DB_FOUND_EMPTY || !options->init) {
    const bool damaged = found == SO_DB_FOUND_DAMAGED;
    return refuse(options, so_status_make(damaged ? SO_CORRUPT : SO_DENIED, 0), refusal(found),
                  error);
  }
  if (device->read_only) {
    return refuse(options, so_status_make(SO_DENIED, 0), "it is empty and read-only", error);
  }
  so_entropy_fill(&world->entropy, seed, sizeof seed);
  const so_status formatted = so_db_format(device, world->heap, seed, NULL);
  so_wipe(seed, sizeof seed);
  return so_ok(formatted) ? formatted
                          : refuse(options, formatted, "it cannot be formatted: too small, or full",
                                   error);
}

static so_status say_why(const so_options *options, so_status status, so_buf *error) {
  if (so_is(status, SO_LIMIT)) {
    return refuse(options, status,
                  status.detail == SO_DB_PART_SUPERBLOCK
                      ? "it was made on a larger disk, or in a file, which is made to grow; nothing was "
                        "changed. Serve it where it was, and bring its repositories here with storectl "
                        "clone and push; or give a disk as large as the one it was made on"
                      : "there is not enough memory to open it",
                  error);
  }
  so_buf_printf(error, "stored: %.*s: cannot be opened (%s, %s)", SO_FMT(options->data),
                so_code_name((so_code)status.code), so_db_part_name(status.detail));
  return status;
}

so_status so_data_open(const so_world *world, const so_options *options, const so_block *device,
                       so_db **out, so_buf *error) {
  SO_TRY(prepare(world, options, device, error));
  const so_db_config config = {
      .device = device,
      .heap = world->heap,
      .cache_len = (size_t)options->cache_mib << 20,
      .memory_len = world->memory_len,
  };
  const so_status status = so_db_open(&config, out);
  return so_ok(status) ? status : say_why(options, status, error);
}

so_status so_data_write_beside(const so_world *world, so_bytes data, const char *suffix,
                               so_bytes bytes) {
  so_buf name;
  so_buf_init(&name, world->heap, 8192);
  so_buf_append(&name, data);
  so_buf_append_str(&name, suffix);
  so_bytes path;
  so_status status = so_buf_end(&name, &path);
  if (so_ok(status)) {
    status = world->sidecar.write(world->sidecar.ctx, path, bytes);
  }
  so_buf_release(&name);
  return status;
}

// --- first token ----------------------------------------------------------------------------

static so_status found_one(void *ctx, const so_token *token) {
  (void)token;
  *(bool *)ctx = true;
  return so_done();
}

so_status so_data_first_token(so_server *s, const so_options *options) {
  bool any = false;
  SO_TRY(so_token_list(&s->repos, 0, 1, found_one, &any));
  if (any || !options->init) {
    return so_done();
  }
  uint8_t entropy[SO_TOKEN_ENTROPY_LEN], text[SO_TOKEN_TEXT_LEN + 1];
  so_token token = {.note = so_str("admin"), .created_ms = so_server_now_ms(s), .scope_count = 1};
  token.scopes[0].pattern = so_str("*");
  token.scopes[0].rights = SO_RIGHT_READ | SO_RIGHT_WRITE | SO_RIGHT_ADMIN;
  so_entropy_fill(&s->world->entropy, entropy, sizeof entropy);
  so_status status = so_token_create(&s->repos, entropy, &token, text);
  text[SO_TOKEN_TEXT_LEN] = '\n';
  // First the file: a token in force that nobody has would lock the database.
  if (so_ok(status)) {
    status = so_data_write_beside(s->world, options->data, ".token",
                                  so_bytes_of(text, sizeof text));
  }
  if (so_ok(status)) {
    status = so_server_make_durable(s);
  }
  so_wipe(entropy, sizeof entropy);
  so_wipe(text, sizeof text);
  return status;
}
