// Opens, checks and reads a database whose image was changed: bytes anywhere, or bytes of records,
// index pages and superblocks with their checksums made right again, as only somebody who holds the
// device can.
//
// Input: one byte that chooses the image (clean or crashed), then edits of six bytes: what, which
// (2), where (2), value.

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <string>
#include <vector>

#include "store/disk/internal.h"
#include "store/disk/test_db.h"
#include "tests/sim/block.h"

namespace {

using so_disk_test::Database;
using so_disk_test::Device;
using so_disk_test::Payload;

constexpr uint32_t kSegmentLen = 65536;
constexpr uint32_t kSegmentCount = 32;

struct Image {
  Image(bool closed) : device(65536 + kSegmentCount * kSegmentLen, 512) {
    device.Format(kSegmentLen, 512);
    so_db_config config = device.config();
    config.recent_count = 40;
    config.meta_len = 2000;
    Database db(device, config);
    for (size_t i = 0; i < 700; i++) {
      oids.push_back(db.Put(1, SO_KIND_CHUNK, Payload(i)));
      (void)db.Set("key" + std::to_string(i % 90), Payload(i).substr(0, 40));
    }
    if (testing::Test::HasFailure() || !so_ok(so_db_flush(db.get()))) {
      abort();  // The image is not the one that this target is about.
    }
    key = db.get()->key;
    for (uint32_t segment = 0; segment < kSegmentCount; segment++) {
      walk w;
      walked record;
      so_disk_walk_init(&w, db.get(), segment, 0, 1, 0);
      if (so_ok(so_disk_walk_begin(&w, true))) {
        while (so_ok(so_disk_walk_next(&w, &record))) {
          places.push_back(record.place);
        }
      }
      so_disk_walk_release(&w);
    }
    db.End(closed);
  }
  Device device;
  sum_key key;
  std::vector<so_oid> oids;
  std::vector<uint64_t> places;
};

const Image &TheImage(bool closed) {
  static const Image clean(true);
  static const Image crashed(false);
  return closed ? clean : crashed;
}

// Gives a record, and an index in it, right checksums.
void Resign(const Image &image, so_sim_block *block, uint64_t place) {
  uint8_t header[HEADER_LEN];
  so_sim_block_peek(block, place, header, sizeof header);
  record_header h;
  const uint64_t room = kSegmentLen - (place - DATA_OFF) % kSegmentLen;
  if (!so_disk_parse_record(header, &h) || h.stored_len > room - HEADER_LEN) {
    return;
  }
  std::vector<uint8_t> payload(h.stored_len + 1);
  so_sim_block_peek(block, place + HEADER_LEN, payload.data(), h.stored_len);
  if (h.type == RECORD_INDEX) {
    uint64_t no = 0;
    memcpy(&no, h.oid.bytes, sizeof no);
    for (uint32_t p = 0; (p + 1) * PAGE_LEN <= h.stored_len; p++) {
      so_disk_page_seal(&image.key, no, p, payload.data() + p * PAGE_LEN);
    }
    so_sim_block_poke(block, place + HEADER_LEN, so_bytes_of(payload.data(), h.stored_len));
  }
  so_disk_format_record(&image.key, place, &h, so_bytes_of(payload.data(), h.stored_len), header);
  so_sim_block_poke(block, place, so_bytes_of(header, sizeof header));
}

void EditRecord(const Image &image, so_sim_block *block, unsigned which, unsigned where,
                uint8_t value) {
  const uint64_t place = image.places[which % image.places.size()];
  uint8_t header[HEADER_LEN];
  so_sim_block_peek(block, place, header, sizeof header);
  record_header h;
  const uint32_t len = so_disk_parse_record(header, &h) ? h.stored_len + HEADER_LEN : HEADER_LEN;
  so_sim_block_poke(block, place + where % len, so_bytes_of(&value, 1));
  Resign(image, block, place);
}

void EditSuper(so_sim_block *block, unsigned which, unsigned where, uint8_t value) {
  uint8_t bytes[SUPER_LEN];
  const uint64_t place = which % 2 * SUPER_SLOT_LEN;
  so_sim_block_peek(block, place, bytes, sizeof bytes);
  super_block s;
  if (!so_ok(so_disk_parse_super(bytes, &s))) {
    return;
  }
  reinterpret_cast<uint8_t *>(&s)[where % sizeof s] = value;
  so_disk_format_super(&s, bytes);
  so_sim_block_poke(block, place, so_bytes_of(bytes, sizeof bytes));
}

void Use(so_db *db, const Image &image) {
  const so_db_fsck_visitor visitor = {[](void *, const so_db_damage *) {
                                        return so_status{SO_OK, 0};
                                      },
                                      nullptr, nullptr};
  so_db_fsck_result result;
  (void)so_db_fsck(db, &visitor, &result);
  so_objects objects;
  if (so_ok(so_db_objects(db, 1, &objects))) {
    for (size_t i = 0; i < image.oids.size(); i += 7) {
      so_object object;
      if (so_ok(so_objects_get(&objects, &image.oids[i], &object))) {
        EXPECT_EQ(Payload(i), so_test::Text(object.bytes));
        so_objects_unpin(&objects, &object);
      }
    }
    so_oid oid;
    (void)so_objects_put(&objects, SO_KIND_CHUNK, so_str("another"), &oid);
  }
  so_meta_scan *scan = nullptr;
  const so_bytes none = {nullptr, 0};
  if (so_ok(so_db_meta_scan(db, none, none, &scan))) {
    so_bytes key;
    so_bytes value;
    while (so_ok(so_db_meta_next(scan, &key, &value))) {
    }
    so_db_meta_scan_close(scan);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  if (len == 0) {
    return 0;
  }
  const Image &image = TheImage(data[0] % 2 == 0);
  Device copy(image.device.get());
  for (size_t at = 1; at + 6 <= len && at < 6 * 64; at += 6) {
    const unsigned which = data[at + 1] | data[at + 2] << 8u;
    const unsigned where = data[at + 3] | data[at + 4] << 8u;
    const uint8_t value = data[at + 5];
    if (data[at] % 3 == 0) {
      const uint64_t offset = (uint64_t{which} << 16 | where) % so_sim_block_end(copy.get());
      so_sim_block_flip(copy.get(), offset, value);
    } else if (data[at] % 3 == 1) {
      EditRecord(image, copy.get(), which, where, value);
    } else {
      EditSuper(copy.get(), which, where, value);
    }
  }
  const so_db_config config = copy.config();
  so_db *db = nullptr;
  if (so_ok(so_db_open(&config, &db))) {
    Use(db, image);
    (void)so_db_close(db);
  }
  return 0;
}
