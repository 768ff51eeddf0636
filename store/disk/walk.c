#include "store/disk/internal.h"

// Reading a log segment record by record, from the front. Every step checks before it believes:
// after a power cut the end of the log is whatever the medium holds there.

#define WINDOW_LEN (256u << 10)

void so_disk_walk_init(walk *w, so_db *db, uint32_t segment, uint32_t segseq, uint32_t epoch,
                       uint32_t off) {
  memset(w, 0, sizeof *w);
  w->db = db;
  w->segment = segment;
  w->segseq = segseq;
  w->epoch = epoch;
  w->off = off;
}

void so_disk_walk_release(walk *w) {
  so_heap_free(w->db->heap, w->buf, w->buf_cap);
  w->buf = NULL;
  w->buf_cap = 0;
  w->buf_len = 0;
}

static so_status window_grow(walk *w, size_t cap) {
  if (cap <= w->buf_cap) {
    return so_done();
  }
  const so_heap *heap = w->db->heap;
  w->buf_len = 0;
  uint8_t *buf = (uint8_t *)so_heap_alloc(heap, cap);
  if (buf == NULL) {
    return fail(SO_LIMIT, 0);
  }
  so_heap_free(heap, w->buf, w->buf_cap);
  w->buf = buf;
  w->buf_cap = cap;
  return so_done();
}

// Views bytes of the segment, which has them. The view lives until the next call.
static so_status view(walk *w, uint32_t off, uint32_t len, const uint8_t **out) {
  const uint32_t segment_len = w->db->super.segment_len;
  SO_ASSERT(len <= segment_len && off <= segment_len - len);
  if (off < w->buf_off || off - w->buf_off > w->buf_len || len > w->buf_len - (off - w->buf_off)) {
    const uint32_t unit = w->db->device.unit_len;
    const uint32_t start = off & ~(unit - 1);
    uint32_t cover = (uint32_t)align_up(off + len, unit) - start;
    cover = cover < WINDOW_LEN ? WINDOW_LEN : cover;
    cover = cover > segment_len - start ? segment_len - start : cover;
    SO_TRY(window_grow(w, cover));
    w->buf_len = 0;
    // What is not written yet is not in one piece on the device: see fsck, which flushes first.
    w->db->stats.device_reads++;
    w->db->stats.bytes_read += cover;
    SO_TRY(so_block_read(&w->db->device, so_disk_segment_place(w->db, w->segment) + start, w->buf,
                         cover));
    w->buf_off = start;
    w->buf_len = cover;
  }
  *out = w->buf + (off - w->buf_off);
  return so_done();
}

so_status so_disk_walk_begin(walk *w, bool any_segseq) {
  const uint8_t *bytes = NULL;
  SO_TRY(view(w, 0, HEADER_LEN, &bytes));
  uint32_t segseq = 0;
  uint32_t epoch = 0;
  if (!so_disk_parse_segment(&w->db->key, w->segment, bytes, &segseq, &epoch) ||
      (!any_segseq && segseq != w->segseq) || epoch < w->epoch) {
    return fail(SO_NOT_FOUND, SO_DB_PART_SEGMENT);
  }
  w->segseq = segseq;
  w->epoch = epoch;
  w->off = w->db->super.align_len;
  w->block_end = 0;
  return so_done();
}

// Reads the block header at `off`. `*out_valid` is false when there is none of this segment.
static so_status block_at(walk *w, uint32_t off, block_header *out, bool *out_valid) {
  const uint32_t segment_len = w->db->super.segment_len;
  *out_valid = false;
  if (off > segment_len - HEADER_LEN) {
    return so_done();
  }
  const uint8_t *bytes = NULL;
  SO_TRY(view(w, off, HEADER_LEN, &bytes));
  *out_valid = so_disk_parse_block(&w->db->key, so_disk_segment_place(w->db, w->segment) + off,
                                   bytes, out) &&
               out->segseq == w->segseq && out->used >= HEADER_LEN &&
               out->used <= segment_len - off;
  return so_done();
}

static so_status enter_block(walk *w, uint32_t off, uint32_t epoch_min, bool *out_entered) {
  block_header h;
  SO_TRY(block_at(w, off, &h, out_entered));
  *out_entered = *out_entered && h.epoch >= epoch_min;
  if (*out_entered) {
    w->epoch = h.epoch;
    w->off = off + HEADER_LEN;
    w->block_end = off + h.used;
  }
  return so_done();
}

static so_status record_at(walk *w, walked *out, bool *out_valid) {
  *out_valid = false;
  const uint32_t left = w->block_end - w->off;
  const uint8_t *bytes = NULL;
  if (left < HEADER_LEN) {
    return so_done();
  }
  SO_TRY(view(w, w->off, HEADER_LEN, &bytes));
  record_header h;
  if (!so_disk_parse_record(bytes, &h) || h.stored_len > left - HEADER_LEN ||
      h.segseq != w->segseq || h.epoch != w->epoch) {
    return so_done();
  }
  SO_TRY(view(w, w->off, HEADER_LEN + h.stored_len, &bytes));
  out->header = h;
  out->place = so_disk_segment_place(w->db, w->segment) + w->off;
  out->payload = so_bytes_of(bytes + HEADER_LEN, h.stored_len);
  *out_valid = so_disk_record_sum_ok(&w->db->key, out->place, bytes, out->payload);
  return so_done();
}

so_status so_disk_walk_next(walk *w, walked *out) {
  const uint32_t align = w->db->super.align_len;
  bool valid = false;
  // Each turn but the last moves to a later block, so the segment's length bounds the loop.
  for (;;) {
    if (w->block_end != 0 && w->off == w->block_end) {
      w->off = (uint32_t)align_up(w->block_end, align);
      w->block_end = 0;
    }
    if (w->block_end == 0) {
      SO_TRY(enter_block(w, w->off, w->epoch, &valid));
      if (!valid) {
        return fail(SO_NOT_FOUND, SO_DB_PART_BLOCK);
      }
      continue;
    }
    SO_TRY(record_at(w, out, &valid));
    if (valid) {
      w->off += HEADER_LEN + out->header.stored_len;
      return so_done();
    }
    // The rest of this block did not survive a crash if a later opening went on right after it.
    const uint32_t after = (uint32_t)align_up(w->off, align);
    SO_TRY(enter_block(w, after, w->epoch + 1, &valid));
    if (!valid) {
      return fail(SO_NOT_FOUND, SO_DB_PART_RECORD);
    }
  }
}

so_status so_disk_walk_block_at(walk *w, block_header *out, bool *out_valid) {
  return block_at(w, w->off, out, out_valid);
}

so_status so_disk_walk_acknowledged(walk *w) {
  const uint32_t align = w->db->super.align_len;
  const uint64_t end = (uint64_t)w->segseq << 32 | w->off;
  for (uint32_t off = (uint32_t)align_up(w->off, align); off < w->db->super.segment_len;
       off += align) {
    block_header h;
    bool valid = false;
    SO_TRY(block_at(w, off, &h, &valid));
    if (valid && h.epoch >= w->epoch && h.durable > end) {
      return fail(SO_CORRUPT, SO_DB_PART_LOG);
    }
  }
  return so_done();
}
