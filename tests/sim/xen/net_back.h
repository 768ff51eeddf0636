#ifndef SO_TESTS_SIM_XEN_NET_BACK_H_
#define SO_TESTS_SIM_XEN_NET_BACK_H_

// A back end of Xen's network device, written from xen/io/netif.h alone. It checks the front end as
// strictly as any real one (what it finds is in `complaint`), answers late, in another order and in
// pieces as `seed` has it, and offers its shared memory to tests that lie.

#include <stdint.h>

#include <deque>
#include <string>
#include <vector>

#include "tests/sim/random.h"
#include "tests/sim/xen/ring_abi.h"
#include "tests/sim/xen/xen.h"

namespace so_test {

struct NetFrame {
  std::string bytes;
  bool csum_blank = false;
  bool validated = false;
  uint8_t gso = XEN_NETIF_GSO_TYPE_NONE;
  uint16_t gso_size = 0;
};

class NetBack {
 public:
  struct Offer {
    bool copy = true;
    bool sg = true;
    bool csum4 = true;
    bool csum6 = true;
    bool tso4 = true;
    bool tso6 = true;
  };

  NetBack(Xen *xen, uint16_t domid, uint64_t seed) : xen_(xen), domid_(domid), rng_(seed) {}
  ~NetBack() { Detach(true); }

  void Publish(const Offer &offer, Keys *back);
  // False: what the front end wrote is of no use; see `complaint`.
  bool Attach(const Keys &front);
  // Keeps everything mapped if not `unmap`: what a hostile one does.
  void Detach(bool unmap);
  bool attached() const { return tx_shared_ != nullptr; }

  // Takes what was sent into `sent`, and answers some of what is held; true if anything was done.
  bool Step();
  // False: the front end has not offered enough slots.
  bool Deliver(const NetFrame &frame);
  uint32_t FreeSlots() const;

  // What the front end's event does. With `only_when_kicked`, Step looks at the ring only after
  // one, and CanDeliver at the other ring only after one if there were too few slots before.
  void Kick() { kicked_tx_ = kicked_rx_ = true; }
  bool CanDeliver(uint32_t slots);

  // For tests that lie.
  netif_tx_sring_t *tx_shared() { return tx_shared_; }
  netif_rx_sring_t *rx_shared() { return rx_shared_; }
  // Answers the next rx slot with whatever is given.
  void AnswerRx(uint16_t id, uint16_t offset, uint16_t flags, int16_t status);
  void AnswerTx(uint16_t id, int16_t status);
  // The id and page of the rx request that is answered next.
  uint16_t NextRxId() const;

  std::deque<NetFrame> sent;
  std::vector<uint16_t> ids;   // Of tx requests, as taken.
  std::string complaint;
  bool silent = false;         // Takes nothing, answers nothing.
  bool hold = false;           // Takes, but does not answer.
  bool eager = false;          // Answers at once and in order.
  bool only_when_kicked = false;
  int16_t tx_status = NETIF_RSP_OKAY;
  int notified = 0;            // Events towards the front end.

 private:
  struct Pending {
    uint16_t id;
    bool extra;
    uint32_t mapped;  // The reference that is mapped until the answer; 0: none.
  };
  uint64_t Random(uint64_t n) { return so_sim_next(&rng_) % n; }
  bool Complain(const std::string &what);
  bool TakeFrame();
  bool TakeData(const netif_tx_request_t &q, uint16_t len, std::string *out);
  bool AnswerSome();
  void PushTx();
  void PushRx();

  Xen *xen_;
  uint16_t domid_;
  uint64_t rng_;
  Offer offer_;
  bool kicked_tx_ = true;
  bool kicked_rx_ = true;
  uint32_t tx_ref_ = 0;
  uint32_t rx_ref_ = 0;
  netif_tx_sring_t *tx_shared_ = nullptr;
  netif_rx_sring_t *rx_shared_ = nullptr;
  netif_tx_back_ring_t tx_ = {};
  netif_rx_back_ring_t rx_ = {};
  // Frames whose slots are to be answered together: an extra slot is answered after its first slot.
  std::deque<std::vector<Pending>> pending_;
};

}  // namespace so_test

#endif  // SO_TESTS_SIM_XEN_NET_BACK_H_
