#!/bin/bash
# Runs the tutorial of README.md exactly as printed. Its commands name port 8443: the test takes a
# network of its own, where that port is always free. Arguments: stored, storectl.

if [ -z "${TUTORIAL_INSIDE:-}" ]; then
  unshare -n true 2>/dev/null || {
    echo "this test needs a network namespace of its own (root, or CAP_SYS_ADMIN) for port 8443"
    exit 1
  }
  TUTORIAL_INSIDE=1 exec unshare -n "$BASH" "$0" "$@"
fi
. tests/cli/lib.sh
README="$PWD/README.md"

if command -v ip >/dev/null; then
  ip link set lo up
else
  python3 - <<'PY'
import fcntl, socket, struct
s = socket.socket()
request = struct.pack("16sh14x", b"lo", 0)
flags = struct.unpack("16sh14x", fcntl.ioctl(s, 0x8913, request))[1]
fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", b"lo", flags | 1))
PY
fi || { echo "cannot bring up the loopback interface"; exit 1; }

# The folder as `./safeos up` leaves it.
mkdir -p "$WORK/folder/.safeos/bin"
cd "$WORK/folder" || exit 1
cp "$STORED" .safeos/bin/stored
cp "$STORECTL" .safeos/bin/storectl
rm "$WORK/bin/storectl"
DATA=.safeos/data
.safeos/bin/stored --data "$DATA" --init --listen 127.0.0.1:8443 >"$WORK/log" 2>&1 &
SERVER_PID=$!
for _ in $(seq 600); do
  grep -q '^listening ' "$WORK/log" && break
  kill -0 "$SERVER_PID" 2>/dev/null || break
  sleep 0.05
done
grep -q '^listening https://127.0.0.1:8443$' "$WORK/log" || {
  echo "the server did not start:"
  cat "$WORK/log"
  exit 1
}

awk '/^<!-- tutorial/ {on = 1} /^<!-- end of tutorial/ {on = 0}
     on && /^```$/ {code = 0} on && code {print} on && /^```sh$/ {code = 1}' "$README" >"$WORK/tutorial.sh"
[ "$(grep -c storectl "$WORK/tutorial.sh")" -ge 10 ] || {
  echo "README.md has no tutorial between its markers"
  exit 1
}
unset STORECTL_USER
run 0 "$BASH" -e "$WORK/tutorial.sh"
cp "$OUT" "$WORK/transcript"

says "the push was refused" '^refused, as it should be$'
says "the pull had a conflict" '^a conflict, as it should be$'
says "the conflict was shown between markers" '^<<<<<<<'
says "both sides were shown" '^oat milk$'
says "both sides were shown" '^soy milk$'
WANT=$(printf 'bread\noat milk\nsoy milk\napples')
same "the file in the end" "$(cat alice/shopping.txt)" "$WANT"
same "the file over HTTPS" "$(tail -4 "$WORK/transcript")" "$WANT"
export PATH="$PWD/.safeos/bin:$PATH"
cd alice || exit 1
must storectl log --oneline
same "commits in the log" "$(wc -l <"$OUT")" 4
must storectl status
must storectl log
says "the log shows the merge" 'Both kinds of milk'
says "the log shows Bob's commit" 'Oat milk for Bob'
cd ../bob || exit 1
must storectl pull
same "Bob gets it too" "$(cat shopping.txt)" "$WANT"
[ "$FAILED" -eq 0 ] || cat "$WORK/transcript"
finish
