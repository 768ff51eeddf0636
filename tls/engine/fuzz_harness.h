#ifndef SO_TLS_ENGINE_FUZZ_HARNESS_H_
#define SO_TLS_ENGINE_FUZZ_HARNESS_H_

// What both fuzz targets of the engine do: a machine in a state that the first byte chooses. The rest is
// records: mode, type, length (2 bytes), content. Mode 0 gives the content as it is; 1 as an unprotected
// record; others protect it with the keys that the machine reads with, so that what comes behind the
// encryption is reached too.

#include <stdint.h>
#include <stdlib.h>

#include <string>

#include "tls/engine/testing_states.h"

namespace so_test {

template <size_t kCount>
int FuzzStates(const int (&states)[kCount], const uint8_t *data, size_t len) {
  so_reader r = so_reader_of(so_bytes_of(data, len));
  uint8_t choice = 0;
  if (!so_read_u8(&r, &choice)) {
    return 0;
  }
  Peer victim = TheWorld().states.at(states[choice % kCount]);
  uint8_t mode = 0;
  uint8_t type = 0;
  so_reader content;
  for (int i = 0; i < 64 && so_read_u8(&r, &mode) && so_read_u8(&r, &type); i++) {
    if (!so_read_sub16(&r, &content)) {
      (void)victim.Take(Text(so_reader_rest(&r)));
      break;
    }
    std::string text = Text(so_reader_rest(&content));
    text.resize(text.size() < SO_TLS_PLAINTEXT_LEN_MAX ? text.size() : SO_TLS_PLAINTEXT_LEN_MAX);
    const bool went = mode == 0   ? victim.Take(text)
                      : mode == 1 ? victim.Take(Plain(type, text))
                                  : Inject(&victim, type, text);
    if (went != so_ok(victim.tls.failure)) {
      abort();  // A failure that is not sticky, or the other way round.
    }
  }
  if (victim.data.size() > len) {
    abort();  // Data out of nothing.
  }
  return 0;
}

}  // namespace so_test

#endif  // SO_TLS_ENGINE_FUZZ_HARNESS_H_
