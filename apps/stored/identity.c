#include "apps/stored/identity.h"

#include "crypto/ct/ct.h"

#define META_KEY "server/identity"

static so_status store(so_server *s, const so_identity *identity) {
  uint8_t record[SO_IDENTITY_CERT_LEN_MAX + SO_KEY_PKCS8_LEN_MAX + 16];
  so_writer w = so_writer_of(record, sizeof record);
  so_identity_write(identity, &w);
  const so_meta_op op = {.key = so_str(META_KEY), .value = so_writer_bytes(&w)};
  so_status status = so_status_make(SO_INTERNAL, 0);
  if (!w.failed) {
    s->repos.write.take(s->repos.write.ctx);
    status = so_db_meta_apply(s->db, &op, 1, NULL, NULL);
    s->repos.write.give(s->repos.write.ctx);
  }
  so_wipe(record, sizeof record);
  return so_ok(status) ? so_server_make_durable(s) : status;
}

static so_status make(so_server *s, const so_options *options, so_identity *out) {
  so_identity_request request = {.common_name = so_str("stored")};
  for (size_t i = 0; i < options->listens.count; i++) {
    request.names[request.name_count++] = options->listens.at[i].host;
  }
  for (size_t i = 0; i < options->name_count; i++) {
    request.names[request.name_count++] = options->names[i];
  }
  SO_TRY(so_identity_make(s->world, &request, out));
  return store(s, out);
}

so_status so_identity_load(so_server *s, const so_options *options, so_identity *out,
                           bool *out_made) {
  so_arena arena;
  so_bytes record;
  so_arena_init(&arena, s->world->heap, 4 * SO_IDENTITY_RECORD_LEN_MAX);
  so_status status = so_db_meta_get(s->db, so_str(META_KEY), &arena, &record);
  *out_made = so_is(status, SO_NOT_FOUND) || options->new_certificate;
  if (*out_made) {
    status = make(s, options, out);
  } else if (so_ok(status)) {
    status = so_identity_read(record, out);
    so_wipe((uint8_t *)(uintptr_t)record.ptr, record.len);
  }
  so_arena_release(&arena);
  return status;
}
