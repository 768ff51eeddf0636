#include "kernel/bare/command_line/command_line.h"

#include "base/mem.h"

static const char *const keys[SO_SETTING_COUNT] = {
    [SO_SETTING_IP] = "ip",
    [SO_SETTING_GW] = "gw",
    [SO_SETTING_DNS] = "dns",
    [SO_SETTING_SEARCH] = "search",
    [SO_SETTING_NTP] = "ntp",
    [SO_SETTING_IPV6] = "ipv6",
    [SO_SETTING_HOSTNAME] = "hostname",
    [SO_SETTING_PAGES] = "pages",
    [SO_SETTING_CONNECTIONS] = "connections",
    [SO_SETTING_CONGESTION] = "congestion",
    [SO_SETTING_DATA] = "data",
    [SO_SETTING_SEED] = "seed",
    [SO_SETTING_SEED_DISK] = "seed-disk",
    [SO_SETTING_STACK] = "stack",
    [SO_SETTING_LOG] = "log",
    [SO_SETTING_DEVICE] = "virtio_mmio.device",
};

const char *so_setting_key(so_setting s) { return keys[s]; }

void so_command_line_init(so_command_line *c) {
  memset(c, 0, sizeof *c);
  c->argc = 1;
}

static bool is_blank(uint8_t c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

static so_status limit(so_bytes word, so_bytes *out_bad) {
  *out_bad = word;
  return so_status_make(SO_LIMIT, 0);
}

// Copies the word that `line` begins with, without its quotes, and terminates it. `*out_len` is what it takes
// of `line`.
static so_status take_word(so_command_line *c, so_bytes line, so_bytes *out, size_t *out_len,
                           so_bytes *out_bad) {
  uint8_t *const word = c->text + c->used;
  const size_t room = sizeof c->text - c->used;
  uint8_t quote = 0;
  size_t len = 0;
  size_t i = 0;
  for (; i < line.len && (quote != 0 || !is_blank(line.ptr[i])); i++) {
    const uint8_t b = line.ptr[i];
    if (b == 0) {
      *out_bad = so_bytes_first(line, i);
      return so_status_make(SO_MALFORMED, 0);
    }
    if (b == quote) {
      quote = 0;
    } else if (quote == 0 && (b == '"' || b == '\'')) {
      quote = b;
    } else if (len + 1 < room) {
      word[len++] = b;
    } else {
      return limit(line, out_bad);
    }
  }
  if (quote != 0 || room == 0) {
    *out_bad = line;
    return so_status_make(quote != 0 ? SO_MALFORMED : SO_LIMIT, 0);
  }
  word[len] = 0;
  c->used += len + 1;
  *out = so_bytes_of(word, len);
  *out_len = i;
  return so_done();
}

static bool setting_of(so_bytes word, so_setting *out, so_bytes *out_value) {
  const size_t at = so_bytes_find(word, '=');
  if (at == word.len) {
    return false;
  }
  const so_bytes key = so_bytes_first(word, at);
  for (unsigned i = 0; i < SO_SETTING_COUNT; i++) {
    if (so_bytes_equal(key, so_str(keys[i]))) {
      *out = (so_setting)i;
      *out_value = so_bytes_from(word, at + 1);
      return true;
    }
  }
  return false;
}

static so_status add_setting(so_command_line *c, so_setting s, so_bytes value) {
  if (c->setting_count == SO_COMMAND_LINE_WORDS_MAX) {
    return so_status_make(SO_LIMIT, 0);
  }
  c->settings[c->setting_count++] = (so_command_line_word){s, value};
  return so_done();
}

static so_status add_argument(so_command_line *c, so_bytes word) {
  if (c->argc > (int)SO_COMMAND_LINE_WORDS_MAX) {
    return so_status_make(SO_LIMIT, 0);
  }
  c->argv[c->argc++] = (const char *)word.ptr;
  c->argv[c->argc] = NULL;
  return so_done();
}

// QEMU writes where its devices are behind all that the owner wrote, so behind `--` too.
static bool is_setting(so_bytes word, bool before_dashes, so_setting *out, so_bytes *out_value) {
  return setting_of(word, out, out_value) && (before_dashes || *out == SO_SETTING_DEVICE);
}

so_status so_command_line_add(so_command_line *c, so_bytes line, bool has_settings,
                              so_bytes *out_bad) {
  bool before_dashes = has_settings;
  while (line.len != 0) {
    if (is_blank(line.ptr[0])) {
      line = so_bytes_from(line, 1);
      continue;
    }
    so_bytes word;
    so_setting setting;
    so_bytes value;
    size_t len;
    SO_TRY(take_word(c, line, &word, &len, out_bad));
    so_status s = so_done();
    if (before_dashes && so_bytes_equal(word, so_str("--"))) {
      before_dashes = false;
    } else if (has_settings && is_setting(word, before_dashes, &setting, &value)) {
      s = add_setting(c, setting, value);
    } else {
      s = add_argument(c, word);
    }
    if (!so_ok(s)) {
      return limit(word, out_bad);
    }
    line = so_bytes_from(line, len);
  }
  return so_done();
}

so_status so_command_line_set(so_command_line *c, so_setting s, so_bytes value) {
  so_bytes there;
  return so_command_line_get(c, s, &there) ? so_done() : add_setting(c, s, value);
}

bool so_command_line_get(const so_command_line *c, so_setting s, so_bytes *out) {
  for (size_t i = c->setting_count; i-- > 0;) {
    if (c->settings[i].setting == s) {
      *out = c->settings[i].value;
      return true;
    }
  }
  return false;
}
