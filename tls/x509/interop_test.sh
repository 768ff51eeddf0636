#!/bin/bash
# Certificates and keys that we make, in the hands of OpenSSL, curl and GnuTLS.
set -euo pipefail
make=$1
dir=$TEST_TMPDIR
server=

fail() {
  echo "FAILED: $*"
  exit 1
}

trap '[[ -z $server ]] || kill "$server" 2>/dev/null || true' EXIT

# start_server KIND sets `server` and `port`. The kernel chooses the port.
start_server() {
  openssl s_server -accept 127.0.0.1:0 -tls1_3 -www -key "$dir/$1.key" -cert "$dir/$1.crt" \
    >"$dir/server.log" 2>&1 </dev/null &
  server=$!
  for _ in $(seq 200); do
    port=$(sed -n 's/^ACCEPT 127.0.0.1:\([0-9]*\).*/\1/p' "$dir/server.log")
    [[ -z $port ]] || return 0
    sleep 0.1
  done
  fail "openssl s_server does not start: $(cat "$dir/server.log")"
}

stop_server() {
  kill "$server"
  wait "$server" 2>/dev/null || true
  server=
}

mapfile -t fingerprints < <("$make" "$dir")
n=0
for kind in p256 ed25519; do
  key=$dir/$kind.key crt=$dir/$kind.crt
  openssl pkey -in "$key" -check -noout >/dev/null || fail "$kind: openssl pkey -check"
  openssl x509 -in "$crt" -noout -text >"$dir/text"
  [[ $(openssl pkey -in "$key" -pubout) == $(openssl x509 -in "$crt" -noout -pubkey) ]] ||
    fail "$kind: key and certificate differ"
  want=$(openssl x509 -in "$crt" -noout -fingerprint -sha256 | sed 's/.*=//; s/://g')
  [[ $want == "${fingerprints[n]}" ]] || fail "$kind: fingerprint"
  n=$((n + 1))

  openssl verify -x509_strict -purpose sslserver -CAfile "$crt" "$crt" ||
    fail "$kind: openssl verify"
  openssl verify -check_ss_sig -verify_hostname localhost -CAfile "$crt" "$crt" ||
    fail "$kind: openssl verify with a name"
  openssl verify -verify_ip ::1 -CAfile "$crt" "$crt" || fail "$kind: openssl verify with an address"
  ! openssl verify -verify_hostname other.example -CAfile "$crt" "$crt" 2>/dev/null ||
    fail "$kind: openssl takes any name"

  # "certtool --verify" never takes a certificate that is not a CA for its own anchor; the library,
  # which gnutls-cli shows below, does.
  certtool --certificate-info --infile "$crt" >"$dir/certtool" || fail "$kind: certtool"
  grep -q 'Certificate Authority (CA): FALSE' "$dir/certtool" || fail "$kind: certtool sees a CA"
  certtool --key-info --infile "$key" >/dev/null || fail "$kind: certtool --key-info"

  start_server "$kind"
  curl --silent --show-error --fail --noproxy '*' --cacert "$crt" "https://127.0.0.1:$port/" \
    >/dev/null || fail "$kind: curl with the address"
  curl --silent --show-error --fail --noproxy '*' --cacert "$crt" \
    --resolve "localhost:$port:127.0.0.1" "https://localhost:$port/" >/dev/null ||
    fail "$kind: curl with the name"
  ! curl --silent --fail --noproxy '*' --cacert "$crt" \
    --resolve "other.example:$port:127.0.0.1" "https://other.example:$port/" >/dev/null ||
    fail "$kind: curl takes any name"
  gnutls-cli --x509cafile "$crt" --verify-hostname localhost --port "$port" 127.0.0.1 \
    </dev/null >"$dir/gnutls" 2>&1 || fail "$kind: gnutls-cli: $(cat "$dir/gnutls")"
  grep -q 'certificate is trusted' "$dir/gnutls" || fail "$kind: gnutls-cli does not trust"
  ! gnutls-cli --x509cafile "$crt" --verify-hostname other.example --port "$port" 127.0.0.1 \
    </dev/null >/dev/null 2>&1 || fail "$kind: gnutls-cli takes any name"
  stop_server
done
echo "all accepted"
