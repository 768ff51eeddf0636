#ifndef SO_TESTS_SIM_VIRTIO_DEVICE_H_
#define SO_TESTS_SIM_VIRTIO_DEVICE_H_

// The device's side of virtio over memory mapped registers, in memory: a register file of either version, and
// queues that read what a driver wrote. It checks the driver (`misuse`) and can be told to misbehave. Offsets
// and bits are written out here once more, so that one mistake does not hide another.

#include <stdint.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "kernel/machine/devices.h"
#include "kernel/virtio/mmio/mmio.h"

namespace so_test {

// Pages for a driver.
class DevicePages {
 public:
  ~DevicePages();
  so_pages_port port() { return {Take, Give, this}; }
  size_t out() const { return out_; }

  size_t page_max = 4096;

 private:
  static void *Take(void *ctx, size_t count);
  static void Give(void *ctx, void *pages, size_t count);
  std::map<void *, size_t> runs_;
  size_t out_ = 0;
};

// Memory of the driver, as a descriptor names it.
struct Piece {
  uint8_t *ptr;
  uint32_t len;
};

struct Chain {
  uint16_t head = 0;
  std::vector<Piece> out;  // What the device reads.
  std::vector<Piece> in;   // What it writes.
  size_t OutLen() const;
  size_t InLen() const;
  std::string Read() const;                            // All of `out`.
  size_t Write(size_t off, const std::string &bytes);  // Into `in`; how many fitted.
};

class VirtioDevice;

class DeviceQueue {
 public:
  uint16_t size_max = 256;
  uint16_t size = 0;
  uint8_t *descriptors = nullptr;
  uint8_t *driver = nullptr;
  uint8_t *device = nullptr;
  bool ready = false;

  // The next chain of the driver, or false.
  bool Take(Chain *out);
  // Gives a chain back: written now, shown by Show.
  void Give(uint32_t id, uint32_t len);
  // Shows what was given; true: the driver wants an interrupt.
  bool Show();
  void GiveAndShow(uint32_t id, uint32_t len);
  // Says whether the driver is to ring for what it adds from now on.
  void Listen(bool yes);

  uint16_t used() const { return used_; }
  void set_index(uint16_t v);  // Of the ring, whatever was given.
  VirtioDevice *owner = nullptr;
  bool event_idx = false;

 private:
  uint16_t seen_ = 0;
  uint16_t used_ = 0;
  uint16_t shown_ = 0;
};

class VirtioDevice {
 public:
  VirtioDevice(uint32_t id, uint64_t features, std::string config, size_t queue_count);

  so_virtio_registers registers() { return {Read, Write, this}; }
  bool running() const { return (status & 4) != 0; }
  void Interrupt(uint32_t bits) {
    if (bits != 0) {
      interrupts |= bits;
      interrupt_count++;
    }
  }

  // What may be set before a driver comes.
  uint32_t magic = 0x74726976;
  uint32_t version = 2;
  uint32_t id;
  uint64_t features;
  std::string config;
  bool refuse_features = false;
  bool stuck = false;          // Never finishes a reset.
  bool queue_stays_in_use = false;
  int config_changes = 0;      // So often does the configuration change while it is read.
  std::function<void()> on_config_change;
  std::function<void(uint16_t)> on_notify;

  // What came of it.
  std::vector<DeviceQueue> queues;
  uint64_t accepted = 0;
  uint32_t status = 0;
  uint32_t interrupts = 0;
  uint64_t interrupt_count = 0;
  uint64_t notified = 0;
  uint64_t resets = 0;
  bool failed = false;  // FAILED was written.
  std::string misuse;   // The first thing that a driver must not do.

  void Misuse(const std::string &what) {
    if (misuse.empty()) {
      misuse = what;
    }
  }

 private:
  static uint32_t Read(void *ctx, uint32_t off, uint32_t len);
  static void Write(void *ctx, uint32_t off, uint32_t value);
  uint32_t ReadConfig(uint32_t off, uint32_t len);
  uint32_t ReadRegister(uint32_t off);
  void WriteRegister(uint32_t off, uint32_t value);
  void WriteStatus(uint32_t value);
  void WriteQueue(uint32_t off, uint32_t value);
  void Reset();

  uint32_t generation_ = 0;
  uint32_t device_sel_ = 0;
  uint32_t driver_sel_ = 0;
  uint32_t queue_sel_ = 0;
  uint32_t page_len_ = 0;
};

}  // namespace so_test

#endif  // SO_TESTS_SIM_VIRTIO_DEVICE_H_
