// Entries of master files: directives and records (RFC 1035 5.1, RFC 2308 section 4).

#include "base/assert.h"
#include "base/mem.h"
#include "net/dns/zone/internal.h"

#define KEY_LEN_MAX (2 * SO_DNS_NAME_LEN_MAX)
#define BASE64_LEN_MAX 90000  // Of the longest data: 65,535 bytes.

// A file being read; those that include it lie below it.
typedef struct open_file {
  lexer lexer;
  uint16_t file;
  so_dns_name origin;
} open_file;

typedef struct parser {
  const so_dns_zone_text *text;
  pile *pile;
  so_dns_zone_error *error;
  so_buf rdata;
  so_buf scratch;
  open_file open[SO_DNS_ZONE_INCLUDE_DEPTH_MAX];
  size_t depth;
  uint32_t line;  // Where the entry began.
  bool has_default_ttl;
  uint32_t default_ttl;
  bool has_last_ttl;
  uint32_t last_ttl;
  bool has_owner;
  record owner;  // The last owner: name, key and labels.
} parser;

static const so_bytes nothing;

static open_file *top(parser *p) { return &p->open[p->depth - 1]; }

static so_status fail(parser *p, const char *reason, so_bytes about) {
  return so_zone_fail(p->error, p->pile->files[top(p)->file], p->line, reason, about);
}

// A token that is a word or a string; anything else is what the entry lacks.
static so_status expect_text(parser *p, token *t, const char *missing) {
  so_zone_lexer_next(&top(p)->lexer, t);
  if (t->kind == TOKEN_BAD) {
    return fail(p, t->reason, nothing);
  }
  return t->kind == TOKEN_WORD || t->kind == TOKEN_QUOTED ? so_done() : fail(p, missing, nothing);
}

static so_status expect_end(parser *p) {
  token t;
  so_zone_lexer_next(&top(p)->lexer, &t);
  if (t.kind == TOKEN_BAD) {
    return fail(p, t.reason, nothing);
  }
  return t.kind == TOKEN_NEWLINE || t.kind == TOKEN_END ? so_done()
                                                        : fail(p, "too much on this line", t.text);
}

// --- owners -----------------------------------------------------------------------------------

// sort_key writes labels from the right, folded, each followed by a zero; bytes 0 and 1 inside
// labels are escaped. Comparing such keys as bytes is the canonical order of names.
static size_t sort_key(so_bytes name, uint8_t out[KEY_LEN_MAX]) {
  uint8_t at[SO_DNS_LABELS_MAX];
  size_t labels = 0;
  for (size_t i = 0; name.ptr[i] != 0; i += (size_t)name.ptr[i] + 1) {
    at[labels++] = (uint8_t)i;
  }
  size_t len = 0;
  while (labels != 0) {
    const uint8_t *const label = name.ptr + at[--labels];
    for (size_t i = 1; i <= label[0]; i++) {
      const uint8_t c = label[i];
      if (c <= 1) {
        out[len++] = 1;
        out[len++] = (uint8_t)(c + 1);
      } else {
        out[len++] = c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
      }
    }
    out[len++] = 0;
  }
  return len;
}

static so_status set_owner(parser *p, const so_dns_name *name) {
  uint8_t key[KEY_LEN_MAX];
  const so_bytes view = so_dns_name_view(name);
  const size_t key_len = sort_key(view, key);
  p->owner.labels = (uint8_t)so_dns_name_labels(view);
  p->owner.name = p->pile->bytes.len;
  p->owner.name_len = name->len;
  so_buf_append(&p->pile->bytes, view);
  p->owner.key = p->pile->bytes.len;
  p->owner.key_len = (uint16_t)key_len;
  so_buf_append(&p->pile->bytes, so_bytes_of(key, key_len));
  p->has_owner = true;
  return p->pile->bytes.failed ? so_status_make(SO_LIMIT, 0) : so_done();
}

static so_status read_name(parser *p, so_bytes text, so_dns_name *out) {
  return so_ok(so_dns_name_from_text(text, so_dns_name_view(&top(p)->origin), out))
             ? so_done()
             : fail(p, "not a name", text);
}

static bool is_last_owner(const parser *p, so_bytes name) {
  return p->has_owner &&
         so_bytes_equal(so_bytes_of(p->pile->bytes.ptr + p->owner.name, p->owner.name_len), name);
}

static so_status read_owner(parser *p, const token *t) {
  so_dns_name name;
  SO_TRY(read_name(p, t->text, &name));
  if (!so_dns_name_is_under(so_dns_name_view(&name), p->text->origin)) {
    return fail(p, "the name is outside of the zone", t->text);
  }
  return is_last_owner(p, so_dns_name_view(&name)) ? so_done() : set_owner(p, &name);
}

// --- directives -------------------------------------------------------------------------------

static so_status open_text(parser *p, so_bytes file, so_bytes text, const so_dns_name *origin) {
  if (p->pile->file_count == SO_DNS_ZONE_FILES_MAX || p->depth == SO_DNS_ZONE_INCLUDE_DEPTH_MAX) {
    return fail(p, "too many files, or included too deeply", file);
  }
  open_file *const f = &p->open[p->depth++];
  f->file = (uint16_t)p->pile->file_count;
  p->pile->files[p->pile->file_count++] = file;
  f->origin = *origin;
  so_zone_lexer_init(&f->lexer, text);
  return so_done();
}

static so_status read_origin(parser *p) {
  token t;
  so_dns_name origin;
  SO_TRY(expect_text(p, &t, "$ORIGIN wants a name"));
  SO_TRY(read_name(p, t.text, &origin));
  SO_TRY(expect_end(p));
  top(p)->origin = origin;
  return so_done();
}

static so_status read_default_ttl(parser *p) {
  token t;
  SO_TRY(expect_text(p, &t, "$TTL wants a time"));
  if (!so_zone_read_ttl(t.text, &p->default_ttl)) {
    return fail(p, "not a time to live", t.text);
  }
  p->has_default_ttl = true;
  return expect_end(p);
}

static so_status read_include(parser *p) {
  token file;
  token t;
  so_dns_name origin = top(p)->origin;
  SO_TRY(expect_text(p, &file, "$INCLUDE wants a file"));
  so_zone_lexer_next(&top(p)->lexer, &t);
  if (t.kind == TOKEN_WORD) {
    SO_TRY(read_name(p, t.text, &origin));
    SO_TRY(expect_end(p));
  } else if (t.kind != TOKEN_NEWLINE && t.kind != TOKEN_END) {
    return fail(p, "$INCLUDE wants a file and a name", nothing);
  }
  if (p->text->include == NULL) {
    return fail(p, "$INCLUDE is not allowed here", file.text);
  }
  so_bytes text;
  if (!so_ok(p->text->include(p->text->include_ctx, file.text, &text))) {
    return fail(p, "the included file cannot be read", file.text);
  }
  return open_text(p, file.text, text, &origin);
}

static so_status read_directive(parser *p, so_bytes word) {
  if (so_bytes_equal_nocase(word, so_str("$ORIGIN"))) {
    return read_origin(p);
  }
  if (so_bytes_equal_nocase(word, so_str("$TTL"))) {
    return read_default_ttl(p);
  }
  if (so_bytes_equal_nocase(word, so_str("$INCLUDE"))) {
    return read_include(p);
  }
  return fail(p, "a directive that is not known", word);
}

// --- records ----------------------------------------------------------------------------------

static uint32_t load32(const uint8_t *p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

// choose_ttl follows RFC 2308 section 4: the record's own, $TTL, the last one stated, and for a SOA
// the time that it states itself.
static so_status choose_ttl(parser *p, bool has_ttl, uint16_t type, uint32_t *ttl) {
  if (has_ttl) {
    p->last_ttl = *ttl;
    p->has_last_ttl = true;
    return so_done();
  }
  if (p->has_default_ttl || p->has_last_ttl) {
    *ttl = p->has_default_ttl ? p->default_ttl : p->last_ttl;
    return so_done();
  }
  if (type != SO_DNS_SOA) {
    return fail(p, "no time to live: write $TTL first", nothing);
  }
  *ttl = load32(p->rdata.ptr + p->rdata.len - 4);
  p->last_ttl = *ttl;
  p->has_last_ttl = true;
  return *ttl <= SO_DNS_ZONE_TTL_MAX ? so_done() : fail(p, "not a time to live", nothing);
}

static so_status add_record(parser *p, uint16_t type, uint32_t ttl) {
  record r = p->owner;
  r.type = type;
  r.ttl = ttl;
  r.line = p->line;
  r.file = top(p)->file;
  r.rdata = p->pile->bytes.len;
  r.rdata_len = (uint16_t)p->rdata.len;
  r.is_signature = type == SO_DNS_RRSIG;
  if (r.is_signature) {
    r.type = (uint16_t)(p->rdata.ptr[0] << 8 | p->rdata.ptr[1]);
  }
  r.is_nsec3 = r.type == SO_DNS_NSEC3;
  so_buf_append(&p->pile->bytes, so_buf_bytes(&p->rdata));
  so_buf_append(&p->pile->records, so_bytes_of(&r, sizeof r));
  return p->pile->bytes.failed || p->pile->records.failed ? so_status_make(SO_LIMIT, 0)
                                                          : so_done();
}

static so_status read_data(parser *p, uint16_t type, bool has_ttl, uint32_t ttl) {
  so_buf_clear(&p->rdata);
  rdata_input in = {&top(p)->lexer, so_dns_name_view(&top(p)->origin), &p->rdata, &p->scratch,
                    {TOKEN_END, {NULL, 0}, NULL}};
  const char *reason = so_zone_read_rdata(&in, type);
  if (reason == NULL && (p->rdata.failed || p->scratch.failed)) {
    reason = "the data is too long";
  }
  if (reason == NULL && !so_ok(so_dns_rdata_check(type, so_buf_bytes(&p->rdata)))) {
    reason = "the data does not have the fields of its type";
  }
  if (reason != NULL) {
    const bool is_text = in.ahead.kind == TOKEN_WORD || in.ahead.kind == TOKEN_QUOTED;
    return fail(p, reason, is_text ? in.ahead.text : nothing);
  }
  SO_TRY(choose_ttl(p, has_ttl, type, &ttl));
  return add_record(p, type, ttl);
}

static bool is_class(so_bytes word, bool *is_in) {
  *is_in = so_bytes_equal_nocase(word, so_str("IN")) ||
           so_bytes_equal_nocase(word, so_str("CLASS1"));
  return *is_in || so_bytes_equal_nocase(word, so_str("CH")) ||
         so_bytes_equal_nocase(word, so_str("HS")) || so_bytes_equal_nocase(word, so_str("CS"));
}

// read_record reads what follows an owner: time to live and class in either order, type, data.
static so_status read_record(parser *p, token *t) {
  bool has_ttl = false;
  bool has_class = false;
  bool is_in;
  uint32_t ttl = 0;
  for (;;) {
    if (t->kind != TOKEN_WORD) {
      return fail(p, t->kind == TOKEN_BAD ? t->reason : "a type is missing", nothing);
    }
    if (!has_ttl && so_zone_read_ttl(t->text, &ttl)) {
      has_ttl = true;
    } else if (!has_class && is_class(t->text, &is_in)) {
      has_class = true;
      if (!is_in) {
        return fail(p, "a class other than IN", t->text);
      }
    } else {
      break;
    }
    so_zone_lexer_next(&top(p)->lexer, t);
  }
  uint16_t type;
  if (!so_ok(so_dns_type_from_text(t->text, &type))) {
    return fail(p, "not a type", t->text);
  }
  const so_dns_type_info *const info = so_dns_type_find(type);
  if (type == 0 || (info != NULL && info->fields == NULL)) {
    return fail(p, "a type that no zone holds", t->text);
  }
  return read_data(p, type, has_ttl, ttl);
}

// --- the whole --------------------------------------------------------------------------------

static so_status read_entry(parser *p) {
  lexer *const l = &top(p)->lexer;
  const bool blank = so_zone_lexer_blank(l);
  p->line = l->line;
  token t;
  so_zone_lexer_next(l, &t);
  if (t.kind == TOKEN_NEWLINE) {
    return so_done();
  }
  if (t.kind == TOKEN_END) {
    p->depth--;
    return so_done();
  }
  if (t.kind != TOKEN_WORD) {
    return fail(p, t.kind == TOKEN_BAD ? t.reason : "a name cannot be quoted", nothing);
  }
  if (!blank && t.text.len != 0 && t.text.ptr[0] == '$') {
    return read_directive(p, t.text);
  }
  if (!blank) {
    SO_TRY(read_owner(p, &t));
    so_zone_lexer_next(l, &t);
  } else if (!p->has_owner) {
    return fail(p, "the first record needs a name", nothing);
  }
  return read_record(p, &t);
}

so_status so_zone_read_entries(const so_dns_zone_text *text, const so_heap *heap, pile *pile,
                            so_dns_zone_error *error) {
  parser *const p = so_heap_alloc_array(heap, 1, sizeof *p);
  if (p == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  p->text = text;
  p->pile = pile;
  p->error = error;
  so_buf_init(&p->rdata, heap, SO_DNS_RDATA_LEN_MAX);
  so_buf_init(&p->scratch, heap, 2 * SO_DNS_RDATA_LEN_MAX + BASE64_LEN_MAX);
  so_dns_name origin;
  so_status s = so_dns_name_copy(text->origin, &origin);
  if (so_ok(s)) {
    s = open_text(p, text->file, text->text, &origin);
  }
  while (so_ok(s) && p->depth != 0) {
    s = read_entry(p);
  }
  so_buf_release(&p->rdata);
  so_buf_release(&p->scratch);
  so_heap_free(heap, p, sizeof *p);
  return s;
}
