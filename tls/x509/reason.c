#include "tls/x509/internal.h"

// The alerts of RFC 8446 6.2 that a certificate can earn.
#define ALERT_BAD_CERTIFICATE 42
#define ALERT_UNSUPPORTED_CERTIFICATE 43
#define ALERT_CERTIFICATE_EXPIRED 45
#define ALERT_UNKNOWN_CA 48
#define ALERT_INTERNAL_ERROR 80

typedef struct row {
  uint8_t alert;
  so_code code;
  char text[64];  // Not a pointer: tables of those are not constant in code that is relocated.
} row;

static const row rows[SO_X509_REASON_COUNT] = {
    [SO_X509_NOT_DONE] = {ALERT_INTERNAL_ERROR, SO_INTERNAL,
                          "The certificate has not been checked."},
    [SO_X509_VERIFIED] = {0, SO_OK, "The certificate is valid."},
    [SO_X509_EMPTY_CHAIN] = {ALERT_BAD_CERTIFICATE, SO_DENIED, "There is no certificate."},
    [SO_X509_CHAIN_TOO_LONG] = {ALERT_BAD_CERTIFICATE, SO_LIMIT,
                                "The peer presents too many certificates."},
    [SO_X509_TOO_MANY_ANCHORS] = {ALERT_INTERNAL_ERROR, SO_LIMIT,
                                  "The list of trusted certificates is too long."},
    [SO_X509_BAD_ENCODING] = {ALERT_BAD_CERTIFICATE, SO_MALFORMED,
                              "The certificate is not well-formed DER."},
    [SO_X509_BAD_VERSION] = {ALERT_UNSUPPORTED_CERTIFICATE, SO_UNSUPPORTED,
                             "The certificate is not an X.509 version 3 certificate."},
    [SO_X509_BAD_EXTENSION] = {ALERT_BAD_CERTIFICATE, SO_MALFORMED,
                               "An extension of the certificate is not well-formed."},
    [SO_X509_DUPLICATE_EXTENSION] = {ALERT_BAD_CERTIFICATE, SO_MALFORMED,
                                     "The certificate has the same extension twice."},
    [SO_X509_TOO_LARGE] = {ALERT_BAD_CERTIFICATE, SO_LIMIT,
                           "The certificate is too long or has too many extensions."},
    [SO_X509_UNKNOWN_CRITICAL] = {ALERT_UNSUPPORTED_CERTIFICATE, SO_UNSUPPORTED,
                                  "A critical extension of the certificate is not supported."},
    [SO_X509_UNSUPPORTED_KEY] = {ALERT_UNSUPPORTED_CERTIFICATE, SO_UNSUPPORTED,
                                 "The certificate's key is neither P-256 nor Ed25519."},
    [SO_X509_UNSUPPORTED_SIGNATURE] = {ALERT_UNSUPPORTED_CERTIFICATE, SO_UNSUPPORTED,
                                       "The certificate's signature algorithm is not supported."},
    [SO_X509_NOT_YET_VALID] = {ALERT_CERTIFICATE_EXPIRED, SO_DENIED,
                               "The certificate is not valid yet."},
    [SO_X509_EXPIRED] = {ALERT_CERTIFICATE_EXPIRED, SO_DENIED, "The certificate has expired."},
    [SO_X509_WRONG_NAME] = {ALERT_BAD_CERTIFICATE, SO_DENIED,
                            "The certificate is for another host name or address."},
    [SO_X509_WRONG_USAGE] = {ALERT_UNSUPPORTED_CERTIFICATE, SO_DENIED,
                             "The certificate is not meant for this use."},
    [SO_X509_UNKNOWN_ISSUER] = {ALERT_UNKNOWN_CA, SO_DENIED,
                                "The certificate's issuer is not trusted."},
    [SO_X509_SELF_SIGNED] = {ALERT_UNKNOWN_CA, SO_DENIED,
                             "The certificate is self-signed and is not trusted."},
    [SO_X509_BAD_SIGNATURE] = {ALERT_BAD_CERTIFICATE, SO_DENIED,
                               "The certificate's signature is wrong."},
    [SO_X509_ISSUER_NOT_CA] = {ALERT_BAD_CERTIFICATE, SO_DENIED,
                               "The certificate's issuer must not issue certificates."},
    [SO_X509_PATH_LEN_EXCEEDED] = {ALERT_BAD_CERTIFICATE, SO_DENIED,
                                   "An issuer allows fewer certificates below it."},
    [SO_X509_NAME_NOT_PERMITTED] = {ALERT_BAD_CERTIFICATE, SO_DENIED,
                                    "An issuer must not issue certificates for this name."},
    [SO_X509_PATH_TOO_LONG] = {ALERT_BAD_CERTIFICATE, SO_LIMIT,
                               "The path to a trusted certificate is too long."},
    [SO_X509_TOO_MUCH_WORK] = {ALERT_BAD_CERTIFICATE, SO_LIMIT,
                               "The presented certificates take too much work to check."},
};

static const row *row_of(so_x509_reason reason) {
  return &rows[(unsigned)reason < SO_X509_REASON_COUNT ? reason : SO_X509_NOT_DONE];
}

const char *so_x509_reason_text(so_x509_reason reason) { return row_of(reason)->text; }

uint8_t so_x509_reason_alert(so_x509_reason reason) { return row_of(reason)->alert; }

so_status so_x509_reason_status(so_x509_reason reason) {
  const so_code code = row_of(reason)->code;
  return code == SO_OK ? so_done() : so_status_make(code, (uint16_t)reason);
}
