#ifndef SO_TESTS_SIM_XEN_BLOCK_BACK_H_
#define SO_TESTS_SIM_XEN_BLOCK_BACK_H_

// A back end of Xen's block device, written from xen/io/blkif.h alone, over a simulated disk that
// can lose power. It checks the front end (`complaint`), executes requests in any order that `seed`
// has, and offers its shared memory to tests that lie.

#include <stdint.h>

#include <set>
#include <string>
#include <vector>

#include "tests/sim/block.h"
#include "tests/sim/random.h"
#include "tests/sim/xen/ring_abi.h"
#include "tests/sim/xen/xen.h"

namespace so_test {

class BlockBack {
 public:
  struct Offer {
    uint32_t ring_order = 0;
    uint32_t indirect = 0;  // Segments; 0: not offered.
    bool persistent = false;
    bool flush = true;
    bool barrier = false;
    bool read_only = false;
    uint32_t unit_len = 512;
  };

  BlockBack(Xen *xen, uint16_t domid, so_sim_block *disk, uint64_t seed)
      : xen_(xen), domid_(domid), disk_(disk), rng_(seed) {}
  ~BlockBack() { Detach(true); }

  void Publish(const Offer &offer, Keys *back);
  bool Attach(const Keys &front);
  void Detach(bool unmap);
  bool attached() const { return shared_ != nullptr; }

  // Takes requests, executes some, answers them; true if anything was done.
  bool Step();

  blkif_sring_t *shared() { return shared_; }
  uint32_t ring_entries() const { return RING_SIZE(&ring_); }
  void Answer(uint64_t id, uint8_t operation, int16_t status);
  void Kick() { kicked_ = true; }  // What the front end's event does.
  // What was taken and not answered.
  struct Pending {
    uint64_t id;
    uint8_t operation;  // READ, WRITE, FLUSH_DISKCACHE, WRITE_BARRIER.
    bool indirect;
    uint64_t sector;
    std::vector<blkif_request_segment> segments;
    std::vector<uint32_t> mapped;
    bool executed;  // And not answered yet: others overtake it.
    int16_t result;
  };
  std::vector<Pending> pending;

  std::string complaint;
  bool silent = false;
  bool hold = false;            // Takes, but executes nothing.
  bool eager = false;
  bool only_when_kicked = false;  // Looks at the ring only after an event.
  int16_t status = BLKIF_RSP_OKAY;        // Of everything that goes well.
  int16_t flush_status = BLKIF_RSP_OKAY;  // Other than OKAY: flush is not done, a barrier is.
  int notified = 0;
  size_t pending_max = 0;
  uint64_t indirect_taken = 0;

 private:
  uint64_t Random(uint64_t n) { return so_sim_next(&rng_) % n; }
  bool Complain(const std::string &what);
  bool Take();
  bool TakeSegments(const blkif_request_t &q, Pending *p);
  bool Check(const Pending &p);
  int16_t Execute(const Pending &p);
  uint8_t *PageOf(uint32_t ref, bool write);
  void Push();

  Xen *xen_;
  uint16_t domid_;
  so_sim_block *disk_;
  uint64_t rng_;
  Offer offer_;
  bool keep_mapped_ = false;
  bool kicked_ = true;
  std::vector<uint32_t> ring_refs_;
  std::set<uint32_t> persistent_;
  blkif_sring_t *shared_ = nullptr;
  blkif_back_ring_t ring_ = {};
};

}  // namespace so_test

#endif  // SO_TESTS_SIM_XEN_BLOCK_BACK_H_
