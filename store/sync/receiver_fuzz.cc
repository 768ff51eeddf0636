// The receiver reads whatever a client sends.

#include <stdint.h>
#include <stdlib.h>

#include <map>
#include <string>

#include "store/sync/sync.h"
#include "tests/store_support/objects.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  so_test::MemoryObjects objects;  // Holds the closure invariant.
  so_pack_store store = {};
  store.objects = objects.port();
  const so_receive_limits limits = {1000, 1u << 20};
  so_receiver *r;
  if (!so_ok(so_receiver_open(&store, so_test::Heap(), &limits, &r))) abort();
  const size_t half = len / 2;
  const so_status first = so_receiver_feed(r, so_bytes_of(data, half));
  const so_status second = so_receiver_feed(r, so_bytes_of(data + half, len - half));
  if (!so_ok(first) && so_ok(second)) abort();
  if (so_ok(so_receiver_end(r)) && !so_ok(second)) abort();
  so_receiver_close(r);
  return 0;
}
