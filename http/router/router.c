#include "http/router/router.h"

#include "base/assert.h"

// take_segment views the next segment of a path that begins with '/', and drops both.
static bool take_segment(so_bytes *path, so_bytes *out) {
  if (path->len == 0 || path->ptr[0] != '/') {
    return false;
  }
  const so_bytes rest = so_bytes_from(*path, 1);
  const size_t len = so_bytes_find(rest, '/');
  *out = so_bytes_first(rest, len);
  *path = so_bytes_from(rest, len);
  return true;
}

static bool is_param(so_bytes segment) {
  return segment.len > 2 && segment.ptr[0] == '{' && segment.ptr[segment.len - 1] == '}';
}

static void add_param(so_route_match *m, so_bytes name, so_bytes value) {
  SO_ASSERT(m->param_count < SO_ROUTE_PARAMS_MAX);
  m->params[m->param_count].name = name;
  m->params[m->param_count].value = value;
  m->param_count++;
}

// fits matches one pattern and fills in the parameters.
static bool fits(so_bytes pattern, so_bytes path, so_route_match *m) {
  so_bytes want, have;
  m->param_count = 0;
  while (take_segment(&pattern, &want)) {
    const so_bytes rest = path;
    if (!take_segment(&path, &have)) {
      return false;
    }
    if (!is_param(want)) {
      if (!so_bytes_equal(want, have)) {
        return false;
      }
      continue;
    }
    const so_bytes name = so_bytes_from(so_bytes_first(want, want.len - 1), 1);
    if (so_bytes_has_suffix(name, so_str("..."))) {
      add_param(m, so_bytes_first(name, name.len - 3), so_bytes_from(rest, 1));
      return rest.len > 1;
    }
    if (have.len == 0) {
      return false;
    }
    add_param(m, name, have);
  }
  return path.len == 0;
}

static bool is_method(const so_route *r, so_bytes method) {
  return so_bytes_equal(so_str(r->method), method);
}

static bool find(const so_route *routes, size_t count, so_bytes method, so_bytes path,
                 so_route_match *out, bool *path_known) {
  for (size_t i = 0; i < count; i++) {
    if (!fits(so_str(routes[i].pattern), path, out)) {
      continue;
    }
    *path_known = true;
    if (is_method(&routes[i], method)) {
      out->id = routes[i].id;
      out->route = &routes[i];
      return true;
    }
  }
  return false;
}

so_status so_route_find(const so_route *routes, size_t count, so_bytes method, so_bytes path,
                        so_route_match *out) {
  bool path_known = false;
  if (find(routes, count, method, path, out, &path_known) ||
      (so_bytes_equal(method, so_str("HEAD")) &&
       find(routes, count, so_str("GET"), path, out, &path_known))) {
    return so_done();
  }
  return so_status_make(path_known ? SO_UNSUPPORTED : SO_NOT_FOUND, path_known ? 405 : 404);
}

static bool takes(const so_route *routes, size_t count, const char *method, so_bytes path) {
  so_route_match match;
  bool path_known = false;
  return find(routes, count, so_str(method), path, &match, &path_known);
}

void so_route_allow(const so_route *routes, size_t count, so_bytes path, so_writer *w) {
  static const char methods[][8] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
  bool first = true;
  for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
    const bool is_head = i == 1;
    if (takes(routes, count, methods[i], path) || (is_head && takes(routes, count, "GET", path))) {
      so_write_str(w, first ? "" : ", ");
      so_write_str(w, methods[i]);
      first = false;
    }
  }
}

so_bytes so_route_get(const so_route_match *match, const char *name) {
  for (size_t i = 0; i < match->param_count; i++) {
    if (so_bytes_equal(match->params[i].name, so_str(name))) {
      return match->params[i].value;
    }
  }
  return so_bytes_of(NULL, 0);
}
