// A seed that outlives the machine, on a disk of its own: for machines that have no other random numbers.
//
// Its first unit:
//   0   16  `SafeOS seeds 01` and LF
//   16  32  the seed of the next start
// and zeros. A seed is replaced, durably, by bytes of the generator that it went into before anything else is drawn
// from that: so none serves two starts, wherever the machine stops, and the disk never tells what a start before it
// has drawn. Whoever copies the disk makes two machines with one seed.

#include "base/mem.h"
#include "crypto/ct/ct.h"
#include "kernel/bare/internal.h"

#define MAGIC_LEN 16u

static const uint8_t magic[] = "SafeOS seeds 01\n";

static bool all_zero(const uint8_t *p, size_t len) {
  unsigned bits = 0;
  for (size_t i = 0; i < len; i++) {
    bits |= p[i];
  }
  return bits == 0;
}

// Takes what is there into the generator; NULL, or why it cannot be used. Only a disk of ours, or of zeros, may be
// written later: the name of another one is a slip of the pen.
static const char *take(so_rng *rng, const so_block *disk, uint8_t *unit, bool *io_good) {
  if (!so_ok(so_block_read(disk, 0, unit, disk->unit_len))) {
    return "the disk of seed-disk= cannot be read";
  }
  if (memcmp(unit, magic, MAGIC_LEN) == 0) {
    so_rng_reseed(rng, unit + MAGIC_LEN);
    *io_good = true;
    return NULL;
  }
  if (!all_zero(unit, disk->unit_len)) {
    return "the disk of seed-disk= holds something else, and was not written: give it a small one of zeros";
  }
  return *io_good ? NULL
                  : "the disk of seed-disk= is empty, and this machine has no other random numbers to begin with: "
                    "add seed= and the output of `openssl rand -hex 32` to the settings of the first start";
}

static const char *replace(so_rng *rng, const so_block *disk, uint8_t *unit) {
  memset(unit, 0, disk->unit_len);
  memcpy(unit, magic, MAGIC_LEN);
  so_rng_fill(rng, unit + MAGIC_LEN, SO_RNG_SEED_LEN);
  so_status s = so_block_write(disk, 0, so_bytes_of(unit, disk->unit_len));
  if (so_ok(s)) {
    s = so_block_flush(disk);
  }
  return so_ok(s) ? NULL : "the seed on the disk of seed-disk= cannot be replaced, and none may serve twice";
}

static const char *renew(bare *b, const so_block *disk, bool *io_good) {
  if (disk->read_only) {
    return "the disk of seed-disk= cannot be written, and no seed may serve twice: attach it for writing";
  }
  uint8_t *const unit = so_heap_alloc(&b->heap, disk->unit_len);
  if (unit == NULL) {
    return "there is not enough memory for the disk of seed-disk=";
  }
  const char *why = take(&b->pool.rng, disk, unit, io_good);
  if (why == NULL) {
    why = replace(&b->pool.rng, disk, unit);
  }
  so_wipe(unit, disk->unit_len);
  so_heap_free(&b->heap, unit, disk->unit_len);
  return why;
}

const char *so_bare_seed_disk(void *ctx, so_bytes name, bool *io_good) {
  bare *const b = ctx;
  so_bytes data;
  so_block disk;
  if (so_command_line_get(&b->command_line, SO_SETTING_DATA, &data) && so_bytes_equal(data, name)) {
    return "seed-disk= and data= name the same disk: a seed needs one of its own";
  }
  if (name.len == 0 || !so_ok(so_bare_open_block(b, name, false, &disk))) {
    return "seed-disk= wants the name of a disk of this machine, such as xvdb";
  }
  const char *const why = renew(b, &disk, io_good);
  so_block_close(&disk);
  return why;
}
