#!/bin/bash
# The plain name server holds no TLS, no HTTP and no store. Fails closed: it must hold DNS.
set -euo pipefail
symbols=$(nm "$1")
grep -q ' T so_dns_server_answer$' <<<"$symbols" || { echo "no DNS in $1"; exit 1; }
if grep -E ' so_(tls|x509|http|db|tree|repo|object|commit|merge|aead|p256|ed25519|x25519)_' <<<"$symbols"; then
  echo "the name server holds what it does not use"
  exit 1
fi
if [[ -n ${2-} ]]; then
  symbols=$(nm "$2")
  for part in so_dns_server_answer so_tls_ so_http_client_; do
    grep -q " T $part" <<<"$symbols" || { echo "no $part in $2"; exit 1; }
  done
  if grep -E ' so_(db|repo|merge|http_server)_' <<<"$symbols"; then
    echo "the name server with zones from a store holds the store itself"
    exit 1
  fi
fi
