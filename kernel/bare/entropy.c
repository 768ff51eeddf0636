// The entropy pool: a generator keyed by the hash of all that is unpredictable here, or unique.
//
// Counted as unpredictable: the processor's generator, that of the host (virtio's entropy device), a seed of 32 bytes
// from whoever starts the machine, in the settings or by the loader (device tree), and the one that the start before
// this left on a disk. Without any there are no keys to be had, and the machine does not start. Mixed in besides, and not counted: how
// long memory and the devices take, by the fastest counter, and the time.

#include "base/hex.h"
#include "base/mem.h"
#include "crypto/ct/ct.h"
#include "kernel/bare/internal.h"

#define SEED_LEN 32u
#define HARDWARE_LEN 64u
#define HOST_LEN 32u
#define LOADER_LEN 64u
#define JITTER_SAMPLES 256u
#define RESEED_AFTER (1u << 20)

// Any bytes, a key's length at a time; the generator runs between two, so none can take back another.
static void mix(so_rng *rng, const void *bytes, size_t len) {
  const uint8_t *at = bytes;
  while (len != 0) {
    uint8_t part[SO_RNG_SEED_LEN] = {0};
    const size_t n = len < sizeof part ? len : sizeof part;
    memcpy(part, at, n);
    so_rng_reseed(rng, part);
    so_wipe(part, sizeof part);
    at += n;
    len -= n;
  }
}

static void mix_jitter(so_rng *rng, bare *b) {
  uint64_t samples[JITTER_SAMPLES];
  volatile uint8_t *const page = so_ram_take(&b->pages, 1);
  for (size_t i = 0; i < JITTER_SAMPLES; i++) {
    samples[i] = so_machine_ticks();
    if (page != NULL) {
      const size_t at = (size_t)(samples[i] * 2654435761u % SO_PAGE_LEN);
      page[at] = (uint8_t)(page[at] + 1);
    }
  }
  if (page != NULL) {
    so_ram_give(&b->pages, (void *)(uintptr_t)page, 1);
  }
  mix(rng, samples, sizeof samples);
}

static void mix_time(so_rng *rng) {
  const int64_t times[3] = {so_devices_unix_ns(), so_machine_unix_ns(),
                            (int64_t)so_machine_now_ns()};
  mix(rng, times, sizeof times);
}

// A seed that is too short is refused rather than ignored: its owner counts on it.
static bool seed_of(const bare *b, uint8_t out[SEED_LEN], bool *out_has, const char **out_why) {
  so_bytes text;
  *out_has = so_command_line_get(&b->command_line, SO_SETTING_SEED, &text);
  if (*out_has && (text.len != 2 * SEED_LEN || !so_ok(so_hex_read(text, out, SEED_LEN)))) {
    *out_why = "seed= wants 64 hexadecimal digits, such as `openssl rand -hex 32` prints";
    return false;
  }
  return true;
}

static void fill(void *ctx, uint8_t *out, size_t len) {
  bare_pool *const pool = ctx;
  so_rng_fill(&pool->rng, out, len);
  pool->drawn += len < RESEED_AFTER ? len : RESEED_AFTER;
  if (pool->drawn >= RESEED_AFTER) {
    uint8_t more[SO_RNG_SEED_LEN] = {0};
    (void)so_machine_random(more, sizeof more);
    so_rng_reseed(&pool->rng, more);
    so_wipe(more, sizeof more);
    pool->drawn = 0;
  }
}

// The seed on a disk comes last: what replaces it there is made of all the others.
static const char *renew_seed(bare *b, bool *io_good) {
  so_bytes disk;
  if (!so_command_line_get(&b->command_line, SO_SETTING_SEED_DISK, &disk)) {
    return *io_good ? NULL
                    : "this machine has no random numbers: its processor has no generator, the host gives none, and "
                      "there is no seed. Add seed= and the output of `openssl rand -hex 32` to the settings, anew "
                      "each start, or once and beside it seed-disk= with a small disk of its own";
  }
  if (so_bare_image.seed_disk == NULL) {
    return "seed-disk= is given, but this image is built without the part disks";
  }
  return so_bare_image.seed_disk(b, disk, io_good);
}

bool bare_entropy_init(bare *b, const char **out_why) {
  uint8_t hardware[HARDWARE_LEN] = {0};
  uint8_t host[HOST_LEN] = {0};
  uint8_t loader[LOADER_LEN] = {0};
  uint8_t seed[SEED_LEN] = {0};
  bool has_seed;
  so_rng *const rng = &b->pool.rng;
  if (!seed_of(b, seed, &has_seed, out_why)) {
    return false;
  }
  const bool has_hardware = so_machine_random(hardware, sizeof hardware);
  const bool has_host = so_devices_random(host, sizeof host) == sizeof host;
  const size_t loader_len = so_machine_seed(loader, sizeof loader);
  bool good = has_hardware || has_host || has_seed || loader_len >= SEED_LEN;
  so_rng_init(rng, hardware);
  mix(rng, hardware, sizeof hardware);
  mix(rng, host, sizeof host);
  mix(rng, loader, loader_len);
  mix(rng, seed, sizeof seed);
  mix(rng, b->boot.command_line.ptr, b->boot.command_line.len);
  mix_time(rng);
  mix_jitter(rng, b);
  *out_why = renew_seed(b, &good);
  b->world.entropy = (so_entropy){fill, &b->pool};
  so_wipe(hardware, sizeof hardware);
  so_wipe(host, sizeof host);
  so_wipe(loader, sizeof loader);
  so_wipe(seed, sizeof seed);
  return *out_why == NULL;
}
