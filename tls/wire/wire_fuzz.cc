// The first byte chooses a parser, the rest is a message body. Hellos that parse are written again
// and must parse to the same bytes.

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <vector>

#include "tls/wire/wire.h"

namespace {

void Require(bool ok) {
  if (!ok) {
    abort();
  }
}

void FuzzClientHello(so_bytes body) {
  so_tls_client_hello hello;
  if (!so_ok(so_tls_client_hello_parse(body, &hello)) || !hello.compression_null) {
    return;
  }
  std::vector<uint8_t> first(body.len + 4096);
  std::vector<uint8_t> second(body.len + 4096);
  so_writer w1 = so_writer_of(first.data(), first.size());
  so_writer w2 = so_writer_of(second.data(), second.size());
  so_tls_client_hello again;
  so_tls_client_hello_write(&hello, &w1);
  Require(!w1.failed);
  const so_bytes written = so_bytes_from(so_writer_bytes(&w1), SO_TLS_MESSAGE_HEAD);
  Require(so_ok(so_tls_client_hello_parse(written, &again)));
  so_tls_client_hello_write(&again, &w2);
  Require(so_bytes_equal(so_writer_bytes(&w1), so_writer_bytes(&w2)));
}

void FuzzServerHello(so_bytes body) {
  so_tls_server_hello hello;
  so_tls_server_hello again;
  if (!so_ok(so_tls_server_hello_parse(body, &hello))) {
    return;
  }
  std::vector<uint8_t> out(body.len + 4096);
  so_writer w = so_writer_of(out.data(), out.size());
  so_tls_server_hello_write(&hello, &w);
  const so_bytes written = so_bytes_from(so_writer_bytes(&w), SO_TLS_MESSAGE_HEAD);
  Require(!w.failed && so_ok(so_tls_server_hello_parse(written, &again)));
  Require(again.suite == hello.suite && again.group == hello.group && again.psk == hello.psk);
}

void FuzzCertificate(so_bytes body) {
  so_tls_certificate c;
  if (!so_ok(so_tls_certificate_parse(body, &c))) {
    return;
  }
  std::vector<uint8_t> out(body.len + 64);
  so_writer w = so_writer_of(out.data(), out.size());
  so_tls_certificate_write(c.context, c.chain, c.count, &w);
  Require(so_bytes_equal(so_bytes_from(so_writer_bytes(&w), SO_TLS_MESSAGE_HEAD), body));
}

void FuzzSmall(uint8_t which, so_bytes body) {
  so_tls_encrypted_extensions ee;
  so_tls_certificate_verify verify;
  so_tls_new_ticket ticket;
  so_bytes mac;
  bool ask = false;
  switch (which % 6) {
    case 0:
      (void)so_ok(so_tls_encrypted_extensions_parse(body, &ee));
      break;
    case 1:
      (void)so_ok(so_tls_certificate_verify_parse(body, &verify));
      break;
    case 2:
      (void)so_ok(so_tls_certificate_request_parse(body));
      break;
    case 3:
      (void)so_ok(so_tls_new_ticket_parse(body, &ticket));
      break;
    case 4:
      (void)so_ok(so_tls_finished_parse(body, 32, &mac));
      break;
    default:
      (void)so_ok(so_tls_key_update_parse(body, &ask));
      break;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  if (len == 0) {
    return 0;
  }
  const so_bytes body = so_bytes_of(data + 1, len - 1);
  switch (data[0]) {
    case SO_TLS_CLIENT_HELLO:
      FuzzClientHello(body);
      break;
    case SO_TLS_SERVER_HELLO:
      FuzzServerHello(body);
      break;
    case SO_TLS_CERTIFICATE:
      FuzzCertificate(body);
      break;
    default:
      FuzzSmall(data[0], body);
      break;
  }
  return 0;
}
