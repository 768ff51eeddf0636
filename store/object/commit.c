#include "store/object/commit.h"

#include "base/mem.h"
#include "base/reader.h"
#include "base/writer.h"

#define VERSION 1u
#define FLAG_SIGNED 1u
#define ZONE_MINUTES_MAX 1440
#define SEAL_LEN (SO_SIGNER_LEN + SO_SIGNATURE_LEN)

// --- rules that hold for what is written and what is read ---------------------------------------

static bool person_is_valid(const so_person *p) {
  const bool one_line = so_bytes_find(p->name, '\n') == p->name.len &&
                        so_bytes_find(p->name, 0) == p->name.len;
  return p->name.len <= SO_PERSON_LEN_MAX && one_line && p->zone_minutes >= -ZONE_MINUTES_MAX &&
         p->zone_minutes <= ZONE_MINUTES_MAX;
}

static bool parents_are_valid(const so_commit *c) {
  if (c->parent_count > SO_PARENTS_MAX) {
    return false;
  }
  for (uint32_t i = 0; i < c->parent_count; i++) {
    if (so_oid_is_none(&c->parents[i])) {
      return false;
    }
    for (uint32_t j = 0; j < i; j++) {
      if (so_oid_equal(&c->parents[i], &c->parents[j])) {
        return false;
      }
    }
  }
  return true;
}

// The generation of a commit with parents also has to fit theirs; that needs the parents.
static bool commit_is_valid(const so_commit *c) {
  const bool generation_fits = c->parent_count == 0 ? c->generation == 1 : c->generation > 1;
  return parents_are_valid(c) && generation_fits && person_is_valid(&c->author) &&
         person_is_valid(&c->committer) && c->message.len <= SO_MESSAGE_LEN_MAX;
}

static bool tag_is_valid(const so_tag *t) {
  const bool one_line =
      so_bytes_find(t->name, '\n') == t->name.len && so_bytes_find(t->name, 0) == t->name.len;
  const bool kind_is_known = t->target_kind >= SO_KIND_CHUNK && t->target_kind <= SO_KIND_TAG;
  return !so_oid_is_none(&t->target) && kind_is_known && one_line &&
         t->name.len <= SO_PERSON_LEN_MAX && person_is_valid(&t->tagger) &&
         t->message.len <= SO_MESSAGE_LEN_MAX;
}

// --- pieces -------------------------------------------------------------------------------------

static void put_oid(so_buf *out, const so_oid *oid) {
  so_buf_append(out, so_bytes_of(oid->bytes, SO_OID_LEN));
}

static void put_varbytes(so_buf *out, so_bytes bytes) {
  so_buf_append_varint(out, bytes.len);
  so_buf_append(out, bytes);
}

static void put_person(so_buf *out, const so_person *p) {
  uint8_t when[10];
  so_writer w = so_writer_of(when, sizeof when);
  so_write_u64be(&w, (uint64_t)p->time_ms);
  so_write_u16be(&w, (uint16_t)p->zone_minutes);
  put_varbytes(out, p->name);
  so_buf_append(out, so_writer_bytes(&w));
}

static bool read_oid(so_reader *r, so_oid *out) { return so_read_copy(r, out->bytes, SO_OID_LEN); }

static bool read_person(so_reader *r, so_person *out) {
  uint64_t time_ms = 0;
  uint16_t zone = 0;
  if (!so_read_varbytes(r, &out->name) || !so_read_u64be(r, &time_ms) ||
      !so_read_u16be(r, &zone)) {
    return false;
  }
  out->time_ms = (int64_t)time_ms;
  out->zone_minutes = (int16_t)zone;
  return true;
}

static bool read_version(so_reader *r) {
  uint8_t version = 0;
  return so_read_u8(r, &version) && version == VERSION;
}

static so_status malformed(void) { return so_status_make(SO_MALFORMED, 0); }

// --- commits ------------------------------------------------------------------------------------

so_status so_commit_encode(const so_commit *commit, so_buf *out) {
  if (!commit_is_valid(commit)) {
    return so_status_make(SO_LIMIT, 0);
  }
  so_buf_append_u8(out, VERSION);
  so_buf_append_u8(out, commit->is_signed ? FLAG_SIGNED : 0);
  put_oid(out, &commit->root);
  so_buf_append_u8(out, (uint8_t)commit->parent_count);
  for (uint32_t i = 0; i < commit->parent_count; i++) {
    put_oid(out, &commit->parents[i]);
  }
  so_buf_append_varint(out, commit->generation);
  put_person(out, &commit->author);
  put_person(out, &commit->committer);
  put_varbytes(out, commit->message);
  if (commit->is_signed) {
    so_buf_append(out, so_bytes_of(commit->signer, SO_SIGNER_LEN));
    so_buf_append(out, so_bytes_of(commit->signature, SO_SIGNATURE_LEN));
  }
  so_bytes all;
  return so_buf_end(out, &all);
}

static bool read_parents(so_reader *r, so_commit *out) {
  uint8_t count = 0;
  if (!so_read_u8(r, &count) || count > SO_PARENTS_MAX) {
    return false;
  }
  out->parent_count = count;
  for (uint32_t i = 0; i < count; i++) {
    if (!read_oid(r, &out->parents[i])) {
      return false;
    }
  }
  return true;
}

static bool read_commit(so_reader *r, so_commit *out) {
  uint8_t flags = 0;
  if (!read_version(r) || !so_read_u8(r, &flags) || (flags & ~FLAG_SIGNED) != 0) {
    return false;
  }
  out->is_signed = flags == FLAG_SIGNED;
  if (!read_oid(r, &out->root) || !read_parents(r, out) || !so_read_varint(r, &out->generation) ||
      !read_person(r, &out->author) || !read_person(r, &out->committer) ||
      !so_read_varbytes(r, &out->message)) {
    return false;
  }
  return !out->is_signed || (so_read_copy(r, out->signer, SO_SIGNER_LEN) &&
                             so_read_copy(r, out->signature, SO_SIGNATURE_LEN));
}

so_status so_commit_decode(so_bytes payload, so_commit *out) {
  so_reader r = so_reader_of(payload);
  so_commit c;
  memset(&c, 0, sizeof c);
  if (!read_commit(&r, &c) || !so_reader_done(&r) || !commit_is_valid(&c)) {
    return malformed();
  }
  *out = c;
  return so_done();
}

so_bytes so_commit_signed_part(so_bytes payload) {
  return so_bytes_first(payload, payload.len < SEAL_LEN ? 0 : payload.len - SEAL_LEN);
}

// --- tags ---------------------------------------------------------------------------------------

so_status so_tag_encode(const so_tag *tag, so_buf *out) {
  if (!tag_is_valid(tag)) {
    return so_status_make(SO_LIMIT, 0);
  }
  so_buf_append_u8(out, VERSION);
  so_buf_append_u8(out, (uint8_t)tag->target_kind);
  put_oid(out, &tag->target);
  put_varbytes(out, tag->name);
  put_person(out, &tag->tagger);
  put_varbytes(out, tag->message);
  so_bytes all;
  return so_buf_end(out, &all);
}

so_status so_tag_decode(so_bytes payload, so_tag *out) {
  so_reader r = so_reader_of(payload);
  so_tag t;
  memset(&t, 0, sizeof t);
  uint8_t kind = 0;
  if (!read_version(&r) || !so_read_u8(&r, &kind) || !read_oid(&r, &t.target) ||
      !so_read_varbytes(&r, &t.name) || !read_person(&r, &t.tagger) ||
      !so_read_varbytes(&r, &t.message) || !so_reader_done(&r)) {
    return malformed();
  }
  t.target_kind = (so_kind)kind;
  if (!tag_is_valid(&t)) {
    return malformed();
  }
  *out = t;
  return so_done();
}
