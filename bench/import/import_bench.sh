#!/usr/bin/env bash
# 100,000 files of 100 bytes in one flat directory, in one commit: CPU time and bytes on disk of
# `storectl import-git` against `git fast-import` of the same stream, interleaved.
#
#   bazel run //bench/import -- [files] [rounds]

set -euo pipefail
storectl=$PWD/$1
files=${2:-100000}
rounds=${3:-3}
work=$(mktemp -d "${TMPDIR:-/tmp}/safeos-import.XXXXXX")
trap 'rm -rf "$work"' EXIT
export HOME=$work GIT_CONFIG_NOSYSTEM=1 TIMEFORMAT='%U %S'

stream() {
  python3 - "$files" <<'PY'
import base64, random, sys
n, r, out = int(sys.argv[1]), random.Random(1), sys.stdout.buffer
for i in range(1, n + 1):
    out.write(b"blob\nmark :%d\ndata 100\n%s\n\n" % (i, base64.b64encode(r.randbytes(75))[:99]))
out.write(b"commit refs/heads/imported\nmark :%d\n" % (n + 1))
out.write(b"committer A <a@b.c> 1700000000 +0000\ndata 3\nall\n")
for i in range(1, n + 1):
    out.write(b"M 100644 :%d file%06d.txt\n" % (i, i))
out.write(b"\n")
PY
}

# cpu COMMAND.. prints seconds of user and system time together.
cpu() { { time "$@" >"$work/out" 2>&1 || { cat "$work/out" >&2; exit 1; }; } 2>&1 | awk '{print $1 + $2}'; }

git_import() { git -C "$work/git" fast-import --quiet <"$work/stream"; }
our_import() { (cd "$work/ours" && "$storectl" import-git -q "$work/stream"); }
# A working copy with a branch of its own: importing another writes no files, as with fast-import.
our_init() {
  mkdir "$work/ours"
  cd "$work/ours"
  "$storectl" init
  echo first >first
  "$storectl" commit -m first
}

size() { du -s --block-size=1 "$1" | cut -f1; }
median() { sort -n | awk '{a[NR] = $1} END {print a[int((NR + 1) / 2)]}'; }

stream >"$work/stream"
for ((round = 1; round <= rounds; round++)); do
  rm -rf "$work/git" "$work/ours"
  git init -q --bare "$work/git"
  (our_init) >"$work/out" 2>&1 || { cat "$work/out" >&2; exit 1; }
  theirs=$(cpu git_import)
  ours=$(cpu our_import)
  printf 'round %d: git fast-import %.2f s of CPU, %d bytes; storectl import-git %.2f s, %d bytes\n' \
    "$round" "$theirs" "$(size "$work/git")" "$ours" "$(size "$work/ours")"
  awk -v a="$theirs" -v b="$ours" 'BEGIN {print a / b}' >>"$work/ratios"
  echo "$(size "$work/git") $(size "$work/ours")" | awk '{print $1 / $2}' >>"$work/sizes"
done
printf 'CPU: git / storectl, median: %.2f\n' "$(median <"$work/ratios")"
printf 'disk: git / storectl, median: %.2f\n' "$(median <"$work/sizes")"
