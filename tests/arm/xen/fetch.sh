#!/bin/bash
# Puts Xen for ARM, out of Debian's packages of those architectures, into FOLDER: arm64 and armv7. They come by
# package lists of their own; those of this machine, and what is installed, stay as they are.
# usage: fetch.sh FOLDER
set -euo pipefail
out=$(realpath -m "$1")
work=$out.work
rm -rf "$work"
mkdir -p "$work" "$out"
trap 'rm -rf "$work"' EXIT

# foreign ARCH PROGRAM ARGUMENTS..
foreign() {
  local arch=$1 program=$2 state=$work/$1
  shift 2
  mkdir -p "$state"/{lists/partial,cache/archives/partial}
  touch "$state/status"
  "$program" -qq -o APT::Architecture="$arch" -o APT::Architectures::="$arch" -o Dir::State="$state" \
    -o Dir::State::lists="$state/lists" -o Dir::State::status="$state/status" -o Dir::Cache="$state/cache" \
    -o APT::Sandbox::User=root -o Acquire::Languages=none "$@"
}

for pair in arm64:arm64 armhf:armv7; do
  arch=${pair%:*} name=${pair#*:}
  # A list that cannot be had may be one that is not needed: the download decides.
  foreign "$arch" apt-get update >/dev/null 2>&1 || true
  mkdir -p "$work/debs-$arch" "$work/root-$arch"
  (cd "$work/debs-$arch" && foreign "$arch" apt-get download "xen-hypervisor-4.17-$arch" >/dev/null)
  dpkg-deb -x "$work/debs-$arch"/*.deb "$work/root-$arch"
  cp "$work/root-$arch/boot/xen-4.17-$arch" "$out/$name"
done
