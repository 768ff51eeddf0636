// Certificates: judging the server's, signing with ours.

#include "base/mem.h"
#include "tls/engine/internal.h"
#include "tls/x509/x509.h"

static so_status refuse(so_tls *tls, so_x509_reason reason) {
  tls->peer_reason = (uint8_t)reason;
  return so_tls_fault(so_x509_reason_alert(reason));
}

// A pinned certificate is believed for being that one. It still has to be one with a key of use.
static so_status check_pin(so_tls *tls, const so_tls_config *config, so_bytes der) {
  so_x509 cert;
  if (memcmp(tls->peer_fingerprint, config->pin, sizeof tls->peer_fingerprint) != 0) {
    tls->peer_reason = SO_X509_UNKNOWN_ISSUER;
    return so_tls_fault(SO_TLS_ALERT_BAD_CERTIFICATE);
  }
  const so_status parsed = so_x509_parse(der, &cert);
  if (!so_ok(parsed)) {
    return refuse(tls, (so_x509_reason)parsed.detail);
  }
  if (cert.key.kind == SO_KEY_UNSUPPORTED) {
    return refuse(tls, SO_X509_UNSUPPORTED_KEY);
  }
  tls->peer_key = cert.key;
  tls->peer_not_after_s = INT64_MAX;
  tls->peer_reason = SO_X509_VERIFIED;
  return so_done();
}

static so_status check_path(so_tls *tls, const so_tls_io *io,
                            const so_tls_certificate *certificate) {
  const so_tls_config *config = io->config;
  so_x509_name name;
  so_x509_result result;
  so_x509 cert;
  memset(&result, 0, sizeof result);
  if (!so_ok(so_x509_name_read(config->server_name, &name))) {
    return refuse(tls, SO_X509_WRONG_NAME);
  }
  const so_x509_request request = {
      .cpu = &config->cpu,
      .chain = certificate->chain,
      .chain_count = certificate->count,
      .anchors = config->anchors,
      .anchor_count = config->anchor_count,
      .purpose = SO_X509_FOR_SERVER,
      .name = &name,
      .now_s = io->now_ms / 1000,
  };
  const so_status verified = so_x509_verify(&request, &result);
  if (!so_ok(verified) || result.reason != SO_X509_VERIFIED ||
      !so_ok(so_x509_parse(certificate->chain[0], &cert))) {
    return refuse(tls, result.reason);
  }
  tls->peer_key = result.key;
  tls->peer_not_after_s = cert.not_after_s;
  tls->peer_reason = SO_X509_VERIFIED;
  return so_done();
}

so_status so_tls_check_chain(so_tls *tls, const so_tls_io *io,
                             const so_tls_certificate *certificate) {
  so_x509_fingerprint(&io->config->cpu, certificate->chain[0], tls->peer_fingerprint);
  if (io->config->pin != NULL) {
    return check_pin(tls, io->config, certificate->chain[0]);
  }
  return check_path(tls, io, certificate);
}

// What CertificateVerify covers: a constant and the transcript up to the Certificate (4.4.3).
static so_bytes signed_content(const so_tls *tls, uint8_t memory[SO_TLS_SIGNED_LEN_MAX]) {
  uint8_t hash[SO_HASH_LEN_MAX];
  so_writer w = so_writer_of(memory, SO_TLS_SIGNED_LEN_MAX);
  so_tls_transcript_hash(tls, hash);
  so_tls_signed_content(so_bytes_of(hash, so_hash_len(so_tls_suite_of(tls)->hash)), &w);
  return so_writer_bytes(&w);
}

so_status so_tls_check_signature(so_tls *tls, const so_tls_config *config,
                                 const so_tls_certificate_verify *verify) {
  uint8_t memory[SO_TLS_SIGNED_LEN_MAX];
  if (verify->scheme != so_tls_scheme_of(tls->peer_key.kind)) {
    return so_tls_fault(SO_TLS_ALERT_ILLEGAL_PARAMETER);
  }
  const so_status good =
      so_key_verify(&config->cpu, &tls->peer_key, so_signature_alg_of(tls->peer_key.kind),
                    signed_content(tls, memory), verify->signature);
  return so_ok(good) ? so_done() : so_tls_fault(SO_TLS_ALERT_DECRYPT_ERROR);
}

so_status so_tls_sign(so_tls *tls, const so_tls_config *config, const so_tls_identity *identity,
                      so_writer *out) {
  uint8_t memory[SO_TLS_SIGNED_LEN_MAX];
  uint8_t signature[SO_TLS_SIGNATURE_LEN_MAX];
  so_writer w = so_writer_of(signature, sizeof signature);
  const so_key_kind kind = identity->key.kind;
  so_tls_certificate_verify verify = {so_tls_scheme_of(kind), {NULL, 0}};
  if (!so_ok(so_key_sign(&config->cpu, &identity->key, so_signature_alg_of(kind),
                         signed_content(tls, memory), &w)) ||
      !so_ok(so_writer_end(&w, &verify.signature))) {
    return so_tls_fault(SO_TLS_ALERT_INTERNAL_ERROR);
  }
  so_tls_certificate_verify_write(&verify, out);
  return so_done();
}
