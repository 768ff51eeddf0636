#ifndef SO_TESTS_SIM_XEN_FRONT_RIG_H_
#define SO_TESTS_SIM_XEN_FRONT_RIG_H_

// What surrounds a front end in a test, whatever it is for: a simulated Xen, a machine, the keys of
// both ends, and the handshake with a back end (`Back`: Attach, Detach, Kick).

#include <memory>

#include "kernel/xen/front/front.h"
#include "tests/sim/xen/machine.h"
#include "tests/sim/xen/xen.h"

namespace so_test {

template <typename Back>
struct FrontRig {
  // Publish, attach, connect. INTERNAL: the back end cannot map what was published.
  so_status Handshake(uint16_t domid, uint32_t port) {
    const so_xen_peer peer = {domid, port, {Doorbell, this}};
    const so_xen_keys b = back_keys.port(), f = front_keys.port();
    const so_xen_writer w = front_keys.writer();
    const so_status s = so_front_publish(&front, &peer, &b, &f, &w, &why);
    if (!so_ok(s)) {
      return s;
    }
    return back->Attach(front_keys) ? so_front_connect(&front, &b, &why)
                                    : so_status_make(SO_INTERNAL, 0);
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

  Xen xen;
  Machine machine;
  Keys back_keys;
  Keys front_keys;
  so_front front = {};
  std::unique_ptr<Back> back;
  bool opened = false;
  const char *why = "";
  int doorbells = 0;

 private:
  static void Doorbell(void *ctx) {
    FrontRig *const r = static_cast<FrontRig *>(ctx);
    r->doorbells++;
    r->back->Kick();
  }
};

}  // namespace so_test

#endif  // SO_TESTS_SIM_XEN_FRONT_RIG_H_
