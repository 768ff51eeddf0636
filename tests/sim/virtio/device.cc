#include "tests/sim/virtio/device.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <algorithm>

namespace so_test {

// --- pages ----------------------------------------------------------------------------------

DevicePages::~DevicePages() {
  for (const auto &run : runs_) {
    munmap(run.first, run.second * SO_PAGE_LEN);
  }
}

void *DevicePages::Take(void *ctx, size_t count) {
  DevicePages *const p = static_cast<DevicePages *>(ctx);
  if (p->out_ + count > p->page_max) {
    return nullptr;
  }
  // Low, because a legacy device is told of a queue by a page number of 32 bits.
  void *const pages = mmap(nullptr, count * SO_PAGE_LEN, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  if (pages == MAP_FAILED) {
    abort();
  }
  memset(pages, 0xa5, count * SO_PAGE_LEN);
  p->runs_[pages] = count;
  p->out_ += count;
  return pages;
}

void DevicePages::Give(void *ctx, void *pages, size_t count) {
  DevicePages *const p = static_cast<DevicePages *>(ctx);
  const auto found = p->runs_.find(pages);
  if (found == p->runs_.end() || found->second != count) {
    abort();
  }
  p->runs_.erase(found);
  p->out_ -= count;
  munmap(pages, count * SO_PAGE_LEN);  // Whoever still uses them faults.
}

// --- chains ---------------------------------------------------------------------------------

static size_t Sum(const std::vector<Piece> &pieces) {
  size_t len = 0;
  for (const Piece &p : pieces) {
    len += p.len;
  }
  return len;
}

size_t Chain::OutLen() const { return Sum(out); }
size_t Chain::InLen() const { return Sum(in); }

std::string Chain::Read() const {
  std::string all;
  for (const Piece &p : out) {
    all.append(reinterpret_cast<char *>(p.ptr), p.len);
  }
  return all;
}

size_t Chain::Write(size_t off, const std::string &bytes) {
  size_t done = 0;
  for (const Piece &p : in) {
    if (off >= p.len) {
      off -= p.len;
      continue;
    }
    const size_t some = std::min<size_t>(p.len - off, bytes.size() - done);
    memcpy(p.ptr + off, bytes.data() + done, some);
    done += some;
    off = 0;
  }
  return done;
}

// --- queues ---------------------------------------------------------------------------------

static uint16_t Load16(const uint8_t *p) {
  return __atomic_load_n(reinterpret_cast<const uint16_t *>(p), __ATOMIC_ACQUIRE);
}
static void Store16(uint8_t *p, uint16_t v) {
  __atomic_store_n(reinterpret_cast<uint16_t *>(p), v, __ATOMIC_RELEASE);
}

bool DeviceQueue::Take(Chain *out) {
  *out = Chain();
  if (!ready || Load16(driver + 2) == seen_) {
    return false;
  }
  if (static_cast<uint16_t>(Load16(driver + 2) - seen_) > size) {
    owner->Misuse("more chains than descriptors");
    return false;
  }
  uint16_t at = Load16(driver + 4 + 2 * (seen_ % size));
  seen_++;
  out->head = at;
  for (unsigned i = 0;; i++) {
    if (at >= size || i == size) {
      owner->Misuse("a chain leaves the table, or has a loop");
      return false;
    }
    uint64_t address;
    uint32_t len;
    memcpy(&address, descriptors + 16 * at, 8);
    memcpy(&len, descriptors + 16 * at + 8, 4);
    const uint16_t flags = Load16(descriptors + 16 * at + 12);
    const Piece piece = {reinterpret_cast<uint8_t *>(static_cast<uintptr_t>(address)), len};
    if (len == 0 || (flags & ~3u) != 0) {
      owner->Misuse("a descriptor without bytes, or with flags that were not agreed on");
    }
    if ((flags & 2) != 0) {
      out->in.push_back(piece);
    } else if (!out->in.empty()) {
      owner->Misuse("a piece to read after one to write");
    } else {
      out->out.push_back(piece);
    }
    if ((flags & 1) == 0) {
      return true;
    }
    at = Load16(descriptors + 16 * at + 14);
  }
}

void DeviceQueue::Give(uint32_t id, uint32_t len) {
  uint8_t *const entry = device + 4 + 8 * (used_ % size);
  memcpy(entry, &id, 4);
  memcpy(entry + 4, &len, 4);
  used_++;
}

bool DeviceQueue::Show() {
  const uint16_t before = shown_;
  shown_ = used_;
  Store16(device + 2, used_);
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  if (before == used_) {
    return false;
  }
  if (!event_idx) {
    return (Load16(driver) & 1) == 0;
  }
  const uint16_t event = Load16(driver + 4 + 2 * size);
  return static_cast<uint16_t>(used_ - event - 1) < static_cast<uint16_t>(used_ - before);
}

void DeviceQueue::GiveAndShow(uint32_t id, uint32_t len) {
  Give(id, len);
  owner->Interrupt(Show() ? 1 : 0);
}

void DeviceQueue::Listen(bool yes) {
  if (event_idx) {
    Store16(device + 4 + 8 * size, static_cast<uint16_t>(yes ? seen_ : seen_ - 1));
  } else {
    Store16(device, yes ? 0 : 1);
  }
}

void DeviceQueue::set_index(uint16_t v) {
  used_ = v;
  shown_ = v;
  Store16(device + 2, v);
}

// --- registers ------------------------------------------------------------------------------

VirtioDevice::VirtioDevice(uint32_t id_in, uint64_t features_in, std::string config_in,
                           size_t queue_count)
    : id(id_in), features(features_in), config(std::move(config_in)), queues(queue_count) {}

uint32_t VirtioDevice::Read(void *ctx, uint32_t off, uint32_t len) {
  VirtioDevice *const d = static_cast<VirtioDevice *>(ctx);
  if (off % len != 0) {
    d->Misuse("a read that is not aligned");
  }
  if (off >= 0x100) {
    return d->ReadConfig(off - 0x100, len);
  }
  if (len != 4) {
    d->Misuse("a register read in parts");
  }
  return d->ReadRegister(off);
}

uint32_t VirtioDevice::ReadConfig(uint32_t off, uint32_t len) {
  if (off + len > config.size()) {
    Misuse("a read past the configuration");
    return 0;
  }
  uint32_t value = 0;
  memcpy(&value, config.data() + off, len);
  if (config_changes > 0) {
    config_changes--;
    generation_++;
    if (on_config_change) {
      on_config_change();
    }
  }
  return value;
}

uint32_t VirtioDevice::ReadRegister(uint32_t off) {
  const bool legacy = version == 1;
  const DeviceQueue *const q = queue_sel_ < queues.size() ? &queues[queue_sel_] : nullptr;
  switch (off) {
    case 0x000: return magic;
    case 0x004: return version;
    case 0x008: return id;
    case 0x010:
      return device_sel_ > 1 ? 0
                             : static_cast<uint32_t>(device_sel_ == 1 ? features >> 32 : features);
    case 0x034: return q == nullptr ? 0 : q->size_max;
    case 0x040:
      if (!legacy) break;
      return q == nullptr || !q->ready ? (queue_stays_in_use ? 7 : 0) : 1;
    case 0x044:
      if (legacy) break;
      return queue_stays_in_use || (q != nullptr && q->ready);
    case 0x060: return interrupts;
    case 0x070: return status;
    case 0x0fc:
      if (legacy) break;
      return generation_;
    default: break;
  }
  Misuse("a read of register " + std::to_string(off));
  return 0;
}

void VirtioDevice::Write(void *ctx, uint32_t off, uint32_t value) {
  static_cast<VirtioDevice *>(ctx)->WriteRegister(off, value);
}

void VirtioDevice::Reset() {
  resets++;
  for (DeviceQueue &q : queues) {
    const uint16_t size_max = q.size_max;
    q = DeviceQueue();
    q.size_max = size_max;
  }
  accepted = 0;
  interrupts = 0;
  status = stuck ? status | 64 : 0;
}

void VirtioDevice::WriteStatus(uint32_t value) {
  if (value == 0) {
    Reset();
    return;
  }
  if ((status & ~64u & ~value) != 0) {
    Misuse("a status bit was taken back");
  }
  if ((value & 128) != 0) {
    failed = true;
  }
  const bool modern = version != 1;
  if ((value & 4) != 0 && modern && (status & 8) == 0) {
    Misuse("driver ok before features ok");
  }
  if (modern && (value & 8) != 0 && (status & 8) == 0) {
    if ((accepted & ~features) != 0) {
      Misuse("features were accepted that are not offered");
    }
    if (refuse_features) {
      value &= ~8u;
    }
  }
  status = value;
}

void VirtioDevice::WriteQueue(uint32_t off, uint32_t value) {
  if (queue_sel_ >= queues.size()) {
    Misuse("a queue that does not exist");
    return;
  }
  DeviceQueue *const q = &queues[queue_sel_];
  q->owner = this;
  const auto half = [value](uint8_t **p, bool high) {
    uint64_t v = reinterpret_cast<uintptr_t>(*p);
    v = high ? (v & UINT32_MAX) | static_cast<uint64_t>(value) << 32
             : (v & ~static_cast<uint64_t>(UINT32_MAX)) | value;
    *p = reinterpret_cast<uint8_t *>(static_cast<uintptr_t>(v));
  };
  switch (off) {
    case 0x038:
      if (value == 0 || (value & (value - 1)) != 0 || value > q->size_max) {
        Misuse("a queue of a size that is not allowed");
      }
      q->size = static_cast<uint16_t>(value);
      return;
    case 0x080: half(&q->descriptors, false); return;
    case 0x084: half(&q->descriptors, true); return;
    case 0x090: half(&q->driver, false); return;
    case 0x094: half(&q->driver, true); return;
    case 0x0a0: half(&q->device, false); return;
    case 0x0a4: half(&q->device, true); return;
    case 0x03c:
      if (value != 4096) Misuse("an alignment that we do not know");
      return;
    case 0x040: {
      const uint64_t at = static_cast<uint64_t>(value) * page_len_;
      q->descriptors = reinterpret_cast<uint8_t *>(static_cast<uintptr_t>(at));
      q->driver = q->descriptors + 16 * q->size;
      const size_t end = 16u * q->size + 4 + 2u * q->size + 2;
      q->device = q->descriptors + (end + 4095) / 4096 * 4096;
      break;
    }
    default: break;
  }
  q->ready = true;
  q->event_idx = (accepted & (UINT64_C(1) << 29)) != 0;
  if ((status & 4) != 0 || (version != 1 && (status & 8) == 0)) {
    Misuse("a queue outside of its time");
  }
}

void VirtioDevice::WriteRegister(uint32_t off, uint32_t value) {
  const bool legacy = version == 1;
  switch (off) {
    case 0x014: device_sel_ = value; return;
    case 0x024: driver_sel_ = value; return;
    case 0x020:
      if (driver_sel_ == 1) {
        accepted = (accepted & UINT32_MAX) | static_cast<uint64_t>(value) << 32;
      } else {
        accepted = (accepted & ~static_cast<uint64_t>(UINT32_MAX)) | value;
      }
      return;
    case 0x030: queue_sel_ = value; return;
    case 0x050:
      notified++;
      if (!running()) Misuse("a notification before driver ok");
      if (on_notify) on_notify(static_cast<uint16_t>(value));
      return;
    case 0x064: interrupts &= ~value; return;
    case 0x070: WriteStatus(value); return;
    case 0x028:
      if (!legacy) break;
      page_len_ = value;
      return;
    case 0x03c:
    case 0x040:
      if (!legacy) break;
      WriteQueue(off, value);
      return;
    case 0x038: WriteQueue(off, value); return;
    case 0x044:
    case 0x080:
    case 0x084:
    case 0x090:
    case 0x094:
    case 0x0a0:
    case 0x0a4:
      if (legacy) break;
      WriteQueue(off, value);
      return;
    default: break;
  }
  Misuse("a write of register " + std::to_string(off));
}

}  // namespace so_test
