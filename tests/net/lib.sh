# Shared by the tests of our own TCP/IP: network namespaces that the test makes itself, tap devices, links.
# Source it first, with the arguments of the test: stored over taps, storectl, the emulator, and what follows.
# Everything is gone when the test ends: namespaces go with their processes.
#
#   here   where the test runs: the Linux host that talks to us, 192.0.2.1 and 2001:db8::1
#   there  a second one, for the far side of an emulated link

if [ -z "${NET_INSIDE:-}" ]; then
  if ! unshare -n true 2>/dev/null || [ ! -c /dev/net/tun ]; then
    echo "SKIPPED: this needs network namespaces and tap devices (root, or CAP_SYS_ADMIN and CAP_NET_ADMIN)"
    exit 0
  fi
  NET_INSIDE=1 exec unshare -n "$BASH" "$0" "$@"
fi

# shellcheck source=tests/cli/lib.sh
. tests/cli/lib.sh
EMULATOR=$(runfile "$3")

PREFIX4=192.0.2 PREFIX6=2001:db8::
NET_PIDS=()
net_cleanup() {
  [ ${#NET_PIDS[@]} -eq 0 ] || kill -KILL "${NET_PIDS[@]}" 2>/dev/null
  cleanup
}
trap net_cleanup EXIT

# there COMMAND...: runs it in the second namespace.
there() { nsenter -t "$THERE" -n "$@"; }

# here_up DEVICE: gives the device our addresses of the Linux host.
here_up() {
  ip addr add "$PREFIX4.1/24" dev "$1"
  ip addr add "${PREFIX6}1/64" dev "$1" nodad
  ip link set "$1" up
}

# linux_usual: what a freshly installed Linux does, in this namespace ("" or there).
linux_usual() {
  $1 ip link set lo up
}

# make_there makes the second namespace.
make_there() {
  unshare -n sleep infinity &
  THERE=$!
  NET_PIDS+=("$THERE")
  local i
  for i in $(seq 100); do
    [ "$(readlink /proc/$THERE/ns/net)" != "$(readlink /proc/self/ns/net)" ] && break
    sleep 0.02
  done
}

# link_up [settings of the emulator]: joins device `near` here and device `far` there by a bad link.
link_up() {
  "$EMULATOR" "$@" near "/proc/$THERE/ns/net:far" >"$WORK/emulator" 2>"$WORK/emulator.err" &
  LINK_PID=$!
  NET_PIDS+=("$LINK_PID")
  local i
  for i in $(seq 200); do
    grep -q ready "$WORK/emulator" && return 0
    sleep 0.02
  done
  cat "$WORK/emulator.err"
  exit 1
}

link_down() {
  kill -TERM "$LINK_PID" 2>/dev/null
  wait "$LINK_PID" 2>/dev/null
}

# await_line FILE REGEX PID: waits, a bounded time, until the file has such a line.
await_line() {
  local i
  for i in $(seq 600); do
    grep -q "$2" "$1" && return 0
    kill -0 "$3" 2>/dev/null || break
    sleep 0.05
  done
  echo "this did not start:"
  cat "$1"
  exit 1
}

# tap_serve WHERE HOST SETTINGS...: starts stored on device tap0 of the namespace WHERE ("" or there), listening
# on HOST, the text of an address.
tap_serve() {
  local where="$1" host="$2"
  shift 2
  case "$host" in *:*) host="[$host]" ;; esac
  : >"$WORK/log"
  # exec in a subshell, so that $! is the server itself.
  (exec ${where:+nsenter -t "$THERE" -n} "$STORED" --tap tap0 "$@" --data "$DATA" --init \
    --listen "$host:8443" --quiet) >"$WORK/log" 2>&1 &
  SERVER_PID=$!
  await_line "$WORK/log" '^listening ' "$SERVER_PID"
  URL=$(sed -n 's/^listening //p' "$WORK/log")
  TOKEN=$(cat "$DATA.token")
}

# round NAME BYTES: clones, pushes and merges over $URL, and compares what came of it.
round() {
  local name="$1" bytes="$2"
  login
  must storectl init "$URL/$name"
  must storectl clone "$URL/$name" "$name.a"
  (
    cd "$name.a" || exit 1
    head -c "$bytes" /dev/urandom >big
    seq 1 2000 >numbers
    mkdir -p deep/er && echo leaf >deep/er/leaf
    must storectl commit -m "All of it"
    must storectl push
  ) || exit 1
  must storectl clone "$URL/$name" "$name.b"
  holds "$name: the clone is the same" diff -r -x .storectl "$name.a" "$name.b"
  (
    FAILED=0
    cd "$name.b" || exit 1
    sed -i '1s/.*/first by b/' numbers
    must storectl commit -m "The first line"
    must storectl push
    cd "../$name.a" || exit 1
    sed -i '2000s/.*/last by a/' numbers
    must storectl commit -m "The last line"
    storectl push >/dev/null 2>&1 && fail "$name: a push over the other's commit was taken"
    must storectl pull
    must storectl push
    cd "../$name.b" || exit 1
    must storectl pull
    [ "$FAILED" -eq 0 ]
  ) || FAILED=$((FAILED + 1))
  holds "$name: merged, both are the same" diff -r -x .storectl "$name.a" "$name.b"
  same "$name: the merge has both" "$(sed -n '1p;2000p' "$name.a/numbers" | tr '\n' ,)" "first by b,last by a,"
  req GET "/v1/repos/$name/tree/main/numbers" --max-time 120
  want "$name: curl" 200
  same_files "$name: what curl got" "$BODY" "$name.a/numbers"
}
