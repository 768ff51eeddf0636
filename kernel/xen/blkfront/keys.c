// What is said in xenstore.

#include "base/fmt.h"
#include "kernel/xen/blkfront/internal.h"

#define SEGMENTS_PER_PAGE (PAGE_LEN / 8u)

static bool number(const so_xen_keys *keys, const char *key, uint64_t *out) {
  so_bytes text;
  return keys->read(keys->ctx, key, &text) && so_ok(so_parse_u64(text, out));
}

static bool flag(const so_xen_keys *keys, const char *key) {
  uint64_t v;
  return number(keys, key, &v) && v != 0;
}

uint32_t so_blkfront_ring_order(const so_blkfront *f, const so_xen_keys *back) {
  uint64_t order;
  if (!number(back, "max-ring-page-order", &order)) {
    return 0;
  }
  return order < f->config.ring_order ? (uint32_t)order : f->config.ring_order;
}

uint16_t so_blkfront_handle(const so_xen_keys *front) {
  uint64_t v;
  return number(front, "virtual-device", &v) ? (uint16_t)v : 0;
}

static uint32_t read_segments(const so_xen_keys *back) {
  uint64_t v;
  if (!number(back, "feature-max-indirect-segments", &v) ||
      v <= BLKIF_MAX_SEGMENTS_PER_REQUEST) {
    return BLKIF_MAX_SEGMENTS_PER_REQUEST;
  }
  // One indirect page is enough for the longest request that we make.
  _Static_assert(SO_BLKFRONT_REQUEST_PAGES_MAX <= SEGMENTS_PER_PAGE, "one indirect page");
  return v < SEGMENTS_PER_PAGE ? (uint32_t)v : SEGMENTS_PER_PAGE;
}

static bool read_only(const so_xen_keys *back) {
  uint64_t info;
  so_bytes mode;
  return (number(back, "info", &info) && (info & VDISK_READONLY) != 0) ||
         (back->read(back->ctx, "mode", &mode) && mode.len != 0 && mode.ptr[0] == 'r');
}

so_status so_blkfront_read_properties(const so_xen_keys *back, so_blkfront_features *out,
                                   const char **out_why) {
  uint64_t sectors;
  uint64_t unit = SECTOR_LEN;
  if (!number(back, "sectors", &sectors) || sectors > UINT64_MAX / SECTOR_LEN) {
    *out_why = "the back end does not say how large the disk is (sectors)";
    return so_status_make(SO_MALFORMED, 0);
  }
  if (number(back, "sector-size", &unit) && unit != SECTOR_LEN && unit != PAGE_LEN) {
    *out_why = "the disk's sectors are of neither 512 nor 4096 bytes (sector-size)";
    return so_status_make(SO_UNSUPPORTED, 0);
  }
  *out = (so_blkfront_features){
      .capacity = sectors * SECTOR_LEN / unit * unit,
      .unit_len = (uint32_t)unit,
      .segments = read_segments(back),
      .read_only = read_only(back),
      .flush = flag(back, "feature-flush-cache"),
      .barrier = flag(back, "feature-barrier"),
  };
  if (out->capacity == 0) {
    *out_why = "the disk has no sector";
    return so_status_make(SO_LIMIT, 0);
  }
  return so_done();
}

static void write_number(const so_xen_writer *out, const char *key, uint32_t v) {
  char text[12];
  so_writer w = so_writer_of((uint8_t *)text, sizeof text);
  so_write_printf(&w, "%u%c", v, 0);
  out->write(out->ctx, key, text);
}

static void write_rings(const so_share_block *b, const so_xen_writer *out) {
  if (b->count == 1) {
    write_number(out, "ring-ref", b->refs[0]);
    out->write(out->ctx, "ring-page-order", NULL);
    out->write(out->ctx, "num-ring-pages", NULL);
    return;
  }
  out->write(out->ctx, "ring-ref", NULL);
  uint32_t order = 0;
  while (1u << order < b->count) {
    order++;
  }
  write_number(out, "ring-page-order", order);
  write_number(out, "num-ring-pages", b->count);
  for (uint32_t i = 0; i < b->count; i++) {
    char key[16];
    so_writer w = so_writer_of((uint8_t *)key, sizeof key);
    so_write_printf(&w, "ring-ref%u%c", i, 0);
    write_number(out, key, b->refs[i]);
  }
}

void so_blkfront_write_keys(const so_blkfront *f, const so_xen_writer *out) {
  write_rings(f->ring_memory.current, out);
  write_number(out, "event-channel", f->peer.event_port);
  out->write(out->ctx, "protocol", XEN_IO_PROTO_ABI_NATIVE);
  out->write(out->ctx, "feature-persistent", "1");
  // A program that ran here before may have left them.
  out->write(out->ctx, "feature-large-sector-size", NULL);
  out->write(out->ctx, "multi-queue-num-queues", NULL);
}
