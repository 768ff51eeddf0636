#include "base/bytes.h"
#include "store/merge/internal.h"

// --- patterns -------------------------------------------------------------------------------

// A place to come back to: a star in the pattern, and how much of the path it has taken.
typedef struct star {
  bool is_set;
  size_t pattern;  // After the star.
  size_t path;
} star;

typedef struct matcher {
  so_bytes pattern;
  so_bytes path;
  size_t p;
  size_t s;
  star one;   // The last '*'.
  star many;  // The last '**'.
} matcher;

static bool pattern_has(const matcher *m, size_t at, uint8_t c) {
  return at < m->pattern.len && m->pattern.ptr[at] == c;
}

// backtrack lets the last star that still can take one byte more. A '*' cannot take '/'.
static bool backtrack(matcher *m) {
  if (m->one.is_set && m->one.path < m->path.len && m->path.ptr[m->one.path] != '/') {
    m->one.path++;
    m->p = m->one.pattern;
    m->s = m->one.path;
    return true;
  }
  if (m->many.is_set && m->many.path < m->path.len) {
    m->many.path++;
    m->one.is_set = false;
    m->p = m->many.pattern;
    m->s = m->many.path;
    return true;
  }
  return false;
}

// Only the last star of each kind is ever reconsidered: what stands before it has matched, and
// letting an earlier star take more could only repeat what the later one tries.
bool so_glob_match(so_bytes pattern, so_bytes path) {
  matcher m = {pattern, path, 0, 0, {false, 0, 0}, {false, 0, 0}};
  for (;;) {
    if (pattern_has(&m, m.p, '*') && pattern_has(&m, m.p + 1, '*')) {
      m.p += 2;
      // "**/" also matches nothing: "**/a" is "a" too.
      m.many = (star){true, m.p, m.s};
      m.one.is_set = false;
      if (pattern_has(&m, m.p, '/') && (m.s == 0 || path.ptr[m.s - 1] == '/')) {
        m.p++;
      }
    } else if (pattern_has(&m, m.p, '*')) {
      m.p++;
      m.one = (star){true, m.p, m.s};
    } else if (m.p < pattern.len && m.s < path.len &&
               (pattern.ptr[m.p] == path.ptr[m.s] ||
                (pattern.ptr[m.p] == '?' && path.ptr[m.s] != '/'))) {
      m.p++;
      m.s++;
    } else if (m.p == pattern.len && m.s == path.len) {
      return true;
    } else if (!backtrack(&m)) {
      return false;
    }
  }
}

// --- lines ----------------------------------------------------------------------------------

typedef struct named_strategy {
  char name[8];  // Not a pointer: tables of those are relocated, so not read-only everywhere.
  so_strategy strategy;
} named_strategy;

static bool find_strategy(so_bytes name, so_strategy *out) {
  static const named_strategy kNames[] = {
      {"text", SO_STRATEGY_TEXT}, {"json", SO_STRATEGY_JSON},     {"whole", SO_STRATEGY_WHOLE},
      {"ours", SO_STRATEGY_OURS}, {"theirs", SO_STRATEGY_THEIRS}, {"union", SO_STRATEGY_UNION},
      {"log", SO_STRATEGY_LOG},
  };
  for (size_t i = 0; i < sizeof kNames / sizeof kNames[0]; i++) {
    if (so_bytes_equal(name, so_str(kNames[i].name))) {
      *out = kNames[i].strategy;
      return true;
    }
  }
  return false;
}

static bool is_blank(uint8_t c) { return c == ' ' || c == '\t' || c == '\r'; }

static so_bytes trim(so_bytes b) {
  while (b.len != 0 && is_blank(b.ptr[0])) {
    b = so_bytes_from(b, 1);
  }
  while (b.len != 0 && is_blank(b.ptr[b.len - 1])) {
    b.len--;
  }
  return b;
}

typedef enum line_kind { LINE_EMPTY, LINE_RULE, LINE_BAD } line_kind;

// parse_line splits "pattern strategy".
static line_kind parse_line(so_bytes line, so_bytes *pattern, so_strategy *strategy) {
  line = trim(line);
  if (line.len == 0 || line.ptr[0] == '#') {
    return LINE_EMPTY;
  }
  size_t end = 0;
  while (end < line.len && !is_blank(line.ptr[end])) {
    end++;
  }
  *pattern = so_bytes_first(line, end);
  return find_strategy(trim(so_bytes_from(line, end)), strategy) ? LINE_RULE : LINE_BAD;
}

static so_bytes next_line(so_bytes *rest) {
  const size_t end = so_bytes_find(*rest, '\n');
  const so_bytes line = so_bytes_first(*rest, end);
  *rest = so_bytes_from(*rest, end + 1);
  return line;
}

static so_bytes last_segment(so_bytes path) {
  size_t at = path.len;
  while (at > 0 && path.ptr[at - 1] != '/') {
    at--;
  }
  return so_bytes_from(path, at);
}

static bool rule_matches(so_bytes pattern, so_bytes path) {
  if (so_bytes_find(pattern, '/') == pattern.len) {
    return so_glob_match(pattern, last_segment(path));
  }
  return so_glob_match(pattern.ptr[0] == '/' ? so_bytes_from(pattern, 1) : pattern, path);
}

so_strategy so_attributes_strategy(const so_attributes *attributes, so_bytes path) {
  so_strategy found = SO_STRATEGY_DEFAULT;
  so_bytes rest = attributes->text;
  for (size_t line = 0; rest.len != 0 && line < SO_ATTRIBUTES_LINES_MAX; line++) {
    so_bytes pattern = {0};
    so_strategy strategy = SO_STRATEGY_DEFAULT;
    if (parse_line(next_line(&rest), &pattern, &strategy) == LINE_RULE &&
        rule_matches(pattern, path)) {
      found = strategy;
    }
  }
  return found;
}

so_status so_attributes_check(so_bytes text, size_t *out_line) {
  so_bytes rest = text;
  for (size_t line = 1; rest.len != 0; line++) {
    so_bytes pattern;
    so_strategy strategy;
    *out_line = line;
    if (line > SO_ATTRIBUTES_LINES_MAX ||
        parse_line(next_line(&rest), &pattern, &strategy) == LINE_BAD) {
      return so_status_make(SO_MALFORMED, 0);
    }
  }
  return so_done();
}

so_strategy so_strategy_for(so_strategy strategy, so_bytes path) {
  if (strategy != SO_STRATEGY_DEFAULT) {
    return strategy;
  }
  return so_bytes_has_suffix(path, so_str(".json")) ? SO_STRATEGY_JSON : SO_STRATEGY_DEFAULT;
}
