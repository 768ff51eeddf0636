#include "base/mem.h"
#include "tls/x509/internal.h"

// Path building (RFC 4158) and validation (RFC 5280 6.1) in one depth-first search, with a stack
// of its own. Level n of the stack is the certificate n steps away from the end entity, whose
// issuer is looked for among the anchors first, then among what the peer presented.

// How far a candidate got: the failure that got farthest is the one worth telling.
typedef enum progress {
  NO_CANDIDATE = 0,
  NAME_FITS,
  KEY_FITS,
  SIGNED_BY_IT,
} progress;

#define PROGRESS_COUNT 4

typedef struct search {
  const so_x509_request *request;
  so_x509_result *result;
  so_x509 path[SO_X509_DEPTH_MAX];
  size_t next[SO_X509_DEPTH_MAX];  // The candidate to try next at each level.
  size_t count;                    // Certificates in `path`.
  size_t best;                     // Rank of the reason in `result`.
  uint32_t comparisons_left;
  bool stopped;
} search;

// blame keeps a reason if it got farther than the one before. `tried` is the level whose issuer
// was looked for, `depth` the certificate at fault.
static void blame(search *s, size_t tried, progress how_far, size_t depth, so_x509_reason reason) {
  const size_t rank = 1 + tried * PROGRESS_COUNT + (size_t)how_far;
  if (rank > s->best) {
    s->best = rank;
    s->result->reason = reason;
    s->result->depth = (uint8_t)depth;
  }
}

static void stop(search *s, size_t depth) {
  s->stopped = true;
  s->result->reason = SO_X509_TOO_MUCH_WORK;
  s->result->depth = (uint8_t)depth;
}

static bool equal(so_bytes a, so_bytes b) { return so_bytes_equal(a, b); }

static bool is_self_issued(const so_x509 *c) { return equal(c->subject, c->issuer); }

// --- checks of one certificate --------------------------------------------------------------

// check_common holds for every certificate of a path.
static so_x509_reason check_common(const so_x509_request *r, const so_x509 *c) {
  const uint8_t usage =
      r->purpose == SO_X509_FOR_CLIENT ? SO_X509_CLIENT_AUTH : SO_X509_SERVER_AUTH;
  if (c->unknown_critical) {
    return SO_X509_UNKNOWN_CRITICAL;
  }
  if (r->now_s < c->not_before_s) {
    return SO_X509_NOT_YET_VALID;
  }
  if (r->now_s > c->not_after_s) {
    return SO_X509_EXPIRED;
  }
  if (c->has_extended_key_usage &&
      (c->extended_key_usage & (usage | SO_X509_ANY_USAGE)) == 0) {
    return SO_X509_WRONG_USAGE;
  }
  return SO_X509_VERIFIED;
}

static so_x509_reason check_end_entity(const so_x509_request *r, const so_x509 *c) {
  const so_x509_reason common = check_common(r, c);
  if (common != SO_X509_VERIFIED) {
    return common;
  }
  if (c->key.kind == SO_KEY_UNSUPPORTED) {
    return SO_X509_UNSUPPORTED_KEY;
  }
  // RFC 8446 4.4.2.2: the key signs the handshake.
  if (c->has_key_usage && (c->key_usage & SO_X509_DIGITAL_SIGNATURE) == 0) {
    return SO_X509_WRONG_USAGE;
  }
  if (r->name != NULL && !so_x509_matches(c, r->name)) {
    return SO_X509_WRONG_NAME;
  }
  return SO_X509_VERIFIED;
}

// intermediates_below counts what a path length constraint counts: certificates between the CA and
// the end entity that are not self-issued.
static uint32_t intermediates_below(const search *s) {
  uint32_t n = 0;
  for (size_t i = 1; i < s->count; i++) {
    n += is_self_issued(&s->path[i]) ? 0 : 1;
  }
  return n;
}

// check_issuer holds for a certificate above those of the path.
static so_x509_reason check_issuer(search *s, const so_x509 *c) {
  if (!c->is_ca || (c->has_key_usage && (c->key_usage & SO_X509_KEY_CERT_SIGN) == 0)) {
    return SO_X509_ISSUER_NOT_CA;
  }
  const so_x509_reason common = check_common(s->request, c);
  if (common != SO_X509_VERIFIED) {
    return common;
  }
  if (c->has_path_len && intermediates_below(s) > c->path_len) {
    return SO_X509_PATH_LEN_EXCEEDED;
  }
  if (!so_x509_constraints_hold(c, s->path, s->count, &s->comparisons_left)) {
    return s->comparisons_left == 0 ? SO_X509_TOO_MUCH_WORK : SO_X509_NAME_NOT_PERMITTED;
  }
  return SO_X509_VERIFIED;
}

// --- search ---------------------------------------------------------------------------------

// could_issue compares names and key identifiers. A CA that is in the path already is no issuer of
// what is below it: the path would only go round.
static bool could_issue(const search *s, const so_x509 *issuer, const so_x509 *subject) {
  if (!equal(issuer->subject, subject->issuer)) {
    return false;
  }
  if (subject->authority_key_id.len > 0 && issuer->subject_key_id.len > 0 &&
      !equal(subject->authority_key_id, issuer->subject_key_id)) {
    return false;
  }
  for (size_t i = 0; i < s->count; i++) {
    if (equal(s->path[i].subject, issuer->subject) && equal(s->path[i].spki, issuer->spki)) {
      return false;
    }
  }
  return true;
}

// try_issuer is true when `issuer` issued the last certificate of the path, and may have.
static bool try_issuer(search *s, const so_x509 *issuer) {
  const size_t level = s->count - 1;
  const so_x509 *subject = &s->path[level];
  if (issuer->key.kind == SO_KEY_UNSUPPORTED) {
    blame(s, level, NAME_FITS, level + 1, SO_X509_UNSUPPORTED_KEY);
    return false;
  }
  if (s->result->signatures == SO_X509_SIGNATURES_MAX) {
    stop(s, level);
    return false;
  }
  s->result->signatures++;
  const so_status sig = so_key_verify(s->request->cpu, &issuer->key, subject->signature_alg,
                                      subject->tbs, subject->signature);
  if (!so_ok(sig)) {
    blame(s, level, KEY_FITS, level,
          so_is(sig, SO_UNSUPPORTED) ? SO_X509_UNSUPPORTED_SIGNATURE : SO_X509_BAD_SIGNATURE);
    return false;
  }
  const so_x509_reason reason = check_issuer(s, issuer);
  if (reason == SO_X509_TOO_MUCH_WORK) {
    stop(s, level + 1);
  } else if (reason != SO_X509_VERIFIED) {
    blame(s, level, SIGNED_BY_IT, level + 1, reason);
  }
  return reason == SO_X509_VERIFIED;
}

static void accept(search *s, size_t path_count) {
  s->result->reason = SO_X509_VERIFIED;
  s->result->depth = 0;
  s->result->path_count = (uint8_t)path_count;
  s->result->key = s->path[0].key;
  s->stopped = true;
}

// candidate views the DER of the `i`th candidate for an issuer. The end entity is not one.
static so_bytes candidate(const so_x509_request *r, size_t i) {
  return i < r->anchor_count ? r->anchors[i] : r->chain[1 + i - r->anchor_count];
}

// step tries the next candidate of the last level, and goes a level up or down.
static void step(search *s) {
  const so_x509_request *r = s->request;
  const size_t level = s->count - 1;
  const size_t i = s->next[level];
  if (i == r->anchor_count + r->chain_count - 1) {
    blame(s, level, NO_CANDIDATE, level,
          is_self_issued(&s->path[level]) ? SO_X509_SELF_SIGNED : SO_X509_UNKNOWN_ISSUER);
    s->count--;
    s->stopped = s->count == 0;
    return;
  }
  s->next[level]++;
  so_x509 issuer;
  // What does not parse is no candidate: peers send certificates that nobody needs.
  if (!so_ok(so_x509_parse(candidate(r, i), &issuer)) ||
      !could_issue(s, &issuer, &s->path[level])) {
    return;
  }
  const bool is_anchor = i < r->anchor_count;
  if (!is_anchor && s->count + 1 == SO_X509_DEPTH_MAX) {
    blame(s, level, SIGNED_BY_IT, level, SO_X509_PATH_TOO_LONG);
    return;
  }
  if (!try_issuer(s, &issuer)) {
    return;
  }
  if (is_anchor) {
    accept(s, s->count + 1);
    return;
  }
  s->path[s->count] = issuer;
  s->next[s->count] = 0;
  s->count++;
}

static bool is_anchor_itself(const so_x509_request *r) {
  for (size_t i = 0; i < r->anchor_count; i++) {
    if (equal(r->anchors[i], r->chain[0])) {
      return true;
    }
  }
  return false;
}

// check_counts bounds the input before any work.
static so_x509_reason check_counts(const so_x509_request *r) {
  if (r->chain_count == 0) {
    return SO_X509_EMPTY_CHAIN;
  }
  if (r->chain_count > SO_X509_CHAIN_COUNT_MAX) {
    return SO_X509_CHAIN_TOO_LONG;
  }
  return r->anchor_count > SO_X509_ANCHORS_MAX ? SO_X509_TOO_MANY_ANCHORS : SO_X509_VERIFIED;
}

static so_x509_reason verify(const so_x509_request *r, so_x509_result *out) {
  const so_x509_reason counts = check_counts(r);
  if (counts != SO_X509_VERIFIED) {
    return counts;
  }
  search s = {.request = r, .result = out, .count = 1};
  s.comparisons_left = SO_X509_COMPARISONS_MAX;
  const so_status parsed = so_x509_parse(r->chain[0], &s.path[0]);
  if (!so_ok(parsed)) {
    return (so_x509_reason)parsed.detail;
  }
  const so_x509_reason leaf = check_end_entity(r, &s.path[0]);
  if (leaf != SO_X509_VERIFIED) {
    return leaf;
  }
  if (is_anchor_itself(r)) {
    accept(&s, 1);
  }
  while (!s.stopped) {
    step(&s);
  }
  return out->reason;
}

so_status so_x509_verify(const so_x509_request *request, so_x509_result *out) {
  memset(out, 0, sizeof *out);
  out->reason = SO_X509_NOT_DONE;
  out->reason = verify(request, out);
  return so_x509_reason_status(out->reason);
}
