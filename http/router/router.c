#include "http/router/router.h"

#include "base/assert.h"

// take_param takes the value of "{name}" or "{name...}" at `*pattern`, and moves both on. False when
// the path holds none there.
static bool take_param(const char **pattern, so_bytes *path, so_route_match *m) {
  const char *const name = *pattern + 1;
  size_t len = 0;
  while (name[len] != '}' && name[len] != '.') {
    len++;
  }
  const bool takes_rest = name[len] == '.';
  const size_t value_len = takes_rest ? path->len : so_bytes_find(*path, '/');
  SO_ASSERT(m->param_count < SO_ROUTE_PARAMS_MAX);
  so_route_param *const p = &m->params[m->param_count++];
  p->name = so_bytes_of(name, len);
  p->value = so_bytes_first(*path, value_len);
  *pattern = name + len + (takes_rest ? 4 : 1);
  *path = so_bytes_from(*path, value_len);
  return value_len != 0;
}

// fits matches one pattern and fills in the parameters.
static bool fits(const char *pattern, so_bytes path, so_route_match *m) {
  m->param_count = 0;
  while (*pattern != '\0') {
    if (*pattern == '{') {
      if (!take_param(&pattern, &path, m)) {
        return false;
      }
    } else if (path.len == 0 || path.ptr[0] != (uint8_t)*pattern) {
      return false;
    } else {
      pattern++;
      path = so_bytes_from(path, 1);
    }
  }
  return path.len == 0;
}

static bool is_method(const so_route *r, so_bytes method) {
  return so_bytes_equal(so_str(r->method), method);
}

static bool find(const so_route *routes, size_t count, so_bytes method, so_bytes path,
                 so_route_match *out, bool *path_known) {
  for (size_t i = 0; i < count; i++) {
    if (!fits(routes[i].pattern, path, out)) {
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
