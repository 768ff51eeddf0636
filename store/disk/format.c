#include "base/reader.h"
#include "base/writer.h"
#include "crypto/blake2b/blake2b.h"
#include "store/disk/internal.h"

static const char super_magic[] = "SafeOS store 01\n";
static const char segment_magic[] = "so-seg1\n";

#define MAGIC_LEN 16
#define SUPER_SUM_OFF (SUPER_LEN - SO_BLAKE2B_256_LEN)
#define SUM_OFF (HEADER_LEN - 8)
#define BLOCK_TYPE 0xb1

const char *so_db_part_name(unsigned part) {
  static const char *const names[] = {
      "?", "superblock", "segment", "block", "record", "object", "index", "manifest", "meta", "log",
  };
  return part < sizeof names / sizeof names[0] ? names[part] : names[0];
}

static void super_sum(const uint8_t in[SUPER_LEN], uint8_t out[SO_BLAKE2B_256_LEN]) {
  const so_bytes body = so_bytes_of(in, SUPER_SUM_OFF);
  so_blake2b_256(&body, 1, out);
}

void so_disk_format_super(const super_block *s, uint8_t out[SUPER_LEN]) {
  so_writer w = so_writer_of(out, SUPER_LEN);
  so_write_bytes(&w, so_bytes_of(super_magic, MAGIC_LEN));
  so_write_u32le(&w, FORMAT_VERSION);
  so_write_u32le(&w, s->segment_len);
  so_write_u32le(&w, s->align_len);
  so_write_u32le(&w, s->segment_count);
  so_write_u64le(&w, s->generation);
  so_write_u64le(&w, s->checkpoint);
  so_write_u64le(&w, s->manifest_place);
  so_write_u32le(&w, s->manifest_segseq);
  so_write_u32le(&w, s->epoch);
  so_write_bytes(&w, so_bytes_of(s->seed, SO_DB_SEED_LEN));
  so_write_zeros(&w, SUPER_SUM_OFF - w.len);
  super_sum(out, out + SUPER_SUM_OFF);
}

static bool power_of_two(uint32_t v) { return v != 0 && (v & (v - 1)) == 0; }

static bool super_plausible(const super_block *s) {
  return power_of_two(s->segment_len) && s->segment_len >= SO_DB_SEGMENT_LEN_MIN &&
         s->segment_len <= SO_DB_SEGMENT_LEN_MAX && power_of_two(s->align_len) &&
         s->align_len >= 512 && s->align_len <= ALIGN_LEN_MAX &&
         s->align_len <= s->segment_len / 16 && s->segment_count >= SEGMENT_COUNT_MIN &&
         s->segment_count <= SEGMENT_COUNT_MAX && s->epoch != 0 && s->generation != 0;
}

so_status so_disk_parse_super(const uint8_t in[SUPER_LEN], super_block *out) {
  so_reader r = so_reader_of(so_bytes_of(in, SUPER_SUM_OFF));
  so_bytes magic;
  uint32_t version = 0;
  if (!so_read_bytes(&r, MAGIC_LEN, &magic) || !so_read_u32le(&r, &version) ||
      !so_bytes_equal(magic, so_bytes_of(super_magic, MAGIC_LEN))) {
    return fail(SO_NOT_FOUND, SO_DB_PART_SUPERBLOCK);
  }
  uint8_t sum[SO_BLAKE2B_256_LEN];
  super_sum(in, sum);
  if (memcmp(sum, in + SUPER_SUM_OFF, sizeof sum) != 0) {
    return fail(SO_CORRUPT, SO_DB_PART_SUPERBLOCK);
  }
  if (version != FORMAT_VERSION) {
    return fail(SO_UNSUPPORTED, SO_DB_PART_SUPERBLOCK);
  }
  super_block s;
  memset(&s, 0, sizeof s);
  const bool read = so_read_u32le(&r, &s.segment_len) && so_read_u32le(&r, &s.align_len) &&
                    so_read_u32le(&r, &s.segment_count) && so_read_u64le(&r, &s.generation) &&
                    so_read_u64le(&r, &s.checkpoint) && so_read_u64le(&r, &s.manifest_place) &&
                    so_read_u32le(&r, &s.manifest_segseq) && so_read_u32le(&r, &s.epoch) &&
                    so_read_copy(&r, s.seed, SO_DB_SEED_LEN);
  if (!read || !super_plausible(&s)) {
    return fail(SO_CORRUPT, SO_DB_PART_SUPERBLOCK);
  }
  *out = s;
  return so_done();
}

void so_disk_derive_key(const uint8_t seed[SO_DB_SEED_LEN], const char *purpose, uint8_t *out,
                        size_t len) {
  uint8_t hash[SO_BLAKE2B_256_LEN];
  const so_bytes parts[] = {so_str("so-disk "), so_str(purpose), so_bytes_of(seed, SO_DB_SEED_LEN)};
  so_blake2b_256(parts, 3, hash);
  SO_ASSERT(len <= sizeof hash);
  memcpy(out, hash, len);
}

static uint64_t header_sum(const sum_key *key, const uint8_t *header, uint64_t place,
                           uint64_t payload_sum) {
  uint8_t bytes[SUM_OFF + 16];
  so_writer w = so_writer_of(bytes, sizeof bytes);
  so_write_bytes(&w, so_bytes_of(header, SUM_OFF));
  so_write_u64le(&w, place);
  so_write_u64le(&w, payload_sum);
  return so_siphash24(key->bytes, so_writer_bytes(&w));
}

static void put_sum(uint8_t *header, uint64_t sum) {
  so_writer w = so_writer_of(header + SUM_OFF, 8);
  so_write_u64le(&w, sum);
}

static bool sum_equals(const uint8_t *header, uint64_t sum) {
  so_reader r = so_reader_of(so_bytes_of(header + SUM_OFF, 8));
  uint64_t stored = 0;
  return so_read_u64le(&r, &stored) && stored == sum;
}

void so_disk_format_segment(const sum_key *key, uint32_t segment, uint32_t segseq, uint32_t epoch,
                            uint8_t out[HEADER_LEN]) {
  so_writer w = so_writer_of(out, HEADER_LEN);
  so_write_bytes(&w, so_bytes_of(segment_magic, 8));
  so_write_u32le(&w, segment);
  so_write_u32le(&w, segseq);
  so_write_u32le(&w, epoch);
  so_write_zeros(&w, HEADER_LEN - w.len);
  put_sum(out, header_sum(key, out, segment, 0));
}

bool so_disk_parse_segment(const sum_key *key, uint32_t segment, const uint8_t in[HEADER_LEN],
                           uint32_t *out_segseq, uint32_t *out_epoch) {
  so_reader r = so_reader_of(so_bytes_of(in, SUM_OFF));
  so_bytes magic;
  uint32_t number = 0;
  uint32_t segseq = 0;
  uint32_t epoch = 0;
  if (!so_read_bytes(&r, 8, &magic) || !so_read_u32le(&r, &number) || !so_read_u32le(&r, &segseq) ||
      !so_read_u32le(&r, &epoch) || !so_bytes_equal(magic, so_bytes_of(segment_magic, 8)) ||
      number != segment || !sum_equals(in, header_sum(key, in, segment, 0))) {
    return false;
  }
  *out_segseq = segseq;
  *out_epoch = epoch;
  return true;
}

void so_disk_format_block(const sum_key *key, uint64_t place, const block_header *h,
                          uint8_t out[HEADER_LEN]) {
  so_writer w = so_writer_of(out, HEADER_LEN);
  so_write_u8(&w, BLOCK_TYPE);
  so_write_zeros(&w, 3);
  so_write_u32le(&w, h->used);
  so_write_u32le(&w, h->epoch);
  so_write_u32le(&w, h->segseq);
  so_write_u64le(&w, h->durable);
  so_write_zeros(&w, HEADER_LEN - w.len);
  put_sum(out, header_sum(key, out, place, 0));
}

bool so_disk_parse_block(const sum_key *key, uint64_t place, const uint8_t in[HEADER_LEN],
                         block_header *out) {
  so_reader r = so_reader_of(so_bytes_of(in, SUM_OFF));
  uint8_t type = 0;
  block_header h;
  if (!so_read_u8(&r, &type) || type != BLOCK_TYPE || !so_skip(&r, 3) ||
      !so_read_u32le(&r, &h.used) || !so_read_u32le(&r, &h.epoch) ||
      !so_read_u32le(&r, &h.segseq) || !so_read_u64le(&r, &h.durable) ||
      !sum_equals(in, header_sum(key, in, place, 0))) {
    return false;
  }
  *out = h;
  return true;
}

void so_disk_format_record(const sum_key *key, uint64_t place, const record_header *h,
                           so_bytes payload, uint8_t out[HEADER_LEN]) {
  so_writer w = so_writer_of(out, HEADER_LEN);
  so_write_u8(&w, h->type);
  so_write_u8(&w, h->kind);
  so_write_u8(&w, h->codec);
  so_write_u8(&w, 0);
  so_write_u32le(&w, h->stored_len);
  so_write_u32le(&w, h->raw_len);
  so_write_u32le(&w, h->repo);
  so_write_u32le(&w, h->epoch);
  so_write_u32le(&w, h->segseq);
  so_write_bytes(&w, so_bytes_of(h->oid.bytes, SO_OID_LEN));
  put_sum(out, header_sum(key, out, place, so_siphash24(key->bytes, payload)));
}

bool so_disk_parse_record(const uint8_t in[HEADER_LEN], record_header *out) {
  so_reader r = so_reader_of(so_bytes_of(in, SUM_OFF));
  record_header h;
  uint8_t zero = 0;
  if (!so_read_u8(&r, &h.type) || !so_read_u8(&r, &h.kind) || !so_read_u8(&r, &h.codec) ||
      !so_read_u8(&r, &zero) || !so_read_u32le(&r, &h.stored_len) ||
      !so_read_u32le(&r, &h.raw_len) || !so_read_u32le(&r, &h.repo) ||
      !so_read_u32le(&r, &h.epoch) || !so_read_u32le(&r, &h.segseq) ||
      !so_read_copy(&r, h.oid.bytes, SO_OID_LEN) || !so_reader_done(&r)) {
    return false;
  }
  if (h.type < RECORD_OBJECT || h.type > RECORD_SEAL || zero != 0) {
    return false;
  }
  *out = h;
  return true;
}

bool so_disk_record_sum_ok(const sum_key *key, uint64_t place, const uint8_t in[HEADER_LEN],
                           so_bytes payload) {
  return sum_equals(in, header_sum(key, in, place, so_siphash24(key->bytes, payload)));
}

uint64_t so_disk_page_sum(const sum_key *key, uint64_t run_no, uint32_t page_no,
                          const uint8_t *page) {
  uint8_t bytes[24];
  so_writer w = so_writer_of(bytes, sizeof bytes);
  so_write_u64le(&w, so_siphash24(key->bytes, so_bytes_of(page, PAGE_LEN - 8)));
  so_write_u64le(&w, run_no);
  so_write_u64le(&w, page_no);
  return so_siphash24(key->bytes, so_writer_bytes(&w));
}

int so_disk_entry_compare(const entry *a, const entry *b) {
  const int c = memcmp(a->oid.bytes, b->oid.bytes, SO_OID_LEN);
  if (c != 0) {
    return c;
  }
  return a->repo < b->repo ? -1 : a->repo > b->repo ? 1 : 0;
}
