#!/bin/bash
# From the first instruction of a machine to where its program listens: hello, beside Linux's kernel on the same
# machine of QEMU, up to where that has no disk to start from. And hello as a guest of Xen without dom0, which has no
# network to listen on: up to the program. All of it is emulated, so the ratios count; half a minute a round.
# usage: boot_bench.sh [ROUNDS]
set -euo pipefail
. tests/arm/dom0less.sh

rounds=${1:-7}
[[ $rounds =~ ^[1-9][0-9]*$ ]] || { echo "boot: ROUNDS is a number, not '$rounds'" >&2; exit 2; }
WORK=$(mktemp -d /tmp/boot_bench.XXXXXX)
QEMU_PID=
stop() {
  if [[ -n $QEMU_PID ]]; then
    kill "$QEMU_PID" 2>/dev/null || true
    wait "$QEMU_PID" 2>/dev/null || true
  fi
  QEMU_PID=
}
trap 'stop; rm -rf "$WORK"' EXIT
trap 'exit 1' INT TERM

# file PATH: of the testbeds, wherever Bazel has put them.
file() { [[ -e external/$1 ]] && realpath "external/$1" || realpath "../$1"; }
seed() { head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n'; }

# wait_for REGEX FILE: until the console says so.
wait_for() {
  local i
  for ((i = 0; i < 1200; i++)); do
    ! grep -qaE "$1" "$2" || return 0
    kill -0 "$QEMU_PID" 2>/dev/null || break
    sleep 0.1
  done
  echo "boot: $MACHINE does not say: $1" >&2
  tail -n 5 "$2" >&2
  exit 1
}

# on_machine IMAGE MEMORY COMMAND-LINE REGEX [ARGUMENT...]: the console goes to $WORK/said, each line behind its time in microseconds.
on_machine() {
  local card=(-netdev "user,id=n,restrict=on" -device virtio-net-device,netdev=n)
  : >"$WORK/said"
  mkfifo "$WORK/pipe"
  while IFS= read -r line; do echo "${EPOCHREALTIME/./} $line"; done <"$WORK/pipe" >"$WORK/said" &
  "$QEMU" -M "$MACHINE" -accel tcg -cpu "$CPU" -m "$2" "${@:5}" -nodefaults -no-user-config -display none -no-reboot \
    -serial stdio -kernel "$1" -append "$3" "${card[@]}" </dev/null >"$WORK/pipe" 2>&1 &
  QEMU_PID=$!
  rm "$WORK/pipe"
  wait_for "$4" "$WORK/said"
  stop
}

# hello says itself when its program starts; what it takes from there to listen is seen from outside.
listening_ms() {
  tr -d '\r' <"$WORK/said" | awk '/ started [0-9.]+ ms after entry/ { for (i = 1; i < NF; i++) if ($i == "started") ms = $(i + 1); at = $1 }
    / listening / { print ms + ($1 - at) / 1000; exit }'
}
linux_ms() { sed -n 's/^[0-9]* \[ *\([0-9.]*\)\] .*Unable to mount root.*/\1/p' "$WORK/said" | head -n 1 | awk '{ print $1 * 1000 }'; }

machine_of() {
  case $1 in
    x86_64) QEMU=qemu-system-x86_64 MACHINE=microvm,acpi=off,rtc=on CPU=max tty=ttyS0 linux=$(file xen_host/vmlinux) ;;
    arm64) QEMU=qemu-system-aarch64 MACHINE=virt,gic-version=3 CPU=cortex-a57 tty=ttyAMA0 linux=$(file xen_arm/arm64/vmlinux) ;;
    armv7) QEMU=qemu-system-arm MACHINE=virt,highmem=off CPU=cortex-a7 tty=ttyAMA0 linux=$(file xen_arm/armv7/vmlinux) ;;
  esac
}

median() { sort -n "$1" | awk '{ all[NR] = $1 } END { print (all[int((NR + 1) / 2)] + all[int(NR / 2) + 1]) / 2 }'; }
spread() { sort -n "$1" | awk 'NR == 1 { low = $1 } END { printf "%.2f to %.2f", low, $1 }'; }

# Counted, the clock of the machine is its instructions, one a nanosecond: the same each time, however busy this one is.
for arch in x86_64 arm64 armv7; do
  machine_of $arch
  on_machine "apps/hello/virtio_$arch" 32 "ip=10.0.2.15/24 -- --listen 0.0.0.0:80" ' listening ' -icount shift=0,sleep=off
  printf '%-7s %-6s %-12s %s million instructions to its program\n' "$arch" "${MACHINE%%,*}" "$CPU" \
    "$(sed -n 's/.* started \([0-9.]*\) ms after entry.*/\1/p' "$WORK/said")"
done

for ((round = 0; round < rounds; round++)); do
  for arch in x86_64 arm64 armv7; do
    machine_of $arch
    on_machine "apps/hello/virtio_$arch" 32 "ip=10.0.2.15/24 -- --listen 0.0.0.0:80" ' listening '
    listening_ms >>"$WORK/hello.$arch"
    on_machine "$linux" 256 "console=$tty panic=-1" 'Unable to mount root'
    linux_ms >>"$WORK/linux.$arch"
  done
  for arch in arm64 armv7; do
    machine_of $arch
    IMAGE=$(realpath "apps/hello/xen_$arch") XEN=$(file "xen_arm/$arch/xen")
    declare -n machines=XEN_MACHINES_$arch
    for each in "${machines[@]}"; do
      CPU=
      read -r MACHINE CPU <<<"$each" || true
      boot "seed=$(seed)"
      wait_for 'DOM1: .*ms after entry' "$WORK/console"
      stop
      sed -n 's/.* started \([0-9.]*\) ms after entry.*/\1/p' "$WORK/console" >>"$WORK/xen.$arch.${MACHINE%%,*}${CPU:+ $CPU}"
    done
  done
done

for arch in x86_64 arm64 armv7; do
  machine_of $arch
  hello=$(median "$WORK/hello.$arch") linux=$(median "$WORK/linux.$arch")
  printf '%-7s %-6s %-12s entry to listening %7.2f ms (%s)   Linux %8.1f ms   ratio %s\n' "$arch" "${MACHINE%%,*}" "$CPU" "$hello" \
    "$(spread "$WORK/hello.$arch")" "$linux" "$(awk -v a="$hello" -v b="$linux" 'BEGIN { printf "%.4f", a / b }')"
done
for figures in "$WORK"/xen.*; do
  name=${figures##*/xen.}
  printf '%-7s Xen on %-19s entry to program %7.2f ms (%s)\n' "${name%%.*}" "${name#*.}" "$(median "$figures")" "$(spread "$figures")"
done
echo "medians and extremes of $rounds boots"
