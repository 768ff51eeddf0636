#include "apps/stored/options.h"

#include "base/fmt.h"

so_bytes so_options_help(void) {
  return so_str(
      "usage: stored --data FILE [options]\n"
      "\n"
      "Serves a branchable, content-addressed store over HTTPS.\n"
      "\n"
      "  --data FILE          the database: a file, or a block device\n"
      "  --init               make the database if it is not there; writes FILE.token (the first\n"
      "                       administrator's token) and FILE.crt (the certificate)\n"
      "  --listen ADDR:PORT   where to serve (repeatable; default 127.0.0.1:8443; [::1]:8443 for\n"
      "                       IPv6; 0.0.0.0 and [::] stand for every address)\n"
      "  --name NAME          another host name or address for the certificate (repeatable)\n"
      "  --new-certificate    make a new key and certificate, also when there is one\n"
      "  --public-read        anyone may read; writing still needs a token\n"
      "  --cache-mib N        memory for objects, 4 to 4096 (default 24)\n"
      "  --quiet              no line for each request\n"
      "  --version, --help\n");
}

static so_status bad(so_buf *error, const char *what, const char *argument) {
  so_buf_printf(error, "%s '%s'; see stored --help", what, argument == NULL ? "" : argument);
  return so_status_make(SO_MALFORMED, 0);
}

static so_status read_listen(const char *value, so_options *out, so_buf *error) {
  const so_status s = so_places_option(&out->listens, "--listen", so_str(value), error);
  so_buf_append_str(error, so_ok(s) ? "" : "; see stored --help");
  return s;
}

static so_status read_value(so_bytes name, const char *value, so_options *out, so_buf *error) {
  const so_bytes text = so_str(value);
  if (so_bytes_equal(name, so_str("--data"))) {
    out->data = text;
    return text.len != 0 ? so_done() : bad(error, "--data wants a file, not", value);
  }
  if (so_bytes_equal(name, so_str("--listen"))) {
    return read_listen(value, out, error);
  }
  if (so_bytes_equal(name, so_str("--name"))) {
    if (out->name_count == SO_OPTIONS_NAMES_MAX) {
      return bad(error, "there are too many names with", value);
    }
    out->names[out->name_count++] = text;
    return so_done();
  }
  const bool ok = so_ok(so_parse_u64(text, &out->cache_mib)) && out->cache_mib >= 4 &&
                  out->cache_mib <= 4096;
  return ok ? so_done() : bad(error, "--cache-mib wants a number from 4 to 4096, not", value);
}

static bool takes_value(so_bytes name) {
  return so_bytes_equal(name, so_str("--data")) || so_bytes_equal(name, so_str("--listen")) ||
         so_bytes_equal(name, so_str("--name")) || so_bytes_equal(name, so_str("--cache-mib"));
}

static bool *flag(so_bytes name, so_options *out) {
  const struct {
    const char *name;
    bool *value;
  } flags[] = {
      {"--init", &out->init},     {"--public-read", &out->public_read},
      {"--quiet", &out->quiet},   {"--new-certificate", &out->new_certificate},
      {"--help", &out->help},     {"-h", &out->help},
      {"--version", &out->version},
  };
  for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
    if (so_bytes_equal(name, so_str(flags[i].name))) {
      return flags[i].value;
    }
  }
  return NULL;
}

so_status so_options_read(int argc, const char *const *argv, so_options *out, so_buf *error) {
  const so_options defaults = {.cache_mib = SO_OPTIONS_CACHE_MIB_DEFAULT};
  *out = defaults;
  for (int i = 1; i < argc; i++) {
    const so_bytes name = so_str(argv[i]);
    bool *on = flag(name, out);
    if (on != NULL) {
      *on = true;
    } else if (!takes_value(name)) {
      return bad(error, "there is no option", argv[i]);
    } else if (i + 1 == argc) {
      return bad(error, "a value is missing after", argv[i]);
    } else {
      SO_TRY(read_value(name, argv[++i], out, error));
    }
  }
  if (out->listens.count == 0) {
    out->listens.at[out->listens.count++] = (so_place){so_str("127.0.0.1"), 8443};
  }
  if (out->data.len == 0 && !out->help && !out->version) {
    return bad(error, "which database? give --data FILE; add", "--init");
  }
  return so_done();
}
