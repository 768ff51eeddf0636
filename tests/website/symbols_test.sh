#!/bin/bash
# Each program holds only what it uses: no symbol of a module that it has no business with.
# usage: symbols_test.sh WEBSITE WEBSITE_STORE HELLO
set -euo pipefail

# holds FILE SYMBOL..: each must be there, so that the next check cannot pass for want of symbols.
holds() {
  local file=$1 s all
  shift
  all=$(nm "$file")
  for s in "$@"; do
    grep -q " $s\$" <<<"$all" || { echo "$file should hold $s"; exit 1; }
  done
}

# lacks FILE PATTERN..
lacks() {
  local file=$1 p found
  shift
  for p in "$@"; do
    found=$(nm "$file" | awk '{print $NF}' | grep -E -m 5 "$p" || true)
    [[ -z $found ]] || { printf '%s holds\n%s\n' "$file" "$found"; exit 1; }
  done
}

store='^so_(db|repo|repos|tree|value|object|objects|merge|commit|pack|sync|cursor|ref|oid)_'
tls='^so_(tls|x509|private_key|key|der|pem|aead|p256|ed25519|x25519|hkdf|sha256|sha512|identity)_?'
dns='^so_(dns|zone|resolver|dhcp|sntp)_'

holds "$1" so_main so_pages_get so_tls_stream_server so_sha256_update
lacks "$1" "$store" "$dns" '^blake2'
holds "$2" so_main so_pages_get so_tls_stream_server so_db_open so_tree_get
lacks "$2" "$dns"
holds "$3" so_main so_http_serve
lacks "$3" "$store" "$tls" "$dns" '^blake2' '^(de|in)flate' '^so_(chacha20|siphash|rng)'
echo '3 passed, 0 failed'
