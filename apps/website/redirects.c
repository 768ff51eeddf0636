#include "apps/website/redirects.h"

#include "base/fmt.h"

static bool is_space(uint8_t b) { return b == ' ' || b == '\t' || b == '\r'; }

// next_word takes a word off a line; empty at its end.
static so_bytes next_word(so_bytes *line) {
  size_t start = 0;
  while (start < line->len && is_space(line->ptr[start])) {
    start++;
  }
  size_t end = start;
  while (end < line->len && !is_space(line->ptr[end])) {
    end++;
  }
  const so_bytes word = so_bytes_from(so_bytes_first(*line, end), start);
  *line = so_bytes_from(*line, end);
  return word;
}

// is_target: what may stand in a Location field.
static bool is_target(so_bytes to) {
  const bool local = to.len != 0 && to.ptr[0] == '/' && !(to.len > 1 && to.ptr[1] == '/');
  for (size_t i = 0; i < to.len; i++) {
    if (to.ptr[i] <= 0x20 || to.ptr[i] >= 0x7f || to.ptr[i] == '"') {
      return false;
    }
  }
  return local || so_bytes_has_prefix(to, so_str("https://")) ||
         so_bytes_has_prefix(to, so_str("http://"));
}

static const char *read_status(so_bytes text, uint16_t *out) {
  uint64_t status = 301;
  if (text.len != 0 && !so_ok(so_parse_u64(text, &status))) {
    return "the status is not a number";
  }
  if (status != 301 && status != 302 && status != 303 && status != 307 && status != 308) {
    return "the status is none of 301, 302, 303, 307, 308";
  }
  *out = (uint16_t)status;
  return NULL;
}

// read_rule reads one line. NULL: `*out` is a rule, or empty for a line without one.
static const char *read_rule(so_bytes line, so_redirect *out) {
  line = so_bytes_first(line, so_bytes_find(line, '#'));
  out->from = next_word(&line);
  out->to = next_word(&line);
  const so_bytes status = next_word(&line);
  if (out->from.len == 0) {
    return NULL;
  }
  if (out->to.len == 0) {
    return "a rule is FROM TO [STATUS]";
  }
  if (next_word(&line).len != 0) {
    return "there is something after the status";
  }
  if (out->from.ptr[0] != '/') {
    return "FROM does not begin with '/'";
  }
  out->is_prefix = so_bytes_has_suffix(out->from, so_str("/*"));
  out->from = so_bytes_first(out->from, out->from.len - out->is_prefix);
  if (so_bytes_find(out->from, '*') != out->from.len) {
    return "'*' stands at the end of FROM only, after a '/'";
  }
  if (!is_target(out->to)) {
    return "TO is neither a path nor an http(s) URL";
  }
  return read_status(status, &out->status);
}

static size_t count_lines(so_bytes text) {
  size_t count = 1;
  for (size_t i = 0; i < text.len; i++) {
    count += text.ptr[i] == '\n';
  }
  return count;
}

so_status so_redirects_read(so_bytes text, so_arena *arena,
                            void (*complain)(void *ctx, size_t line, const char *why), void *ctx,
                            so_redirects *out) {
  const size_t lines = count_lines(text);
  const size_t cap = lines < SO_REDIRECTS_MAX ? lines : SO_REDIRECTS_MAX;
  *out = (so_redirects){so_arena_alloc(arena, cap * sizeof *out->rules), 0};
  if (out->rules == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  for (size_t number = 1; text.len != 0; number++) {
    const so_bytes line = so_bytes_first(text, so_bytes_find(text, '\n'));
    so_redirect rule = {0};
    text = so_bytes_from(text, line.len + 1);
    const char *const why = read_rule(line, &rule);
    if (why != NULL) {
      complain(ctx, number, why);
    } else if (rule.from.len != 0 && out->count == cap) {
      return so_status_make(SO_LIMIT, 0);
    } else if (rule.from.len != 0) {
      out->rules[out->count++] = rule;
    }
  }
  return so_done();
}

static bool fits(const so_redirect *rule, so_bytes path, so_bytes *splat) {
  if (!rule->is_prefix) {
    return so_bytes_equal(rule->from, path);
  }
  // "/old/*" also fits "/old".
  if (path.len + 1 == rule->from.len && so_bytes_has_prefix(rule->from, path)) {
    *splat = so_bytes_of(NULL, 0);
    return true;
  }
  *splat = so_bytes_from(path, rule->from.len);
  return so_bytes_has_prefix(path, rule->from);
}

static void write_target(so_bytes to, so_bytes splat, so_writer *w) {
  const so_bytes mark = so_str(":splat");
  while (to.len != 0) {
    if (so_bytes_has_prefix(to, mark)) {
      so_write_bytes(w, splat);
      to = so_bytes_from(to, mark.len);
    } else {
      so_write_u8(w, to.ptr[0]);
      to = so_bytes_from(to, 1);
    }
  }
}

bool so_redirects_find(const so_redirects *r, so_bytes path, so_writer *target,
                       uint16_t *out_status) {
  for (size_t i = 0; i < r->count; i++) {
    so_bytes splat = so_bytes_of(NULL, 0);
    if (fits(&r->rules[i], path, &splat)) {
      const size_t before = target->len;
      write_target(r->rules[i].to, splat, target);
      // "/:splat" with "/evil.example" would name another host.
      const so_bytes made = so_bytes_from(so_writer_bytes(target), before);
      *out_status = r->rules[i].status;
      return !target->failed && !so_bytes_has_prefix(made, so_str("//"));
    }
  }
  return false;
}
