#!/bin/bash
# Fails if a pure archive holds mutable state or needs a symbol outside the allowlist.
# Fails closed: no archive seen, or nm unable to read one, is a failure.
set -euo pipefail

# What pure code may call: our own functions, the four functions the compiler itself emits, the
# two pure third-party libraries, and what sanitizers and the stack protector insert.
allowed='^(so_.*|mem(cpy|move|set|cmp)|(de|in)flate[A-Za-z0-9_]*|adler32|crc32|blake2b_[a-z_]+|blake2b|_GLOBAL_OFFSET_TABLE_|__stack_chk_fail|__(asan|ubsan|sanitizer|sancov)_.*)$'

seen=0 bad=0
for archive in "$@"; do
  [[ $archive == *.a ]] || continue
  seen=$((seen + 1))
  symbols=$(nm "$archive")
  # Constants that hold addresses live in .data.rel.ro: written once by the loader, by nobody else.
  if nm --format=sysv "$archive" | awk -F'|' '
      { gsub(/ /, "", $3); gsub(/ /, "", $7) }
      $3 ~ /^[BbDdCc]$/ && $7 !~ /^\.data\.rel\.ro/ { print $1, $7; found = 1 }
      END { exit !found }'; then
    echo "mutable global in $archive"
    bad=1
  fi
  if sed -n 's/^ *U //p' <<<"$symbols" | sort -u | grep -Ev "$allowed"; then
    echo "impure symbol in $archive"
    bad=1
  fi
done
if [[ $seen -eq 0 ]]; then
  echo "no archive given"
  bad=1
fi
exit $bad
