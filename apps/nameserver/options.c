#include "apps/nameserver/options.h"

#include "base/fmt.h"
#include "base/mem.h"

static const char help_text[] =
    "usage: nameserver --zone ORIGIN=FILE [options]\n"
    "\n"
    "Answers DNS queries for the zones named, over UDP and TCP.\n"
    "\n"
    "  --zone ORIGIN=FILE       a zone and its master file, or a block device that holds it\n"
    "                           (repeatable)\n"
    "  --listen ADDR:PORT       where to serve (default 127.0.0.1:5353; [::1]:53 for IPv6;\n"
    "                           repeatable)\n"
    "  --allow-transfer NET     who may transfer zones: an address or ADDR/BITS (repeatable)\n"
    "  --notify ADDR[:PORT]     a secondary to tell of zones at the start and when they change\n"
    "                           (port 53; repeatable)\n"
    "  --rate-limit N           like answers a second to one network over UDP (default 200; 0: no\n"
    "                           limit)\n";
static const char source_text[] =
    "\n"
    "Zones from a repository of a store, followed as it changes:\n"
    "\n"
    "  --from URL               the store's server, such as https://127.0.0.1:8443\n"
    "  --repo NAME              the repository\n"
    "  --branch NAME            the branch (default main)\n"
    "  --path PREFIX            the folder of the zones (default zones/); its file example.org\n"
    "                           is the zone example.org\n"
    "  --token-file FILE        the token to read with\n"
    "  --cacert FILE            certificates to trust\n"
    "  --pin SHA256             trust the certificate of this fingerprint\n"
    "  --poll SECONDS           how often to look for changes, 1 to 3600 (default 2)\n";

void so_ns_options_help(bool with_source, so_buf *out) {
  so_buf_append_str(out, help_text);
  if (with_source) {
    so_buf_append_str(out, source_text);
  }
  so_buf_append_str(out, "  --version, --help");
}

static so_status bad(so_buf *error, const char *what, so_bytes argument) {
  so_buf_printf(error, "%s '%.*s'; see nameserver --help", what, SO_FMT(argument));
  return so_status_make(SO_MALFORMED, 0);
}

// --- values -----------------------------------------------------------------------------------

static bool read_zone(so_bytes text, so_ns_options *out) {
  const size_t at = so_bytes_find(text, '=');
  if (out->zone_count == SO_NS_ZONES_MAX || at + 1 >= text.len) {
    return false;
  }
  so_ns_zone_option *const z = &out->zones[out->zone_count];
  z->file = so_bytes_from(text, at + 1);
  const so_bytes none = {NULL, 0};
  if (!so_ok(so_dns_name_from_text(so_bytes_first(text, at), none, &z->origin))) {
    return false;
  }
  out->zone_count++;
  return true;
}

static bool read_transfer(so_bytes text, so_ns_options *out) {
  const size_t slash = so_bytes_find(text, '/');
  so_dns_prefix p = {.family = 4};
  uint64_t bits = 32;
  if (out->transfer_count == SO_DNS_TRANSFERS_MAX) {
    return false;
  }
  const so_bytes address = so_bytes_first(text, slash);
  if (so_bytes_find(address, ':') != address.len) {
    p.family = 6;
    bits = 128;
  }
  const bool is_address = p.family == 4 ? so_dns_ipv4_read(address, p.address)
                                        : so_dns_ipv6_read(address, p.address);
  const uint64_t most = bits;
  if (!is_address ||
      (slash != text.len && !so_ok(so_parse_u64(so_bytes_from(text, slash + 1), &bits))) ||
      bits > most) {
    return false;
  }
  p.bits = (uint8_t)bits;
  out->transfers[out->transfer_count++] = p;
  return true;
}

static bool read_number(so_bytes text, uint64_t least, uint64_t most, uint64_t *out) {
  uint64_t n;
  if (!so_ok(so_parse_u64(text, &n)) || n < least || n > most) {
    return false;
  }
  *out = n;
  return true;
}

// --- options ----------------------------------------------------------------------------------

static so_bytes *source_option(so_bytes name, so_ns_options *out) {
  const struct {
    const char *name;
    so_bytes *to;
  } all[] = {{"--from", &out->from},
             {"--repo", &out->repo},
             {"--branch", &out->branch},
             {"--path", &out->path},
             {"--token-file", &out->token_file},
             {"--cacert", &out->ca_file},
             {"--pin", &out->pin}};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    if (so_bytes_equal(name, so_str(all[i].name))) {
      return all[i].to;
    }
  }
  return NULL;
}

static so_status read_value(so_bytes name, so_bytes value, bool with_source, so_ns_options *out,
                            so_buf *error) {
  if (so_bytes_equal(name, so_str("--zone"))) {
    return read_zone(value, out) ? so_done()
                                 : bad(error, "--zone wants ORIGIN=FILE, not", value);
  }
  if (so_bytes_equal(name, so_str("--listen"))) {
    const so_status s = so_places_option(&out->listens, "--listen", value, error);
    so_buf_append_str(error, so_ok(s) ? "" : "; see nameserver --help");
    return s;
  }
  if (so_bytes_equal(name, so_str("--notify"))) {
    return so_ok(so_places_add(&out->notifies, value, 53))
               ? so_done()
               : bad(error, "--notify wants ADDR or ADDR:PORT, 8 times at most, not", value);
  }
  if (so_bytes_equal(name, so_str("--allow-transfer"))) {
    return read_transfer(value, out) ? so_done()
                                     : bad(error, "--allow-transfer wants a network, not", value);
  }
  if (so_bytes_equal(name, so_str("--rate-limit"))) {
    return read_number(value, 0, 1000000, &out->rate_limit)
               ? so_done()
               : bad(error, "--rate-limit wants a number up to 1000000, not", value);
  }
  if (with_source && so_bytes_equal(name, so_str("--poll"))) {
    return read_number(value, 1, 3600, &out->poll_s)
               ? so_done()
               : bad(error, "--poll wants seconds from 1 to 3600, not", value);
  }
  so_bytes *const to = with_source ? source_option(name, out) : NULL;
  if (to == NULL) {
    return bad(error, "there is no option", name);
  }
  *to = value;
  return value.len != 0 ? so_done() : bad(error, "a value is missing for", name);
}

static so_status check(const so_ns_options *o, so_buf *error) {
  if (o->help || o->version) {
    return so_done();
  }
  if (o->from.len != 0 && o->repo.len == 0) {
    return bad(error, "--repo is missing beside --from", o->from);
  }
  if (o->zone_count == 0 && o->from.len == 0) {
    return bad(error, "there is no zone:", so_str("--zone ORIGIN=FILE"));
  }
  return so_done();
}

so_status so_ns_options_read(int argc, const char *const *argv, bool with_source,
                             so_ns_options *out, so_buf *error) {
  memset(out, 0, sizeof *out);
  out->rate_limit = SO_NS_RATE_DEFAULT;
  out->branch = so_str("main");
  out->path = so_str("zones/");
  out->poll_s = 2;
  for (int i = 1; i < argc; i++) {
    const so_bytes name = so_str(argv[i]);
    if (so_bytes_equal(name, so_str("--help")) || so_bytes_equal(name, so_str("--version"))) {
      out->help = out->help || name.ptr[2] == 'h';
      out->version = out->version || name.ptr[2] == 'v';
    } else if (i + 1 == argc) {
      return bad(error, "there is no option, or no value for,", name);
    } else {
      SO_TRY(read_value(name, so_str(argv[++i]), with_source, out, error));
    }
  }
  if (out->listens.count == 0) {
    out->listens.at[out->listens.count++] = (so_place){so_str("127.0.0.1"), 5353};
  }
  return check(out, error);
}
