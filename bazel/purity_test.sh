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
  if grep -E ' [BbDdCc] ' <<<"$symbols" | grep -vE ' (__asan|__sancov|\.)'; then
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
