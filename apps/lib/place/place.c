#include "apps/lib/place/place.h"

#include "base/fmt.h"

static so_status malformed(void) { return so_status_make(SO_MALFORMED, 0); }

// The colon before the port: the last one, unless it stands inside of brackets.
static size_t find_colon(so_bytes text) {
  size_t colon = text.len;
  for (size_t i = 0; i < text.len; i++) {
    colon = text.ptr[i] == ':' ? i : text.ptr[i] == ']' ? text.len : colon;
  }
  return colon;
}

static so_status read_host(so_bytes text, so_bytes *out) {
  if (text.len >= 2 && text.ptr[0] == '[' && text.ptr[text.len - 1] == ']') {
    *out = so_bytes_of(text.ptr + 1, text.len - 2);
  } else if (so_bytes_find(text, ':') == text.len) {
    *out = text;
  } else {
    return malformed();
  }
  return out->len != 0 ? so_done() : malformed();
}

so_status so_place_parse(so_bytes text, uint16_t default_port, so_place *out) {
  const size_t colon = find_colon(text);
  uint64_t port = default_port;
  if (colon == text.len) {
    SO_TRY(default_port != 0 ? so_done() : malformed());
  } else if (!so_ok(so_parse_u64(so_bytes_from(text, colon + 1), &port)) || port > UINT16_MAX) {
    return malformed();
  }
  out->port = (uint16_t)port;
  return read_host(so_bytes_first(text, colon), &out->host);
}

so_status so_places_add(so_places *places, so_bytes text, uint16_t default_port) {
  so_place place;
  SO_TRY(so_place_parse(text, default_port, &place));
  if (places->count == SO_PLACES_MAX) {
    return so_status_make(SO_LIMIT, 0);
  }
  places->at[places->count++] = place;
  return so_done();
}

so_status so_places_option(so_places *places, const char *option, so_bytes value, so_buf *error) {
  const so_status s = so_places_add(places, value, 0);
  if (so_is(s, SO_LIMIT)) {
    so_buf_printf(error, "%s '%.*s' is one more than %d, which is the most", option,
                  SO_FMT(value), SO_PLACES_MAX);
  } else if (!so_ok(s)) {
    so_buf_printf(error, "%s wants ADDR:PORT, such as 127.0.0.1:8443 or [::1]:8443, not '%.*s'",
                  option, SO_FMT(value));
  }
  return so_ok(s) ? s : malformed();
}

so_status so_place_resolve(const so_world *world, const so_place *place, uint64_t deadline_ns,
                           so_endpoint *out) {
  SO_TRY(world->net.resolve(world->net.ctx, place->host, deadline_ns, out));
  out->port = place->port;
  return so_done();
}

void so_place_write(const so_place *place, so_buf *out) {
  const bool six = so_bytes_find(place->host, ':') != place->host.len;
  so_buf_printf(out, "%s%.*s%s:%u", six ? "[" : "", SO_FMT(place->host), six ? "]" : "",
                place->port);
}

void so_place_refused(const so_place *place, so_status status, so_buf *out) {
  so_buf_printf(out, "cannot listen on %.*s port %u: %s", SO_FMT(place->host), place->port,
                so_is(status, SO_CONFLICT) ? "something else does; choose another --listen"
                : so_is(status, SO_DENIED) ? "not permitted; choose a port above 1023"
                : so_is(status, SO_LIMIT)  ? "there is not enough memory"
                                           : "no such address on this machine");
}
