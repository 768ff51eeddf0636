#!/bin/bash
# hello in QEMU's microvm: devices with both versions of the registers, user networking and a tap device,
# randomness from the host, and every way to the end. Needs no network but 127.0.0.1 and a namespace of its own.

# shellcheck source=tests/virtio/lib.sh
. tests/virtio/lib.sh
HELLO=$(image "$@")
WORK=$(mktemp -d /tmp/hello.XXXXXX)  # Short: a path of a Unix socket has at most 107 bytes.
trap 'machine_cut; rm -rf "$WORK"' EXIT
trap 'exit 1' INT TERM
FAILED=0

fail() {
  echo "FAILED: $*"
  tail -20 "$WORK/console" | sed 's/^/  | /'
  FAILED=1
}

# answers URL: hello's page comes, within some tries: a lease takes some seconds (RFC 2131, 4.4.1).
answers() {
  local i
  for i in $(seq 40); do
    [ "$(curl -sS --noproxy '*' -m 5 "$1" 2>"$WORK/curl")" = hello ] && return 0
    sleep 0.3
  done
  sed 's/^/  | /' "$WORK/curl"
  return 1
}

# ends TYPED REGEX: what is typed ends the machine in order, which says so.
ends() {
  printf '%b' "$1" >&9
  machine_wait || { FAILED=1; return; }
  [ "$MACHINE_STATUS" = 0 ] || fail "ended by $1 with status $MACHINE_STATUS"
  grep -qE "$2" "$WORK/console" || fail "the console does not say that it was asked to end: $2"
}

for LEGACY in false true; do
  user_net 80
  machine_start "$HELLO" "ip=dhcp --listen 0.0.0.0:80" "${NET[@]}"
  if console_says '^listening' && answers "http://127.0.0.1:$PORT/"; then
    ends 'stop\r' 'asked to power off'
  else
    fail "hello does not answer (force-legacy=$LEGACY)"
    machine_cut
  fi
done
LEGACY=false

# Settings and arguments apart, and Ctrl-C.
user_net 80
machine_start "$HELLO" "ip=10.0.2.15/24 gw=10.0.2.2 -- --listen 10.0.2.15:80" "${NET[@]}"
if console_says '^listening' && answers "http://127.0.0.1:$PORT/"; then
  ends '\x03' 'asked to power off'
else
  fail "hello with a fixed address does not answer"
  machine_cut
fi

# Without a generator in the processor: refused, but for the host's.
CPU=qemu64 machine_start "$HELLO" ""
console_says 'no random numbers' || fail "a machine without randomness starts"
machine_wait || FAILED=1
CPU=qemu64 machine_start "$HELLO" "" -device virtio-rng-device
console_says '^hello' || fail "the host's generator is not used"
machine_cut

# Devices that are not announced, do not exist, or lie outside of what is mapped.
machine_start "$HELLO" "ip=dhcp --listen 0.0.0.0:80 virtio_mmio.device=512@0x100000000000:5 virtio_mmio.device=x"
console_says 'no virtio_mmio.device= of this kind' || fail "a machine without a network device says nothing"
console_says 'makes no sense, and is left out' || fail "nonsense on the command line is not named"
machine_wait || FAILED=1
machine_start "$HELLO" "ip=dhcp virtio_mmio.device=512@0xfeb00000:5 --listen 0.0.0.0:80"
console_says 'no network device' || fail "a transport without a device is taken for one"
machine_wait || FAILED=1

# A link that goes down and comes back; and reboot, which -no-reboot makes an end.
user_net 80
machine_start "$HELLO" "ip=10.0.2.15/24 gw=10.0.2.2 --listen 10.0.2.15:80" "${NET[@]}" \
  -monitor "unix:$WORK/monitor,server=on,wait=off"
monitor() {
  python3 - "$WORK/monitor" "$1" <<'PY'
import socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.settimeout(10)
s.connect(sys.argv[1])
s.recv(4096)
s.sendall(sys.argv[2].encode() + b"\n")
time.sleep(0.3)
s.recv(4096)
PY
}
if console_says '^listening' && answers "http://127.0.0.1:$PORT/"; then
  monitor 'set_link n off'
  curl -sS --noproxy '*' -m 2 "http://127.0.0.1:$PORT/" >/dev/null 2>&1 && fail "a link that is down carries frames"
  monitor 'set_link n on'
  answers "http://127.0.0.1:$PORT/" || fail "hello does not answer after the link was down"
  ends 'reboot\r' 'asked to reboot'
else
  fail "hello with a monitor does not answer"
  machine_cut
fi

[ $FAILED = 0 ] && echo "hello in QEMU's microvm: all checks hold"
exit $FAILED
