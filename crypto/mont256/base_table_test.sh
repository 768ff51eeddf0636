#!/bin/bash
# base_table_test.sh GENERATOR TABLE: fails unless the generator prints the table, byte for byte.
set -euo pipefail
printed=$(mktemp)
trap 'rm -f "$printed"' EXIT
python3 "$1" >"$printed"
cmp "$printed" "$2"
