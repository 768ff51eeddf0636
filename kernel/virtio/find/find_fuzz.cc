// Whatever is found has registers at an address that they can have.
#include <stdlib.h>

#include "kernel/virtio/find/find.h"
#include "tests/support/support.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  so_virtio_place places[4];
  size_t bad;
  const size_t n = so_virtio_find_words(so_bytes_of(data, len), places, 4, &bad);
  if (n > 4) abort();
  for (size_t i = 0; i < n; i++) {
    if (places[i].base == 0 || places[i].base % 512 != 0 || places[i].len < 512 ||
        places[i].base + places[i].len < places[i].base) {
      abort();
    }
  }
  return 0;
}
