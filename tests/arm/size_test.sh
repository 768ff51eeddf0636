#!/bin/bash
# The images for ARM beside those for x86-64: what is loaded of each, and the ratio, which is to be 1.3 at most.
# usage: size_test.sh APP...   for each, apps/APP/FAMILY_ARCH.sym of both families and all architectures
set -uo pipefail
bad=0
count=0

# loaded IMAGE: bytes that a loader reads, of all segments.
loaded() {
  readelf -lW "$1" | awk '/^ *LOAD/ { print $5 }' | { sum=0; while read -r n; do ((sum += n)); done; echo $sum; }
}

printf '%-24s %8s %15s %15s\n' "bytes loaded" x86_64 arm64 armv7
for app in "$@"; do
  for family in xen virtio; do
    base=$(loaded "apps/$app/${family}_x86_64.sym")
    ((base > 0)) || { echo "FAILED: apps/$app/${family}_x86_64.sym is not there"; exit 1; }
    printf '%-24s %8d' "$app $family" "$base"
    for arch in arm64 armv7; do
      own=$(loaded "apps/$app/${family}_$arch.sym")
      printf ' %8d (%d.%02d)' "$own" $((own / base)) $((own * 100 / base % 100))
      ((count++))
      if ((own == 0 || own * 10 > base * 13)); then
        printf ' FAILED: more than 1.3, or nothing'
        bad=1
      fi
    done
    echo
  done
done
((count > 0)) || { echo "FAILED: nothing was compared"; bad=1; }
exit $bad
