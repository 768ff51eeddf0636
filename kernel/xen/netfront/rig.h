#ifndef SO_KERNEL_XEN_NETFRONT_RIG_H_
#define SO_KERNEL_XEN_NETFRONT_RIG_H_

// A netfront with a simulated Xen around it, and a back end that comes and goes.

#include <memory>
#include <string>
#include <vector>

#include "kernel/xen/netfront/netfront.h"
#include "tests/sim/xen/front_rig.h"
#include "tests/sim/xen/net_back.h"

namespace so_test {

struct NetRig : FrontRig<NetBack> {
  explicit NetRig(uint64_t seed, uint32_t rx_pages = 256, uint32_t tx_pages = 256) : seed_(seed) {
    so_netfront_config config = {};
    config.sched = machine.sched();
    config.clock = machine.clock();
    config.heap = Heap();
    config.grants = xen.grants();
    config.rx_pages = rx_pages;
    config.tx_pages = tx_pages;
    config.answer_ns = 10 * SO_NS_PER_S;
    if (!so_ok(so_netfront_init(&net, &config))) {
      abort();
    }
    front = so_netfront_front(&net);
    front_keys.values["mac"] = "00:16:3e:12:34:56";
  }
  ~NetRig() {
    so_netfront_release(&net);
    back.reset();
  }

  so_status Connect(const NetBack::Offer &offer = {}, uint16_t domid = 0) {
    back = std::make_unique<NetBack>(&xen, domid, seed_++);
    back->Publish(offer, &back_keys);
    const so_status s = Handshake(domid, 17);
    if (so_ok(s) && !opened) {
      opened = so_ok(so_netfront_open(&net, &dev));
    }
    return s;
  }

  // Sends `bytes` in parts of at most `part_len`; counts releases.
  so_status Send(const std::string &bytes, const so_offload &offload = {},
                 size_t part_len = 4000) {
    so_frame f = {};
    f.offload = offload;
    for (size_t at = 0; at < bytes.size();) {
      size_t n = bytes.size() - at < part_len ? bytes.size() - at : part_len;
      if (f.part_count + 1 == SO_NETDEV_PARTS_MAX) {
        n = bytes.size() - at;
      }
      f.parts[f.part_count++] = so_bytes_of(bytes.data() + at, n);
      at += n;
    }
    f.release = [](void *owner) { static_cast<NetRig *>(owner)->released++; };
    f.owner = this;
    const so_status s = so_netdev_send(&dev, &f);
    if (ring) {
      so_netdev_flush(&dev);
    }
    return s;
  }

  // Receives into rooms of `room_len`, with canaries after each.
  so_status Receive(std::string *out, so_offload *offload, size_t room_len = 4096,
                    size_t rooms = 17) {
    std::vector<std::vector<uint8_t>> memory(rooms, std::vector<uint8_t>(room_len));
    std::vector<so_netdev_room> list;
    for (auto &m : memory) {
      list.push_back({m.data(), m.size()});
    }
    size_t len = 0;
    const so_status s = so_netdev_receive(&dev, list.data(), rooms, &len, offload);
    out->clear();
    for (size_t i = 0; so_ok(s) && i < rooms && out->size() < len; i++) {
      const size_t left = len - out->size();
      out->append(reinterpret_cast<char *>(memory[i].data()), left < room_len ? left : room_len);
    }
    return s;
  }

  so_netfront net;
  so_netdev dev = {};
  bool ring = true;  // The doorbell, after each frame.
  int released = 0;

 private:
  uint64_t seed_;
};

// What the front end copied, the back end checked.
inline void ExpectClean(NetRig *rig) {
  EXPECT_EQ(rig->back->complaint, "");
  EXPECT_EQ(rig->xen.misuse, "");
  EXPECT_FALSE(rig->Broken()) << rig->why;
}

}  // namespace so_test

#endif  // SO_KERNEL_XEN_NETFRONT_RIG_H_
