#!/bin/bash
# xen_test.sh arm64|armv7 IMAGE...: hello as the only guest of real Xen, which is started without dom0: the guest,
# its memory and its UART are in the device tree that Xen gets. ARMv7: on a board's processor and interrupt controller
# too (Orange Pi PC: Allwinner H3, Cortex-A7). Needs no network.
set -u
ARCH=$1
shift
for file in "$@"; do
  case $file in *.sym) ;; *) IMAGE=$file ;; esac
done
XEN=${XEN:-$PWD/external/xen_arm/$ARCH/xen}
[ -e "$XEN" ] || XEN=${TEST_SRCDIR:-..}/xen_arm/$ARCH/xen
WORK=$(mktemp -d "${TEST_TMPDIR:-/tmp}/xen.XXXXXX")
QEMU_PID=
stop() {
  [ -n "$QEMU_PID" ] || return 0
  kill "$QEMU_PID" 2>/dev/null
  wait "$QEMU_PID" 2>/dev/null
  QEMU_PID=
}
trap 'stop; rm -rf "$WORK"' EXIT
trap 'exit 1' INT TERM
FAILED=0

case $ARCH in
  arm64) QEMU=qemu-system-aarch64 ;;
  armv7) QEMU=qemu-system-arm ;;
esac
for needed in "$QEMU" dtc; do
  if ! command -v "$needed" >/dev/null; then
    echo "SKIPPED: this needs $needed (./safeos setup)"
    exit 0
  fi
done
if [ ! -e "$XEN" ]; then
  echo "SKIPPED: this needs Xen for $ARCH, which ./safeos setup could not get"
  exit 0
fi

# shellcheck source=tests/arm/dom0less.sh
. tests/arm/dom0less.sh

# says REGEX: the guest does, within a bounded time.
says() {
  local i
  for i in $(seq 600); do
    grep -qaE "^\(XEN\) DOM1: $1" "$WORK/console" && return 0
    kill -0 "$QEMU_PID" 2>/dev/null || break
    sleep 0.1
  done
  echo "FAILED: $MACHINE $CPU: the guest does not say: $1"
  tail -20 "$WORK/console" | sed 's/^/  | /'
  FAILED=1
}

declare -n MACHINES=XEN_MACHINES_$ARCH
CPU=
SEED=$(head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n')
for each in "${MACHINES[@]}"; do
  read -r MACHINE CPU <<<"$each"
  boot "seed=$SEED"
  says 'hello'
  stop
done
read -r MACHINE CPU <<<"${MACHINES[0]}"
boot "seed=$SEED ip=dhcp -- --listen 0.0.0.0:80"
says '.*no such device below device/vif'
stop
boot ""
says '.*no random numbers'
stop

[ $FAILED = 0 ] && echo "hello under Xen without dom0, $ARCH: all checks hold"
exit $FAILED
