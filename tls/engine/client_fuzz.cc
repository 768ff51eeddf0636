// A client in each of its states, fed with records; see fuzz_harness.h for the bytes.

#include "tls/engine/fuzz_harness.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  static const int states[] = {SO_TLS_CLIENT_WAIT_SERVER_HELLO,
                               SO_TLS_CLIENT_WAIT_SERVER_HELLO_AGAIN,
                               SO_TLS_CLIENT_WAIT_EXTENSIONS,
                               SO_TLS_CLIENT_WAIT_CERTIFICATE_OR_REQUEST,
                               SO_TLS_CLIENT_WAIT_VERIFY,
                               SO_TLS_CLIENT_WAIT_FINISHED,
                               SO_TLS_CLIENT_CONNECTED};
  return so_test::FuzzStates(states, data, len);
}
