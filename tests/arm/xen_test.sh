#!/bin/bash
# xen_test.sh arm64|armv7 IMAGE...: hello as the only guest of real Xen, which is started without dom0: the guest,
# its memory and its UART are in the device tree that Xen gets. Needs no network.
set -u
ARCH=$1
shift
for file in "$@"; do
  case $file in *.sym) ;; *) IMAGE=$file ;; esac
done
XEN=${XEN:-$PWD/external/xen_arm/$ARCH}
[ -e "$XEN" ] || XEN=${TEST_SRCDIR:-..}/xen_arm/$ARCH
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
  arm64) QEMU=qemu-system-aarch64 MACHINES=("virt,virtualization=on,gic-version=2 cortex-a57" "virt,virtualization=on,gic-version=3 cortex-a57") ;;
  armv7) QEMU=qemu-system-arm MACHINES=("virt,virtualization=on,highmem=off cortex-a15" "virt,virtualization=on,highmem=off cortex-a7") ;;
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

AT=0x50000000  # Where QEMU puts the image of the guest.

# boot COMMAND-LINE: Xen with the one guest.
boot() {
  local len
  len=$(stat -Lc %s "$IMAGE")
  "$QEMU" -M "$MACHINE,dumpdtb=$WORK/bare.dtb" -cpu "$CPU" -smp 2 -m 512 -display none >/dev/null 2>&1
  dtc -q -I dtb -O dts "$WORK/bare.dtb" >"$WORK/all.dts"
  cat >>"$WORK/all.dts" <<DTS
/ { chosen {
  #address-cells = <2>; #size-cells = <2>;
  xen,xen-bootargs = "console=dtuart bootscrub=0";
  domU1 {
    compatible = "xen,domain"; #address-cells = <2>; #size-cells = <2>;
    memory = <0 $((16 * 1024))>; cpus = <1>; vpl011; xen,enhanced = "no-xenstore";
    kernel@50000000 {
      compatible = "multiboot,kernel", "multiboot,module";
      reg = <0 $AT 0 $len>; bootargs = "$1";
    };
  };
}; };
DTS
  dtc -q -I dts -O dtb -o "$WORK/all.dtb" "$WORK/all.dts"
  timeout -k 5 120 "$QEMU" -M "$MACHINE" -accel tcg -cpu "$CPU" -smp 2 -m 512 -nic none -display none -no-reboot \
    -serial stdio -dtb "$WORK/all.dtb" -kernel "$XEN" \
    -device "loader,file=$IMAGE,addr=$AT,force-raw=on" </dev/null >"$WORK/console" 2>&1 &
  QEMU_PID=$!
}

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

SEED=$(head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n')
for each in "${MACHINES[@]}"; do
  read -r MACHINE CPU <<<"$each"
  boot "seed=$SEED"
  says 'hello'
  stop
done
boot "seed=$SEED ip=dhcp -- --listen 0.0.0.0:80"
says '.*no such device below device/vif'
stop
boot ""
says '.*no random numbers'
stop

[ $FAILED = 0 ] && echo "hello under Xen without dom0, $ARCH: all checks hold"
exit $FAILED
