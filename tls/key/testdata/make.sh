#!/bin/bash
# Writes keys.pem: private keys in the forms in which OpenSSL and GnuTLS write them.
# Usage: make.sh > keys.pem
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -r "$dir"' EXIT
cd "$dir"

openssl ecparam -name prime256v1 -genkey -out p256 2>/dev/null
openssl genpkey -algorithm ED25519 -out ed25519
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out p384 2>/dev/null
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out rsa 2>/dev/null

echo "name: p256_sec1"  # Behind a block with the parameters.
cat p256
echo "name: p256_pkcs8"
openssl pkcs8 -topk8 -nocrypt -in p256
echo "name: p256_sec1_without_public"
openssl ec -in p256 -no_public 2>/dev/null
echo "name: p256_compressed"
openssl ec -in p256 -conv_form compressed 2>/dev/null
echo "name: ed25519_pkcs8"
cat ed25519
echo "name: p384_pkcs8"
cat p384
echo "name: p384_sec1"
openssl ec -in p384 2>/dev/null
echo "name: rsa_pkcs8"
cat rsa
echo "name: rsa_pkcs1"
openssl rsa -in rsa -traditional 2>/dev/null
echo "name: p256_encrypted"
openssl pkcs8 -topk8 -in p256 -passout pass:secret
echo "name: p256_encrypted_old"
openssl ec -in p256 -aes128 -passout pass:secret 2>/dev/null
for i in 1 2 3 4; do
  echo "name: gnutls_p256_$i"
  certtool --generate-privkey --key-type ecdsa --curve secp256r1 2>/dev/null
done
echo "name: gnutls_p256_pkcs8"
certtool --generate-privkey --key-type ecdsa --curve secp256r1 --pkcs8 --empty-password 2>/dev/null
echo "name: gnutls_ed25519"
certtool --generate-privkey --key-type ed25519 2>/dev/null
echo "name: end"
