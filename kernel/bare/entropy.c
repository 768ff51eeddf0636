// The entropy pool: a generator keyed by the hash of all that is unpredictable here, or unique.
//
// Counted as unpredictable: the processor's generator, and a seed of 32 bytes from whoever starts the
// machine. Without either there are no keys to be had, and the machine does not start. Mixed in besides, and
// not counted: how long memory and the devices take, by the fastest counter, and the time.

#include "base/hex.h"
#include "base/mem.h"
#include "crypto/sha2/sha2.h"
#include "kernel/bare/internal.h"

#define SEED_LEN 32u
#define HARDWARE_LEN 64u
#define JITTER_SAMPLES 256u
#define RESEED_AFTER (1u << 20)

static void mix_jitter(so_sha256 *hash, bare *b) {
  uint64_t samples[JITTER_SAMPLES];
  volatile uint8_t *const page = so_pages_take(&b->pages, 1);
  for (size_t i = 0; i < JITTER_SAMPLES; i++) {
    samples[i] = so_machine_ticks();
    if (page != NULL) {
      const size_t at = (size_t)(samples[i] * 2654435761u % SO_PAGE_LEN);
      page[at] = (uint8_t)(page[at] + 1);
    }
  }
  if (page != NULL) {
    so_pages_give(&b->pages, (void *)(uintptr_t)page, 1);
  }
  so_sha256_update(hash, so_bytes_of(samples, sizeof samples));
}

static void mix_time(so_sha256 *hash) {
  const int64_t times[3] = {so_devices_unix_ns(), so_machine_unix_ns(),
                            (int64_t)so_machine_now_ns()};
  so_sha256_update(hash, so_bytes_of(times, sizeof times));
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
    memset(more, 0, sizeof more);
    pool->drawn = 0;
  }
}

bool bare_entropy_init(bare *b, const char **out_why) {
  uint8_t hardware[HARDWARE_LEN] = {0};
  uint8_t seed[SEED_LEN] = {0};
  uint8_t key[SO_SHA256_LEN];
  bool has_seed;
  so_sha256 hash;
  const so_cpu cpu = so_cpu_portable();
  if (!seed_of(b, seed, &has_seed, out_why)) {
    return false;
  }
  const bool has_hardware = so_machine_random(hardware, sizeof hardware);
  if (!has_hardware && !has_seed) {
    *out_why =
        "this machine has no random numbers: its processor has no generator, and no seed was given. "
        "Add seed= and the output of `openssl rand -hex 32` to the command line, anew each start";
    return false;
  }
  so_sha256_init(&hash, &cpu);
  so_sha256_update(&hash, so_bytes_of(hardware, sizeof hardware));
  so_sha256_update(&hash, so_bytes_of(seed, sizeof seed));
  so_sha256_update(&hash, b->boot.command_line);
  mix_time(&hash);
  mix_jitter(&hash, b);
  so_sha256_final(&hash, key);
  so_rng_init(&b->pool.rng, key);
  b->world.entropy = (so_entropy){fill, &b->pool};
  memset(key, 0, sizeof key);
  memset(hardware, 0, sizeof hardware);
  memset(seed, 0, sizeof seed);
  return true;
}
