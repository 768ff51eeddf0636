#ifndef SO_BASE_STATUS_H_
#define SO_BASE_STATUS_H_

// Status values: the one way in which a fallible so_ function reports its outcome.
//
// A struct, not an int, so the compiler rejects `if (so_f())`, arithmetic on a status, and mixing
// it with a length or a bool. The code says what the caller can do next.

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SO_MUST_USE __attribute__((warn_unused_result))

typedef enum so_code {
  SO_OK = 0,
  SO_AGAIN,        // Not an error: more input, output room or time is needed.
  SO_MALFORMED,    // Input bytes break the format. Blame the peer, never retry.
  SO_UNSUPPORTED,  // Well-formed, but a version, algorithm or feature that we do not have.
  SO_DENIED,       // A credential or a check says no.
  SO_NOT_FOUND,    // The thing named does not exist.
  SO_CONFLICT,     // The state is not the one that the caller expected.
  SO_LIMIT,        // A declared limit (buffer, depth, count, memory, disk) would be exceeded.
  SO_IO,           // A device or connection failed.
  SO_CORRUPT,      // Stored bytes are not what was written: a checksum or a hash disagrees.
  SO_INTERNAL,     // A bug in this program.
} so_code;

typedef struct so_status {
  uint16_t code;    // An so_code.
  uint16_t detail;  // Module-defined, for logs only; callers branch on `code`.
} so_status;

static inline so_status so_status_make(so_code code, uint16_t detail) {
  const so_status s = {(uint16_t)code, detail};
  return s;
}

static inline so_status so_done(void) { return so_status_make(SO_OK, 0); }
static inline bool so_ok(so_status s) { return s.code == SO_OK; }
static inline bool so_is(so_status s, so_code code) { return s.code == (uint16_t)code; }

// so_code_name returns a fixed string such as "MALFORMED"; never NULL.
const char *so_code_name(so_code code);

// Returns from the caller when `expr` fails. The only macro with control flow.
#define SO_TRY(expr)                  \
  do {                                \
    const so_status so_try_ = (expr); \
    if (!so_ok(so_try_)) {            \
      return so_try_;                 \
    }                                 \
  } while (0)

#ifdef __cplusplus
}
#endif
#endif  // SO_BASE_STATUS_H_
