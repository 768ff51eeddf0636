#!/bin/bash
# constant_time_test.sh PROGRAM SUPPRESSIONS
set -euo pipefail
check() {
  valgrind --quiet --error-exitcode=9 --suppressions="$2" "$1" "${@:3}"
}
check "$1" "$2"
status=0
check "$1" "$2" leak 2>/dev/null || status=$?
if [[ $status -ne 9 ]]; then
  echo "a planted leak went unnoticed"
  exit 1
fi
