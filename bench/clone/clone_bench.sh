#!/usr/bin/env bash
# Resident memory of the server while a repository of 2 GiB is pushed and cloned, and of storectl.
# Peer of the times: copying the same files with cp.
#
#   bazel run //bench/clone -- [MiB]

set -euo pipefail
stored=$PWD/$1
storectl=$PWD/$2
mib=${3:-2048}
work=$(mktemp -d "${TMPDIR:-/tmp}/safeos-clone.XXXXXX")
server=
cleanup() {
  [[ -z $server ]] || kill "$server" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' INT TERM
export HOME=$work

# Files, work copy, its store, server, clone and its store: six times the size.
room=$(df --output=avail -BM "$work" | tail -1 | tr -dc 0-9)
((room > 7 * mib)) || { echo "clone: $work has too little room" >&2; exit 1; }

peak() { awk '/^VmHWM/ {print $2 / 1024}' "/proc/$server/status"; }

# step NAME COMMAND..: runs it; prints its time, its own peak and the server's up to now.
step() {
  local name=$1
  shift
  python3 - "$name" "$@" <<'PY'
import resource, subprocess, sys, time
start = time.monotonic()
code = subprocess.call(sys.argv[2:], stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print("%-6s %7.2f s, %6.2f s of CPU, peak memory %6.1f MiB" % (
    sys.argv[1], time.monotonic() - start, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024), flush=True)
sys.exit(code)
PY
  printf '       server peak so far %.1f MiB\n' "$(peak)"
}

"$stored" --data "$work/data.db" --init --listen 127.0.0.1:0 --quiet >"$work/log" 2>&1 &
server=$!
for ((i = 0; i < 600; i++)); do
  url=$(sed -n 's/^listening //p' "$work/log")
  [[ -z $url ]] || break
  kill -0 "$server" || { cat "$work/log" >&2; exit 1; }
  sleep 0.05
done

mkdir "$work/a"
cd "$work/a"
python3 - "$mib" <<'PY'
import os, random, sys
left, r, i = int(sys.argv[1]) << 20, random.Random(1), 0
while left > 0:  # Half in files of 64 MiB, half in files of 4 to 512 KiB.
    n = min(left, 64 << 20 if i % 248 == 0 else r.randrange(4 << 10, 512 << 10))
    os.makedirs("d%03d" % (i // 100), exist_ok=True)
    with open("d%03d/f%06d" % (i // 100, i), "wb") as f:
        for at in range(0, n, 1 << 20):
            f.write(r.randbytes(min(1 << 20, n - at)))
    left -= n
    i += 1
print("%d files, %s MiB" % (i, sys.argv[1]))
PY

step cp cp -r . "$work/copy"
rm -rf "$work/copy"
"$storectl" login -q "$url" --cacert "$work/data.db.crt" --token-file "$work/data.db.token"
"$storectl" init -q "$url/big"
"$storectl" init -q
"$storectl" remote add -q origin "$url/big"
step commit "$storectl" commit -q -m all
step push "$storectl" push -q
step clone "$storectl" clone -q "$url/big" "$work/b"
diff -r -q --exclude=.storectl . "$work/b"
