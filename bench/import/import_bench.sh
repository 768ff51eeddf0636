#!/usr/bin/env bash
# 100,000 files of 100 bytes in one commit, once in one flat directory and once in directories of
# 100: CPU time, time and bytes on disk of `storectl import-git` against `git fast-import` of the same
# stream, interleaved. Both are durable when they return. A flat round takes half a minute, nearly all
# of it git's.
#
#   bazel run //bench/import -- [files] [rounds]

set -euo pipefail
storectl=$PWD/$1
files=${2:-100000}
rounds=${3:-3}
work=$(mktemp -d "${TMPDIR:-/tmp}/safeos-import.XXXXXX")
trap 'rm -rf "$work"' EXIT
export HOME=$work GIT_CONFIG_NOSYSTEM=1 TIMEFORMAT='%U %S %R'

# stream flat|nested prints the stream.
stream() {
  python3 - "$files" "$1" <<'PY'
import base64, random, sys
n, r, out = int(sys.argv[1]), random.Random(1), sys.stdout.buffer
name = b"file%06d.txt" if sys.argv[2] == "flat" else b"d%02d/e%02d/file%06d.txt"
for i in range(1, n + 1):
    out.write(b"blob\nmark :%d\ndata 100\n%s\n\n" % (i, base64.b64encode(r.randbytes(75))[:99]))
out.write(b"commit refs/heads/imported\nmark :%d\n" % (n + 1))
out.write(b"committer A <a@b.c> 1700000000 +0000\ndata 3\nall\n")
for i in range(1, n + 1):
    at = (i,) if sys.argv[2] == "flat" else (i // 10000, i // 100 % 100, i)
    out.write(b"M 100644 :%d %s\n" % (i, name % at))
out.write(b"\n")
PY
}

# clock COMMAND.. prints seconds of user and system time together, and of time.
clock() {
  { time "$@" >"$work/out" 2>&1 || { cat "$work/out" >&2; exit 1; }; } 2>&1 | awk '{print $1 + $2, $3}'
}

# By default glibc gives zlib's state back to the kernel after each object, which alone makes git
# several times slower here. It shall be compared at its best.
git_import() { MALLOC_MMAP_THRESHOLD_=67108864 MALLOC_TRIM_THRESHOLD_=268435456 git -C "$work/git" fast-import --quiet <"$work/stream"; }
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

layout() {
  local round theirs ours
  stream "$1" >"$work/stream"
  rm -f "$work/rounds"
  for ((round = 1; round <= rounds; round++)); do
    rm -rf "$work/git" "$work/ours"
    git init -q --bare "$work/git"
    (our_init) >"$work/out" 2>&1 || { cat "$work/out" >&2; exit 1; }
    ours=$(clock our_import)
    theirs=$(clock git_import)
    echo "$theirs $(size "$work/git") $ours $(size "$work/ours")" | tee -a "$work/rounds" |
      awk -v name="$1" '{printf "%s: git fast-import %.2f s of CPU, %.2f s, %d bytes; "\
        "storectl import-git %.2f s of CPU, %.2f s, %d bytes\n", name, $1, $2, $3, $4, $5, $6}'
  done
  printf '%s, ratio git / storectl, median: CPU %.2f, time %.2f, disk %.2f\n' "$1" \
    "$(awk '{print $1 / $4}' "$work/rounds" | median)" "$(awk '{print $2 / $5}' "$work/rounds" | median)" \
    "$(awk '{print $3 / $6}' "$work/rounds" | median)"
}

layout nested
layout flat
