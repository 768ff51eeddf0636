#ifndef SO_KERNEL_XEN_NETFRONT_RIG_H_
#define SO_KERNEL_XEN_NETFRONT_RIG_H_

// A netfront with a simulated Xen around it, and a back end that comes and goes.

#include <memory>
#include <string>
#include <vector>

#include "kernel/xen/netfront/netfront.h"
#include "tests/sim/xen/machine.h"
#include "tests/sim/xen/net_back.h"
#include "tests/sim/xen/xen.h"

namespace so_test {

struct NetRig {
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

  static void Doorbell(void *ctx) {
    NetRig *const r = static_cast<NetRig *>(ctx);
    r->doorbells++;
    r->back->Kick();
  }

  so_status Connect(const NetBack::Offer &offer = {}, uint16_t domid = 0) {
    back = std::make_unique<NetBack>(&xen, domid, seed_++);
    back->Publish(offer, &back_keys);
    const so_xen_peer peer = {domid, 17, {Doorbell, this}};
    const so_xen_keys b = back_keys.port(), f = front_keys.port();
    const so_xen_writer w = front_keys.writer();
    const so_status s = so_front_publish(&front, &peer, &b, &f, &w, &why);
    if (!so_ok(s)) {
      return s;
    }
    if (!back->Attach(front_keys)) {
      return so_status_make(SO_INTERNAL, 0);
    }
    const so_status c = so_front_connect(&front, &b, &why);
    if (so_ok(c) && !opened) {
      opened = so_ok(so_netfront_open(&net, &dev));
    }
    return c;
  }
  void Disconnect(so_front_loss how, bool unmap = true) {
    back->Detach(unmap);
    if (how == SO_FRONT_SUSPENDED) {
      xen.Resume();
    }
    so_front_disconnect(&front, how);
  }
  bool Poll() { return so_front_poll(&front); }
  bool Broken() { return so_front_broken(&front, &why); }

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

  Xen xen;
  Machine machine;
  Keys back_keys;
  Keys front_keys;
  so_netfront net;
  so_front front;
  std::unique_ptr<NetBack> back;
  so_netdev dev = {};
  bool opened = false;
  const char *why = "";
  bool ring = true;  // The doorbell, after each frame.
  int doorbells = 0;
  int released = 0;

 private:
  uint64_t seed_;
};

}  // namespace so_test

#endif  // SO_KERNEL_XEN_NETFRONT_RIG_H_
