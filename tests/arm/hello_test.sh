#!/bin/bash
# hello_test.sh arm64|armv7 IMAGE...: hello on QEMU's `virt` with nothing underneath: an address by DHCP, a page,
# every way to the end; on arm64 with both versions of the interrupt controller. Needs no network but 127.0.0.1.

ARCH=$1
shift
# shellcheck source=tests/virtio/lib.sh
. tests/virtio/lib.sh
HELLO=$(image "$@")
WORK=$(mktemp -d "${TEST_TMPDIR:-/tmp}/hello.XXXXXX")
trap 'machine_cut; rm -rf "$WORK"' EXIT
trap 'exit 1' INT TERM
FAILED=0

case $ARCH in
  arm64) MACHINES=("virt,gic-version=2 cortex-a57" "virt,gic-version=3 max") ;;
  armv7) MACHINES=("virt,highmem=off cortex-a7" "virt,highmem=off cortex-a15") ;;
esac

# Without it the seed in the device tree must do (QEMU gives one), or the processor's generator.
RNG=(-device virtio-rng-device)

fail() {
  echo "FAILED: $MACHINE $CPU: $*"
  tail -20 "$WORK/console" | sed 's/^/  | /'
  FAILED=1
}

answers() {
  local i
  for i in $(seq 20); do
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

for each in "${MACHINES[@]}"; do
  # shellcheck disable=SC2086
  machine_arch "$ARCH" $each
  user_net 80
  machine_start "$HELLO" "ip=dhcp --listen 0.0.0.0:80" "${NET[@]}"
  if console_says '^listening' && answers "http://127.0.0.1:$PORT/"; then
    # Nothing happens now: a machine that waits takes next to no time of ours.
    child=$(cat "/proc/$MACHINE_PID/task/$MACHINE_PID/children")
    before=$(awk '{ print $14 + $15 }' "/proc/${child// /}/stat")
    sleep 2
    after=$(awk '{ print $14 + $15 }' "/proc/${child// /}/stat")
    [ $((after - before)) -lt 50 ] || fail "idle, it took $((after - before)) of 200 ticks"
    answers "http://127.0.0.1:$PORT/" || fail "hello does not answer after a pause"
    ends 'stop\r' 'asked to power off'
  else
    fail "hello does not answer"
    machine_cut
  fi
done

# The old version of virtio's registers, a fixed address, and reboot, which -no-reboot makes an end.
LEGACY=true
user_net 80
machine_start "$HELLO" "ip=10.0.2.15/24 gw=10.0.2.2 -- --listen 10.0.2.15:80" "${NET[@]}" "${RNG[@]}"
if console_says '^listening' && answers "http://127.0.0.1:$PORT/"; then
  ends 'reboot\r' 'asked to reboot'
else
  fail "hello with a fixed address and legacy registers does not answer"
  machine_cut
fi
LEGACY=false

# Without a network device it says what is missing; with little memory it says that.
machine_start "$HELLO" "ip=dhcp --listen 0.0.0.0:80" "${RNG[@]}"
console_says 'no virtio,mmio node of the device tree has a device of this kind' || fail "a machine without a network device says nothing"
machine_wait || FAILED=1

# Without any randomness it does not start; with that of the host it does.
# shellcheck disable=SC2086
machine_arch "$ARCH" ${MACHINES[0]}
MACHINE+=,dtb-randomness=off
machine_start "$HELLO" ""
console_says 'no random numbers' || fail "a machine without randomness starts"
machine_wait || FAILED=1
machine_start "$HELLO" "" "${RNG[@]}"
console_says '^hello' || fail "the host's generator is not used"
machine_cut

[ $FAILED = 0 ] && echo "hello on QEMU's virt, $ARCH: all checks hold"
exit $FAILED
