// A server in each of its states, fed with records; see fuzz_harness.h for the bytes.

#include "tls/engine/fuzz_harness.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  static const int states[] = {SO_TLS_SERVER_WAIT_HELLO, SO_TLS_SERVER_WAIT_HELLO_AGAIN,
                               SO_TLS_SERVER_WAIT_FINISHED, SO_TLS_SERVER_CONNECTED};
  return so_test::FuzzStates(states, data, len);
}
