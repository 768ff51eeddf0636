#!/bin/bash
# join_tests.sh SOURCE...: prints one C++ source that holds them all, so that GoogleTest's headers and those of the
# language, most of what a compiler does for a test, are read once. Each keeps its names to itself in a namespace,
# inside of which the includes of a source are empty, for all of them come first.
set -euo pipefail
units=()
for file in "$@"; do
  [[ $file != *.cc ]] || units+=("$file")
done
grep -h '^#include' "${units[@]}" | sort -u
number=0
for file in "${units[@]}"; do
  number=$((number + 1))
  printf 'namespace joined_%d {\n#include "%s"\n}  // namespace joined_%d\n' "$number" "$file" "$number"
done
