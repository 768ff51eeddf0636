#!/bin/bash
# count.sh PLUGIN PEER_SOURCE ARM64_WORK ARMV7_WORK: instructions of cryptography on ARM, ours and BearSSL's, counted
# under QEMU's user emulation. An operation is the difference of two runs that do it once and twice.
set -euo pipefail
plugin=$(realpath "$1") peer=$(realpath "$2") arm64=$(realpath "$3") armv7=$(realpath "$4")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# foreign ARCH PROGRAM ARGUMENTS..: apt for another architecture, with lists of its own.
foreign() {
  local state=$work/$1 options
  mkdir -p "$state"/{lists/partial,cache/archives/partial}
  touch "$state/status"
  options=(-qq -o "APT::Architecture=$1" -o "APT::Architectures::=$1" -o "Dir::State=$state"
    -o "Dir::State::lists=$state/lists" -o "Dir::State::status=$state/status" -o "Dir::Cache=$state/cache"
    -o APT::Sandbox::User=root -o Acquire::Languages=none)
  "$2" "${options[@]}" "${@:3}"
}

# make_peer ARCH DEBIAN_ARCH TRIPLE: Debian's BearSSL of that processor; without it there is no comparison.
make_peer() {
  local root=$work/root-$1
  mkdir -p "$root/deb"
  foreign "$2" apt-get update >/dev/null 2>&1 || true
  (cd "$root/deb" && foreign "$2" apt-get download libbearssl-dev >/dev/null 2>&1) || return 0
  dpkg-deb -x "$root"/deb/*.deb "$root"
  clang "--target=$3" -O2 -I"$root/usr/include" -I"$root/usr/include/bearssl" "$peer" \
    "$root/usr/lib/$3/libbearssl.a" -static -fuse-ld=lld -o "$work/peer-$1"
}

# run ARCH PROGRAM ARGUMENTS..: how many instructions it executed.
run() {
  local emulator=(qemu-arm -cpu cortex-a7)
  [[ $1 == armv7 ]] || emulator=(qemu-aarch64 -cpu max)
  "${emulator[@]}" -plugin "$plugin" "${@:2}" 2>&1 | sed -n 's/^instructions //p'
}

# cost ARCH PROGRAM OPERATION [portable]
cost() {
  local once twice
  once=$(run "$1" "$2" "$3" 1 "${@:4}")
  twice=$(run "$1" "$2" "$3" 2 "${@:4}")
  echo $((twice - once))
}

# row ARCH OPERATION LABEL BYTES [portable]
row() {
  local arch=$1 operation=$2 label=$3 bytes=$4 ours theirs=-
  ours=$(cost "$arch" "${!arch}" "$operation" "${@:5}")
  if [[ -e $work/peer-$arch && $operation != ed25519* && $operation != tls* ]]; then
    theirs=$(cost "$arch" "$work/peer-$arch" "$operation")
  fi
  awk -v label="$label" -v ours="$ours" -v theirs="$theirs" -v bytes="$bytes" 'BEGIN {
    digits = bytes > 1 ? 2 : 0
    printf "%-34s %12.*f", label, digits, ours / bytes
    if (theirs != "-") printf " %12.*f %6.2f", digits, theirs / bytes, theirs / ours
    print ""
  }'
}

table() {
  local arch=$1 operation
  printf '%-34s %12s %12s %6s\n' "$arch: instructions of" ours BearSSL ratio
  for operation in x25519 x25519-public p256-ecdh p256-public p256-sign p256-verify ed25519-sign ed25519-verify; do
    row "$arch" "$operation" "$operation" 1
  done
  row "$arch" tls-server "TLS 1.3 handshake, server" 1
  for operation in aes-128-gcm aes-256-gcm chacha20-poly1305 sha-256 sha-512; do
    row "$arch" "$operation" "$operation, a byte" 16384
    [[ $arch == armv7 || $operation == chacha* ]] || row "$arch" "$operation" "$operation, a byte, no extension" 16384 portable
  done
  echo
}

make_peer armv7 armhf arm-linux-gnueabihf
make_peer arm64 arm64 aarch64-linux-gnu
[[ -e $work/peer-armv7 ]] || echo "BearSSL's package cannot be had, so there is nothing to compare with"
table armv7
table arm64
