#ifndef SO_KERNEL_XEN_BLKFRONT_RIG_H_
#define SO_KERNEL_XEN_BLKFRONT_RIG_H_

// A blkfront with a simulated Xen around it, a disk, and a back end that comes and goes.

#include <functional>
#include <memory>
#include <string>

#include "kernel/xen/blkfront/blkfront.h"
#include "tests/sim/block.h"
#include "tests/sim/xen/block_back.h"
#include "tests/sim/xen/front_rig.h"

namespace so_test {

struct BlockRig : FrontRig<BlockBack> {
  struct Config {
    uint64_t seed = 1;
    uint64_t capacity = 8 << 20;
    uint32_t unit_len = 512;
    uint32_t data_pages = 64;
    uint32_t request_pages = 32;
    uint32_t ring_order = 2;
  };

  explicit BlockRig(const Config &c) : seed_(c.seed) {
    disk = so_sim_block_make(c.capacity, c.unit_len);
    so_blkfront_config config = {};
    config.sched = machine.sched();
    config.clock = machine.clock();
    config.heap = Heap();
    config.grants = xen.grants();
    config.data_pages = c.data_pages;
    config.request_pages = c.request_pages;
    config.ring_order = c.ring_order;
    config.answer_ns = 30 * SO_NS_PER_S;
    config.absent_ns = 60 * SO_NS_PER_S;
    if (!so_ok(so_blkfront_init(&blk, &config))) {
      abort();
    }
    front = so_blkfront_front(&blk);
    front_keys.values["virtual-device"] = "51712";
    offer.unit_len = c.unit_len;
    machine.turn = [this] {
      const bool stepped = back != nullptr && back->Step();
      const bool polled = so_front_poll(&front);
      const bool more = more_turn();
      return stepped || polled || more;
    };
  }
  ~BlockRig() {
    so_blkfront_release(&blk);
    back.reset();
    so_sim_block_free(disk);
  }

  so_status Connect(uint16_t domid = 0) {
    back = std::make_unique<BlockBack>(&xen, domid, disk, seed_++);
    back->Publish(offer, &back_keys);
    return Handshake(domid);
  }
  so_status Handshake(uint16_t domid = 0) {
    const so_status s = FrontRig::Handshake(domid, 18);
    if (so_ok(s) && !opened) {
      opened = so_ok(so_blkfront_open(&blk, &dev));
    }
    return s;
  }

  so_status Write(uint64_t offset, const std::string &bytes) {
    return so_block_write(&dev, offset, so_bytes_of(bytes.data(), bytes.size()));
  }
  // Reads to an odd address.
  so_status Read(uint64_t offset, size_t len, std::string *out) {
    std::string memory(len + 1, 'x');
    const so_status s =
        so_block_read(&dev, offset, reinterpret_cast<uint8_t *>(&memory[1]), len);
    *out = memory.substr(1);
    return s;
  }
  std::string Peek(uint64_t offset, size_t len) {
    std::string s(len, 0);
    so_sim_block_peek(disk, offset, reinterpret_cast<uint8_t *>(&s[0]), len);
    return s;
  }

  so_sim_block *disk;
  so_blkfront blk;
  BlockBack::Offer offer;
  so_block dev = {};
  std::function<bool()> more_turn = [] { return false; };

 private:
  uint64_t seed_;
};

}  // namespace so_test

#endif  // SO_KERNEL_XEN_BLKFRONT_RIG_H_
