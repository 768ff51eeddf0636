#include "cli/fastexport/fastexport.h"

#include "base/fmt.h"
#include "base/mem.h"

#define BUFFER_LEN (256u << 10)

struct cli_fx {
  const so_heap *heap;
  cli_fx_source source;
  so_arena arena;       // Of the command at hand.
  so_arena file_arena;  // Of the file command at hand.
  bool ended;
  bool in_commit;  // File commands may follow.
  bool after_data;  // An optional LF may follow.
  uint64_t data_left;
  uint64_t line;
  size_t start;  // Unread bytes: buffer[start..end).
  size_t end;
  uint8_t buffer[BUFFER_LEN];
};

static so_status malformed(void) { return so_status_make(SO_MALFORMED, 0); }

so_status cli_fx_open(const so_heap *heap, const cli_fx_source *source, cli_fx **out) {
  cli_fx *fx = so_heap_alloc(heap, sizeof *fx);
  if (fx == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  memset(fx, 0, sizeof *fx);
  fx->heap = heap;
  fx->source = *source;
  so_arena_init(&fx->arena, heap, 4 * SO_MESSAGE_LEN_MAX);
  so_arena_init(&fx->file_arena, heap, 8 * CLI_FX_LINE_LEN_MAX);
  *out = fx;
  return so_done();
}

void cli_fx_close(cli_fx *fx) {
  so_arena_release(&fx->arena);
  so_arena_release(&fx->file_arena);
  so_heap_free(fx->heap, fx, sizeof *fx);
}

uint64_t cli_fx_line(const cli_fx *fx) { return fx->line; }

// --- bytes and lines ------------------------------------------------------------------------

// fill reads more; the unread bytes move to the front first.
static so_status fill(cli_fx *fx) {
  size_t len;
  memmove(fx->buffer, fx->buffer + fx->start, fx->end - fx->start);
  fx->end -= fx->start;
  fx->start = 0;
  SO_TRY(fx->source.read(fx->source.ctx, fx->buffer + fx->end, BUFFER_LEN - fx->end, &len));
  fx->end += len;
  fx->ended = len == 0;
  return so_done();
}

// peek_line views the next line without its LF. NOT_FOUND at the end of the stream.
static so_status peek_line(cli_fx *fx, so_bytes *out) {
  for (;;) {
    const so_bytes unread = so_bytes_of(fx->buffer + fx->start, fx->end - fx->start);
    const size_t len = so_bytes_find(unread, '\n');
    if (len < unread.len) {
      *out = so_bytes_first(unread, len);
      return len > CLI_FX_LINE_LEN_MAX ? so_status_make(SO_LIMIT, 0) : so_done();
    }
    if (fx->ended) {
      return unread.len == 0 ? so_status_make(SO_NOT_FOUND, 0) : malformed();
    }
    if (unread.len > CLI_FX_LINE_LEN_MAX) {
      return so_status_make(SO_LIMIT, 0);
    }
    SO_TRY(fill(fx));
  }
}

static void take_line(cli_fx *fx, so_bytes line) {
  fx->start += line.len + 1;
  fx->line++;
}

// after drops `prefix` from a line when it has it.
static bool after(so_bytes line, const char *prefix, so_bytes *out) {
  const so_bytes p = so_str(prefix);
  if (!so_bytes_has_prefix(line, p)) {
    return false;
  }
  *out = so_bytes_from(line, p.len);
  return true;
}

// take_prefixed takes the next line when it begins with `prefix`; what follows goes into the arena.
static so_status take_prefixed(cli_fx *fx, const char *prefix, bool *out_taken, so_bytes *out) {
  so_bytes line, rest;
  *out_taken = false;
  const so_status status = peek_line(fx, &line);
  if (so_is(status, SO_NOT_FOUND)) {
    return so_done();
  }
  SO_TRY(status);
  if (!after(line, prefix, &rest)) {
    return so_done();
  }
  *out_taken = true;
  SO_TRY(so_arena_copy(&fx->arena, rest, out));
  take_line(fx, line);
  return so_done();
}

// --- data -----------------------------------------------------------------------------------

// open_data takes "data N"; the bytes follow.
static so_status open_data(cli_fx *fx) {
  so_bytes line, count;
  SO_TRY(peek_line(fx, &line));
  if (!after(line, "data ", &count)) {
    return malformed();
  }
  if (so_bytes_has_prefix(count, so_str("<<"))) {
    return so_status_make(SO_UNSUPPORTED, 0);
  }
  SO_TRY(so_parse_u64(count, &fx->data_left));
  take_line(fx, line);
  fx->after_data = true;
  return so_done();
}

so_status cli_fx_data(cli_fx *fx, so_bytes *out) {
  if (fx->data_left == 0) {
    return so_status_make(SO_NOT_FOUND, 0);
  }
  if (fx->start == fx->end) {
    SO_TRY(fill(fx));
    if (fx->start == fx->end) {
      return malformed();
    }
  }
  const so_bytes unread = so_bytes_of(fx->buffer + fx->start, fx->end - fx->start);
  *out = so_bytes_first(unread, fx->data_left < unread.len ? (size_t)fx->data_left : unread.len);
  fx->start += out->len;
  fx->data_left -= out->len;
  return so_done();
}

// skip_data passes over the data that is left and the LF that may follow it.
static so_status skip_data(cli_fx *fx) {
  so_bytes piece;
  while (fx->data_left != 0) {
    SO_TRY(cli_fx_data(fx, &piece));
  }
  if (fx->after_data) {
    fx->after_data = false;
    if (fx->start == fx->end) {
      SO_TRY(fill(fx));
    }
    if (fx->start < fx->end && fx->buffer[fx->start] == '\n') {
      fx->start++;
    }
  }
  return so_done();
}

static so_status read_message(cli_fx *fx, so_bytes *out) {
  SO_TRY(open_data(fx));
  if (fx->data_left > SO_MESSAGE_LEN_MAX) {
    return so_status_make(SO_LIMIT, 0);
  }
  const size_t len = (size_t)fx->data_left;
  uint8_t *room = so_arena_alloc(&fx->arena, len);
  if (room == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  so_writer w = so_writer_of(room, len);
  while (fx->data_left != 0) {
    so_bytes piece;
    SO_TRY(cli_fx_data(fx, &piece));
    so_write_bytes(&w, piece);
  }
  SO_TRY(skip_data(fx));
  return so_writer_end(&w, out);
}

// --- parts of commands ----------------------------------------------------------------------

static bool parse_zone(so_bytes text, int16_t *out) {
  uint64_t digits = 0;
  if (text.len != 5 || (text.ptr[0] != '+' && text.ptr[0] != '-')) {
    return false;
  }
  for (size_t i = 1; i < 5; i++) {
    if (text.ptr[i] < '0' || text.ptr[i] > '9') {
      return false;
    }
    digits = digits * 10 + (uint64_t)(text.ptr[i] - '0');
  }
  const int minutes = (int)(digits / 100 * 60 + digits % 100);
  *out = (int16_t)(text.ptr[0] == '-' ? -minutes : minutes);
  return minutes <= 1440;
}

// parse_person reads "Name <mail> SECONDS ZONE".
static so_status parse_person(so_bytes text, so_person *out) {
  size_t zone = text.len, time;
  while (zone > 0 && text.ptr[zone - 1] != ' ') {
    zone--;
  }
  time = zone > 0 ? zone - 1 : 0;
  while (time > 0 && text.ptr[time - 1] != ' ') {
    time--;
  }
  if (time == 0) {
    return malformed();
  }
  so_bytes seconds = so_bytes_of(text.ptr + time, zone - 1 - time);
  const bool negative = seconds.len != 0 && seconds.ptr[0] == '-';
  uint64_t s;
  if (!so_ok(so_parse_u64(so_bytes_from(seconds, negative ? 1 : 0), &s)) ||
      s > (uint64_t)INT64_MAX / 1000 || !parse_zone(so_bytes_from(text, zone), &out->zone_minutes)) {
    return malformed();
  }
  out->name = so_bytes_first(text, time - 1);
  out->time_ms = (negative ? -(int64_t)s : (int64_t)s) * 1000;
  return out->name.len > SO_PERSON_LEN_MAX ? so_status_make(SO_LIMIT, 0) : so_done();
}

static so_status parse_target(so_bytes text, cli_fx_target *out) {
  out->is_there = true;
  out->mark = 0;
  out->name = text;
  if (text.len != 0 && text.ptr[0] == ':') {
    SO_TRY(so_parse_u64(so_bytes_from(text, 1), &out->mark));
    return out->mark == 0 ? malformed() : so_done();
  }
  return text.len == 0 ? malformed() : so_done();
}

static so_status take_mark(cli_fx *fx, uint64_t *out) {
  bool taken;
  so_bytes text;
  *out = 0;
  SO_TRY(take_prefixed(fx, "mark :", &taken, &text));
  if (taken) {
    SO_TRY(so_parse_u64(text, out));
  }
  return take_prefixed(fx, "original-oid ", &taken, &text);
}

static so_status take_person(cli_fx *fx, const char *prefix, bool *out_taken, so_person *out) {
  so_bytes text;
  SO_TRY(take_prefixed(fx, prefix, out_taken, &text));
  return *out_taken ? parse_person(text, out) : so_done();
}

static so_status take_target(cli_fx *fx, const char *prefix, bool *out_taken,
                             cli_fx_target *out) {
  so_bytes text;
  SO_TRY(take_prefixed(fx, prefix, out_taken, &text));
  return *out_taken ? parse_target(text, out) : so_done();
}

// --- commands -------------------------------------------------------------------------------

static so_status read_blob(cli_fx *fx, cli_fx_event *out) {
  out->type = CLI_FX_BLOB;
  SO_TRY(take_mark(fx, &out->mark));
  return open_data(fx);
}

static so_status read_commit(cli_fx *fx, cli_fx_event *out) {
  bool taken;
  so_bytes text;
  out->type = CLI_FX_COMMIT;
  SO_TRY(take_mark(fx, &out->mark));
  SO_TRY(take_person(fx, "author ", &out->has_author, &out->author));
  SO_TRY(take_person(fx, "committer ", &taken, &out->committer));
  if (!taken) {
    return malformed();
  }
  SO_TRY(take_prefixed(fx, "gpgsig ", &taken, &text));
  if (taken) {  // Signatures are of git's own encoding; they cannot be kept.
    SO_TRY(read_message(fx, &text));
  }
  SO_TRY(take_prefixed(fx, "encoding ", &taken, &text));
  SO_TRY(read_message(fx, &out->message));
  SO_TRY(take_target(fx, "from ", &taken, &out->from));
  for (;;) {
    cli_fx_target merge;
    SO_TRY(take_target(fx, "merge ", &taken, &merge));
    if (!taken) {
      break;
    }
    if (out->merge_count == CLI_FX_MERGES_MAX) {
      return so_status_make(SO_LIMIT, 0);
    }
    out->merges[out->merge_count++] = merge;
  }
  fx->in_commit = true;
  return so_done();
}

static so_status read_tag(cli_fx *fx, cli_fx_event *out) {
  bool taken;
  out->type = CLI_FX_TAG;
  SO_TRY(take_mark(fx, &out->mark));
  SO_TRY(take_target(fx, "from ", &taken, &out->from));
  if (!taken) {
    return malformed();
  }
  so_bytes text;
  SO_TRY(take_prefixed(fx, "original-oid ", &taken, &text));
  SO_TRY(take_person(fx, "tagger ", &out->has_author, &out->committer));
  return read_message(fx, &out->message);
}

static so_status read_reset(cli_fx *fx, cli_fx_event *out) {
  bool taken;
  out->type = CLI_FX_RESET;
  return take_target(fx, "from ", &taken, &out->from);
}

// is_idle: lines that say nothing to us.
static bool is_idle(so_bytes line) {
  static const char *const words[] = {"#", "feature ", "option ", "progress ", "checkpoint"};
  so_bytes rest;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    if (after(line, words[i], &rest)) {
      return true;
    }
  }
  return line.len == 0;
}

static so_status read_command(cli_fx *fx, so_bytes line, cli_fx_event *out) {
  so_bytes rest = {NULL, 0};
  if (so_bytes_equal(line, so_str("blob"))) {
    take_line(fx, line);
    return read_blob(fx, out);
  }
  const bool commit = after(line, "commit ", &rest);
  const bool tag = !commit && after(line, "tag ", &rest);
  const bool reset = !commit && !tag && after(line, "reset ", &rest);
  if (!commit && !tag && !reset) {
    return so_status_make(SO_UNSUPPORTED, 0);
  }
  SO_TRY(so_arena_copy(&fx->arena, rest, &out->ref));
  take_line(fx, line);
  return commit ? read_commit(fx, out) : tag ? read_tag(fx, out) : read_reset(fx, out);
}

so_status cli_fx_next(cli_fx *fx, cli_fx_event *out) {
  const cli_fx_event empty = {.type = CLI_FX_END};
  cli_fx_file file;
  while (fx->in_commit) {
    const so_status status = cli_fx_next_file(fx, &file);
    if (!so_is(status, SO_NOT_FOUND)) {
      SO_TRY(status);
    }
  }
  SO_TRY(skip_data(fx));
  so_arena_release(&fx->arena);
  *out = empty;
  for (;;) {
    so_bytes line;
    const so_status status = peek_line(fx, &line);
    if (so_is(status, SO_NOT_FOUND) || (so_ok(status) && so_bytes_equal(line, so_str("done")))) {
      return so_done();
    }
    SO_TRY(status);
    if (!is_idle(line)) {
      const so_status read = read_command(fx, line, out);
      return so_is(read, SO_NOT_FOUND) ? malformed() : read;  // The stream ended inside.
    }
    take_line(fx, line);
  }
}

// --- files of a commit ----------------------------------------------------------------------

static bool octal3(so_bytes text, uint8_t *out) {
  unsigned v = 0;
  for (size_t i = 0; i < 3; i++) {
    if (i >= text.len || text.ptr[i] < '0' || text.ptr[i] > '7') {
      return false;
    }
    v = v * 8 + (unsigned)(text.ptr[i] - '0');
  }
  *out = (uint8_t)v;
  return v <= 255;
}

// unquote takes a C-style quoted path off `*rest`, which begins after the opening quote.
static so_status unquote(cli_fx *fx, so_bytes *rest, so_bytes *out) {
  static const char letters[] = "abfnrtv\\\"";
  static const char means[] = "\a\b\f\n\r\t\v\\\"";
  uint8_t *room = so_arena_alloc(&fx->file_arena, rest->len);
  if (room == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  so_writer w = so_writer_of(room, rest->len);
  for (size_t i = 0; i < rest->len; i++) {
    const uint8_t c = rest->ptr[i];
    if (c == '"') {
      *rest = so_bytes_from(*rest, i + 1);
      return so_writer_end(&w, out);
    }
    if (c != '\\') {
      so_write_u8(&w, c);
      continue;
    }
    uint8_t byte;
    const so_bytes escape = so_bytes_from(*rest, i + 1);
    const size_t letter =
        escape.len == 0 ? sizeof letters : so_bytes_find(so_str(letters), escape.ptr[0]);
    if (letter < sizeof letters - 1) {
      so_write_u8(&w, (uint8_t)means[letter]);
      i++;
    } else if (octal3(escape, &byte)) {
      so_write_u8(&w, byte);
      i += 3;
    } else {
      return malformed();
    }
  }
  return malformed();
}

// take_path takes a path off `*rest`: quoted, up to a space, or (`last`) all of it.
static so_status take_path(cli_fx *fx, so_bytes *rest, bool last, so_bytes *out) {
  if (rest->len != 0 && rest->ptr[0] == '"') {
    *rest = so_bytes_from(*rest, 1);
    SO_TRY(unquote(fx, rest, out));
  } else {
    const size_t len = last ? rest->len : so_bytes_find(*rest, ' ');
    SO_TRY(so_arena_copy(&fx->file_arena, so_bytes_first(*rest, len), out));
    *rest = so_bytes_from(*rest, len);
  }
  if (!last) {
    if (rest->len == 0 || rest->ptr[0] != ' ') {
      return malformed();
    }
    *rest = so_bytes_from(*rest, 1);
  } else if (rest->len != 0) {
    return malformed();
  }
  return out->len == 0 ? malformed() : so_done();
}

static so_status take_word(so_bytes *rest, so_bytes *out) {
  const size_t len = so_bytes_find(*rest, ' ');
  if (len == rest->len || len == 0) {
    return malformed();
  }
  *out = so_bytes_first(*rest, len);
  *rest = so_bytes_from(*rest, len + 1);
  return so_done();
}

static so_status parse_mode(so_bytes text, uint32_t *out) {
  const struct {
    const char *text;
    uint32_t mode;
  } modes[] = {{"100644", 0100644}, {"644", 0100644}, {"100755", 0100755},
               {"755", 0100755},    {"120000", 0120000}};
  for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
    if (so_bytes_equal(text, so_str(modes[i].text))) {
      *out = modes[i].mode;
      return so_done();
    }
  }
  return so_status_make(SO_UNSUPPORTED, 0);  // Submodules and directories.
}

static so_status read_modify(cli_fx *fx, so_bytes rest, cli_fx_file *out) {
  so_bytes mode, data;
  out->op = CLI_FX_MODIFY;
  SO_TRY(take_word(&rest, &mode));
  SO_TRY(parse_mode(mode, &out->mode));
  SO_TRY(take_word(&rest, &data));
  out->is_inline = so_bytes_equal(data, so_str("inline"));
  if (!out->is_inline) {
    if (data.ptr[0] != ':') {
      return so_status_make(SO_UNSUPPORTED, 0);  // A hash of git's, which we cannot look up.
    }
    SO_TRY(so_parse_u64(so_bytes_from(data, 1), &out->mark));
  }
  return take_path(fx, &rest, true, &out->path);
}

static so_status read_file(cli_fx *fx, so_bytes line, cli_fx_file *out) {
  so_bytes rest;
  if (so_bytes_equal(line, so_str("deleteall"))) {
    out->op = CLI_FX_DELETE_ALL;
    return so_done();
  }
  if (after(line, "M ", &rest)) {
    return read_modify(fx, rest, out);
  }
  if (after(line, "D ", &rest)) {
    out->op = CLI_FX_DELETE;
    return take_path(fx, &rest, true, &out->path);
  }
  const bool rename = after(line, "R ", &rest);
  if (!rename && !after(line, "C ", &rest)) {
    return so_status_make(SO_NOT_FOUND, 0);
  }
  out->op = rename ? CLI_FX_RENAME : CLI_FX_COPY;
  SO_TRY(take_path(fx, &rest, false, &out->path));
  return take_path(fx, &rest, true, &out->to);
}

so_status cli_fx_next_file(cli_fx *fx, cli_fx_file *out) {
  const cli_fx_file empty = {.op = CLI_FX_MODIFY};
  so_bytes line;
  if (!fx->in_commit) {
    return so_status_make(SO_NOT_FOUND, 0);
  }
  SO_TRY(skip_data(fx));
  so_arena_release(&fx->file_arena);
  *out = empty;
  so_status status = peek_line(fx, &line);
  if (so_ok(status)) {
    status = read_file(fx, line, out);
  }
  if (so_is(status, SO_NOT_FOUND)) {
    fx->in_commit = false;
    return so_ok(peek_line(fx, &line)) && so_bytes_has_prefix(line, so_str("N "))
               ? so_status_make(SO_UNSUPPORTED, 0)
               : status;
  }
  SO_TRY(status);
  take_line(fx, line);
  return out->op == CLI_FX_MODIFY && out->is_inline ? open_data(fx) : so_done();
}
