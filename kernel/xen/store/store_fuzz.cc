// A server that says anything, at any pace, to a client with requests and a watch: bounded, and
// every fiber gets an answer.
#include "kernel/xen/store/store.h"

#include <stdlib.h>

#include "tests/sim/xenstore/domain.h"
#include "tests/sim/xenstore/xenstored.h"
#include "tests/support/support.h"

namespace {

class Fuzzed : public so_test::Domain {
 public:
  void TestBody() override {}
  void Feed(const uint8_t *data, size_t len) {
    const uint8_t mode = len == 0 ? 0 : data[0];
    xenstored_.bytes_a_step = 1u + (mode & 0x3f) * 17u;
    xenstored_.mute = (mode & 0x40) != 0;
    if ((mode & 0x80) != 0) {
      xenstored_.ring()->server_features = XENSTORE_SERVER_FEATURE_RECONNECTION;
    }
    if (len > 1) {
      xenstored_.Push(std::string(reinterpret_cast<const char *>(data + 1), len - 1));
    }
    xenstored_.Set("device/vif/0/state", "1");
    so_event event = {};
    so_store_watch w = {};
    w.path = "device";
    w.event = &event;
    SO_ASSERT_OK(so_fiber_spawn(&sched_, "serve", so_store_serve, &store_));
    Spawn([&] {
      const so_status set = so_store_set_watch(&store_, &w);
      so_buf out;
      so_buf_init(&out, so_test::Heap(), 5000);
      const so_status listed = so_store_list(&store_, SO_STORE_NO_TX, "device", &out);
      if (so_ok(listed) && out.len != 0 && out.ptr[out.len - 1] != 0) abort();
      so_buf_release(&out);
      so_store_tx tx = {};
      if (so_ok(so_store_begin(&store_, &tx)) && tx.id == 0) abort();
      if (so_ok(set)) so_store_unwatch(&store_, &w);
    });
    Spawn([&] { (void)Read("device/vif/0/state"); });
    Loop();
    if (store_.in_flight != 0 || store_.writing || store_.watches != nullptr) abort();
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  Fuzzed domain;
  domain.Feed(data, len);
  return 0;
}
