// Bytes are what a device writes into its ring, while a driver adds chains and takes what came back. No chain
// may come back twice, or with more bytes than it has room for.
#include <stdlib.h>

#include "kernel/virtio/queue/queue.h"
#include "tests/sim/virtio/device.h"
#include "tests/support/support.h"

static void Bell(void *, uint16_t) {}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  constexpr uint16_t kSize = 8;
  so_test::DevicePages pages;
  so_virtq_config config = {};
  config.size = kSize;
  config.event_idx = len % 2 != 0;
  config.heap = so_test::Heap();
  config.pages = pages.port();
  config.bell = {Bell, nullptr};
  so_virtq q;
  if (!so_ok(so_virtq_init(&q, &config))) abort();
  auto *const device = reinterpret_cast<uint8_t *>(so_virtq_device_at(&q));
  uint8_t memory[64];
  bool out[kSize] = {};
  for (size_t at = 0; at + 12 <= len; at += 12) {
    for (uint16_t i = 0; i < kSize; i++) {
      const so_virtq_part parts[2] = {{memory, 4}, {memory + 8, 16}};
      if (!out[i]) out[i] = so_virtq_add(&q, parts, 1, i % 2, i);
    }
    so_virtq_push(&q);
    // Index, entry and its place.
    const size_t slot = data[at + 3] % kSize;
    memcpy(device + 2, data + at, 2);
    memcpy(device + 4 + 8 * slot, data + at + 4, 8);
    memcpy(device + 4 + 8 * kSize, data + at + 2, 2);
    uint16_t token;
    uint32_t written;
    while (so_virtq_take(&q, &token, &written) == SO_VIRTQ_TAKEN) {
      if (token >= kSize || !out[token] || written > (token % 2 != 0 ? 16u : 0u)) abort();
      out[token] = false;
    }
    (void)so_virtq_arm(&q, static_cast<uint16_t>(data[at + 2] + 1));
  }
  size_t in_flight = 0;
  for (const bool o : out) in_flight += o;
  if (in_flight != q.in_flight) abort();
  so_virtq_release(&q);
  if (pages.out() != 0) abort();
  return 0;
}
