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
  arm64) QEMU=qemu-system-aarch64 MACHINES=("virt,virtualization=on,gic-version=2 cortex-a57" "virt,virtualization=on,gic-version=3 cortex-a57") ;;
  armv7) QEMU=qemu-system-arm MACHINES=("virt,virtualization=on,highmem=off cortex-a15" "virt,virtualization=on,highmem=off cortex-a7" orangepi-pc) ;;
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

# guest COMMAND-LINE CELLS: the guest, as source of a device tree with that many cells for addresses and lengths.
guest() {
  local zero=
  [ "$2" = 1 ] || zero="0 "
  cat <<DTS
/ { chosen {
  #address-cells = <$2>; #size-cells = <$2>;
  xen,xen-bootargs = "console=dtuart bootscrub=0 $XEN_LINE";
  domU1 {
    compatible = "xen,domain"; #address-cells = <$2>; #size-cells = <$2>;
    memory = <0 $((16 * 1024))>; cpus = <1>; vpl011; xen,enhanced = "no-xenstore";
    kernel@50000000 {
      compatible = "multiboot,kernel", "multiboot,module";
      reg = <$zero$AT $zero$(stat -Lc %s "$IMAGE")>; bootargs = "$1";
    };
  };
}; };
DTS
}

# tree: of the machine, without guests. What QEMU makes of `virt` itself; for the board, Linux's, with what its
# firmware would add: memory, and how processors are switched on.
tree() {
  if [ "$MACHINE" = orangepi-pc ]; then
    dtc -q -I dtb -O dts "${XEN%/*}/board.dtb"
    echo '/ { memory@40000000 { device_type = "memory"; reg = <0x40000000 0x20000000>; };
      psci { compatible = "arm,psci-0.2"; method = "smc"; }; };'
  else
    "$QEMU" -M "$MACHINE,dumpdtb=$WORK/bare.dtb" -cpu "$CPU" -smp 2 -m 512 -display none >/dev/null 2>&1
    dtc -q -I dtb -O dts "$WORK/bare.dtb"
  fi
}

# boot COMMAND-LINE: Xen with the one guest.
boot() {
  local cells=2 machine=(-cpu "$CPU" -smp 2 -m 512)
  XEN_LINE=
  if [ "$MACHINE" = orangepi-pc ]; then
    cells=1 machine=(-m 1024) XEN_LINE=dtuart=serial0
  fi
  { tree; guest "$1" $cells; } >"$WORK/all.dts"
  dtc -q -I dts -O dtb -o "$WORK/all.dtb" "$WORK/all.dts"
  timeout -k 5 120 "$QEMU" -M "$MACHINE" -accel tcg "${machine[@]}" -nic none -display none -no-reboot \
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
