#!/bin/bash
# What an image is made of: no symbol is missing, nothing is both writable and executable, one of each is
# entered as PVH says, and it is no larger than it may be.
# usage: image_test.sh [LIMIT-IN-KB:IMAGE [!PATTERN...]]...   IMAGE.sym stands beside IMAGE
#   !PATTERN: no symbol of the image before it may match
set -uo pipefail
bad=0
fail() {
  echo "FAILED $*"
  bad=1
}
image=
for arg in "$@"; do
  if [[ $arg == !* ]]; then
    found=$(nm "$image.sym" | awk '{ print $NF }' | grep -E -- "${arg#!}" | head -n 3)
    [[ -z $found ]] || fail "$image holds" $found
    continue
  fi
  limit=${arg%%:*} image=${arg#*:}
  [[ -s $image && -s $image.sym ]] || { fail "$image is not there"; continue; }
  undefined=$(nm -u "$image.sym")
  [[ -z $undefined ]] || fail "$image needs $undefined"
  libc=$(nm "$image.sym" | awk '{ print $NF }' | grep -E '^(malloc|free|printf|write|read|_start|__libc.*)$')
  [[ -z $libc ]] || fail "$image holds" $libc
  [[ $(nm "$image" 2>&1) == *"no symbols"* ]] || fail "$image is not stripped"
  headers=$(readelf -lW "$image")
  if grep -Eq '^ *LOAD .* (RWE|WE) ' <<<"$headers"; then fail "$image has code that can be written to"; fi
  [[ $(grep -Ec '^ *LOAD .* R E ' <<<"$headers") == 1 ]] || fail "$image has not one segment of code"
  readelf -nW "$image" | grep -q 'Xen .*0x00000012' || fail "$image has no PVH entry"
  loaded=0 memory=0
  while read -r file mem; do
    ((loaded += file, memory += mem))
  done < <(awk '/^ *LOAD/ { print $5, $6 }' <<<"$headers")
  printf '%-34s %7d bytes loaded, %7d in memory, limit %d KB\n' "${image#*/}" "$loaded" "$memory" "$limit"
  ((loaded <= limit * 1024)) || fail "$image is larger than $limit KB"
done
exit $bad
