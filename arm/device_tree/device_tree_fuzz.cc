// Trees as they come from anywhere: what is read lies within them and within its limits.
#include <stdlib.h>

#include "arm/device_tree/device_tree.h"
#include "arm/device_tree/machine.h"

static void Check(bool ok) {
  if (!ok) {
    abort();
  }
}

static void CheckWithin(so_bytes part, const uint8_t *data, size_t len) {
  Check(part.len == 0 || (part.ptr >= data && part.ptr + part.len <= data + len));
}

static void CheckRange(so_arm_range r) { Check(r.base <= UINT64_MAX - r.len); }

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  so_device_tree tree;
  if (!so_ok(so_device_tree_open(so_bytes_of(data, len), &tree))) {
    return 0;
  }
  Check(so_device_tree_len(data) == tree.blob.len);
  so_device_tree_walk walk = so_device_tree_begin(&tree);
  so_device_tree_item item = {};
  while (so_ok(so_device_tree_next(&walk, &item)) && item.token != SO_DEVICE_TREE_END) {
    Check(walk.depth <= SO_DEVICE_TREE_DEPTH_MAX);
    CheckWithin(item.name, data, len);
    CheckWithin(item.value, data, len);
  }
  so_arm_machine m;
  const so_status s = so_arm_machine_read(&tree, &m);
  CheckWithin(m.bootargs, data, len);
  CheckWithin(m.rng_seed, data, len);
  Check(m.memory_count <= SO_ARM_MEMORY_MAX && m.reserved_count <= SO_ARM_RESERVED_MAX);
  Check(m.virtio_count <= SO_ARM_VIRTIO_MAX);
  for (size_t i = 0; i < m.memory_count; i++) {
    CheckRange(m.memory[i]);
  }
  CheckRange(m.gic.distributor);
  CheckRange(m.xen.grant_table);
  Check(!so_ok(s) || item.token == SO_DEVICE_TREE_END);
  return 0;
}
