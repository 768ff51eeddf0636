#include "apps/website/options.h"

#include "apps/lib/service/service.h"
#include "base/fmt.h"

#define MAX_AGE_MAX_S (UINT64_C(365) * 86400)

so_bytes so_website_options_help(void) {
  return so_str(
      "usage: website --root DIR [options]\n"
      "       website --data FILE --repo NAME [--ref main] [options]\n"
      "\n"
      "Serves a static site over HTTPS, from a folder or from a branch of a store.\n"
      "\n"
      "  --root DIR                the folder\n"
      "  --data FILE               the database of a store; not while stored serves it\n"
      "  --repo NAME, --ref REF    its repository, and the branch, tag or commit (default main)\n"
      "  --listen ADDR:PORT        where to serve HTTPS (repeatable; default 127.0.0.1:8443)\n"
      "  --http-listen ADDR:PORT   where to send plain HTTP on to HTTPS (repeatable; default:\n"
      "                            nowhere)\n"
      "  --cert FILE, --key FILE   PEM; made (self-signed) if the certificate is not there\n"
      "                            (default website.crt and website.key)\n"
      "  --name NAME               a name for a certificate that is made (repeatable)\n"
      "  --max-age SECONDS         how long caches keep what is not HTML (default 0: they ask)\n"
      "  --cache-mib N             memory for pages, 1 to 4096 (default 64)\n"
      "  --quiet                   no line for each request\n"
      "  --help\n");
}

static so_status bad(so_buf *error, const char *what, const char *argument) {
  so_buf_printf(error, "%s '%s'; see website --help", what, argument);
  return so_status_make(SO_MALFORMED, 0);
}

static so_bytes *text_option(so_bytes name, so_website_options *out) {
  const struct {
    const char *name;
    so_bytes *value;
  } options[] = {{"--root", &out->root}, {"--data", &out->data}, {"--repo", &out->repo},
                 {"--ref", &out->ref},   {"--cert", &out->cert}, {"--key", &out->key}};
  for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
    if (so_bytes_equal(name, so_str(options[i].name))) {
      return options[i].value;
    }
  }
  return NULL;
}

static so_status read_number(const char *text, uint64_t least, uint64_t most, uint64_t *out,
                             so_buf *error) {
  const bool ok = so_ok(so_parse_u64(so_str(text), out)) && *out >= least && *out <= most;
  return ok ? so_done() : bad(error, "not a number that makes sense here:", text);
}

static so_status read_place(const char *option, const char *value, so_places *out, so_buf *error) {
  const so_status s = so_places_option(out, option, so_str(value), error);
  so_buf_append_str(error, so_ok(s) ? "" : "; see website --help");
  return s;
}

static so_status read_value(const char *option, const char *value, so_website_options *out,
                            so_buf *error) {
  const so_bytes name = so_str(option);
  const so_bytes text = so_str(value);
  so_bytes *const place = text_option(name, out);
  if (place != NULL) {
    *place = text;
    return text.len != 0 ? so_done() : bad(error, "a value is missing after", option);
  }
  if (so_bytes_equal(name, so_str("--listen"))) {
    return read_place(option, value, &out->listens, error);
  }
  if (so_bytes_equal(name, so_str("--http-listen"))) {
    return read_place(option, value, &out->http_listens, error);
  }
  if (so_bytes_equal(name, so_str("--cache-mib"))) {
    return read_number(value, 1, 4096, &out->cache_mib, error);
  }
  if (so_bytes_equal(name, so_str("--max-age"))) {
    return read_number(value, 0, MAX_AGE_MAX_S, &out->max_age_s, error);
  }
  if (!so_bytes_equal(name, so_str("--name"))) {
    return bad(error, "there is no option", option);
  }
  if (out->name_count == SO_WEBSITE_NAMES_MAX) {
    return bad(error, "there are too many names with", value);
  }
  out->names[out->name_count++] = text;
  return so_done();
}

static so_status check(const so_website_options *o, so_buf *error) {
  if ((o->root.len == 0) == (o->data.len == 0)) {
    return bad(error, "which site? give one of --root DIR and", "--data FILE");
  }
  if (o->data.len != 0 && o->repo.len == 0) {
    return bad(error, "which repository? give", "--repo NAME");
  }
  return so_done();
}

so_status so_website_options_read(int argc, const char *const *argv, so_website_options *out,
                                  so_buf *error) {
  *out = (so_website_options){
      .ref = so_str("main"),
      .cert = so_str("website.crt"),
      .key = so_str("website.key"),
      .cache_mib = 64,
  };
  for (int i = 1; i < argc; i++) {
    const so_bytes name = so_str(argv[i]);
    if (so_bytes_equal(name, so_str("--quiet"))) {
      out->quiet = true;
    } else if (so_bytes_equal(name, so_str("--help"))) {
      out->help = true;
    } else if (i + 1 == argc) {
      return bad(error, "no such option, or its value is missing:", argv[i]);
    } else {
      SO_TRY(read_value(argv[i], argv[i + 1], out, error));
      i++;
    }
  }
  if (out->listens.count == 0) {
    out->listens.at[out->listens.count++] = (so_place){so_str("127.0.0.1"), 8443};
  }
  return out->help ? so_done() : check(out, error);
}
