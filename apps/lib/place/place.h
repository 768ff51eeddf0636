#ifndef SO_APPS_LIB_PLACE_PLACE_H_
#define SO_APPS_LIB_PLACE_PLACE_H_

// Where a program serves or whom it calls, as a command line names it: ADDR:PORT. An IPv6 address
// stands in brackets.

#include "kernel/ports/world.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_PLACES_MAX 8

typedef struct so_place {
  so_bytes host;  // A name or an address, without brackets; borrowed.
  uint16_t port;
} so_place;

typedef struct so_places {
  so_place at[SO_PLACES_MAX];
  size_t count;
} so_places;

// so_place_parse reads ADDR:PORT, or ADDR alone where `default_port` is not 0. MALFORMED.
SO_MUST_USE so_status so_place_parse(so_bytes text, uint16_t default_port, so_place *out);

// so_places_add reads one more. MALFORMED; LIMIT beyond SO_PLACES_MAX.
SO_MUST_USE so_status so_places_add(so_places *places, so_bytes text, uint16_t default_port);

// so_places_option adds the value of `option`. MALFORMED: it is refused, and `error` gets a sentence
// that says why.
SO_MUST_USE so_status so_places_option(so_places *places, const char *option, so_bytes value,
                                       so_buf *error);

// so_place_resolve looks the host up; `*out` has the port too. As so_net.resolve.
SO_MUST_USE so_status so_place_resolve(const so_world *world, const so_place *place,
                                       uint64_t deadline_ns, so_endpoint *out);

// so_place_write appends HOST:PORT, with brackets around an IPv6 address.
void so_place_write(const so_place *place, so_buf *out);

// so_place_refused appends a sentence: why `place` cannot be listened on.
void so_place_refused(const so_place *place, so_status status, so_buf *out);

#ifdef __cplusplus
}
#endif
#endif  // SO_APPS_LIB_PLACE_PLACE_H_
