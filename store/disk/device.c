#include "store/disk/internal.h"

// Device access and the segment table.

// --- segments -------------------------------------------------------------------------------

uint64_t so_disk_segment_place(const so_db *db, uint32_t segment) {
  return DATA_OFF + (uint64_t)segment * db->super.segment_len;
}

so_status so_disk_segment_take(so_db *db, segment_state state, uint32_t reserve, uint32_t *out) {
  if (db->free_count <= reserve) {
    return fail(SO_LIMIT, 0);
  }
  for (uint32_t i = 0; i < db->super.segment_count; i++) {
    const uint32_t segment = (db->segment_cursor + i) % db->super.segment_count;
    if (db->segment_states[segment] == SEGMENT_FREE) {
      db->segment_states[segment] = (uint8_t)state;
      db->segment_cursor = segment + 1;
      db->free_count--;
      *out = segment;
      return so_done();
    }
  }
  return fail(SO_LIMIT, 0);
}

void so_disk_segment_give(so_db *db, uint32_t segment) {
  SO_ASSERT(segment < db->super.segment_count && db->segment_states[segment] != SEGMENT_FREE);
  db->segment_states[segment] = SEGMENT_FREE;
  db->free_count++;
}

// --- reading --------------------------------------------------------------------------------

// Bytes that are in memory because their extent is not written, or is still listed.
static bool read_extent(const so_db *db, uint64_t place, uint8_t *out, size_t len) {
  for (const extent *e = db->log.first; e != NULL; e = e->next) {
    if (place >= e->place && place - e->place < e->len) {
      const size_t off = (size_t)(place - e->place);
      if (len > e->len - off) {
        return false;  // Records never cross extents; damaged lengths might ask.
      }
      memcpy(out, e->buf + off, len);
      return true;
    }
  }
  return false;
}

so_status so_disk_device_read(so_db *db, uint64_t place, uint8_t *out, size_t len) {
  if (len == 0 || read_extent(db, place, out, len)) {
    return so_done();
  }
  const uint64_t limit = so_disk_segment_place(db, db->super.segment_count);
  if (place < DATA_OFF || place > limit || len > limit - place) {
    return fail(SO_CORRUPT, SO_DB_PART_RECORD);
  }
  const uint32_t unit = db->device.unit_len;
  const uint64_t first = place & ~(uint64_t)(unit - 1);
  const uint64_t end = align_up(place + len, unit);
  db->stats.device_reads++;
  db->stats.bytes_read += end - first;
  if (first == place && end == place + len) {
    return so_block_read(&db->device, place, out, len);
  }
  const size_t cover = (size_t)(end - first);
  uint8_t *buf = (uint8_t *)so_heap_alloc(db->heap, cover);
  if (buf == NULL) {
    return fail(SO_LIMIT, 0);
  }
  const so_status s = so_block_read(&db->device, first, buf, cover);
  if (so_ok(s)) {
    memcpy(out, buf + (place - first), len);
  }
  so_heap_free(db->heap, buf, cover);
  return s;
}

so_status so_disk_device_write(so_db *db, uint64_t place, so_bytes bytes) {
  SO_TRY(db->failed);
  db->stats.device_writes++;
  db->stats.bytes_written += bytes.len;
  return so_block_write(&db->device, place, bytes);
}

so_status so_disk_device_flush(so_db *db) {
  SO_TRY(db->failed);
  db->stats.flushes++;
  const so_status s = so_block_flush(&db->device);
  if (!so_ok(s)) {
    db->failed = s;  // Nothing that it covered may ever be called durable.
  }
  return s;
}
