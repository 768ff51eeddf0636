#!/bin/bash
# From the first instruction of a guest to its program: hello, in its own time, against Linux's kernel up to where
# it looks for a disk to start from, on the same machine. In QEMU's microvm and as guests of real Xen, all
# emulated: of the figures the ratio counts. Takes a minute or two, and 1 GiB of memory.
# usage: boot_bench.sh [ROUNDS] FILE...   with hello's images, start.sh and the testbed's kernel among the files
set -euo pipefail

rounds=5
if [[ ${1-} =~ ^[0-9]+$ ]]; then
  rounds=$1
  shift
fi
for file in "$@"; do
  case $file in
    */hello/virtio_x86_64) microvm=$(realpath "$file") ;;
    */hello/xen_x86_64) guest=$(realpath "$file") ;;
    */dom0/start.sh) start=$(realpath "$file") ;;
    */vmlinux) linux=$(realpath "$file") ;;
  esac
done
work=$(mktemp -d /tmp/boot_bench.XXXXXX)
machine=
finish() {
  if [[ -n $machine ]]; then kill -KILL "$machine" 2>/dev/null || true; fi
  rm -rf "$work"
}
trap finish EXIT

# started FILE: milliseconds to hello's program. booted FILE: to where Linux has no disk to start from.
started() { sed -n 's/.* started \([0-9.]*\) ms after entry.*/\1/p' "$1"; }
booted() { sed -n 's/^\[ *\([0-9.]*\)\] .*VFS: Unable to mount root.*/\1/p' "$1" | awk '{ print $1 * 1000 }'; }
median() { sort -n | awk '{ v[NR] = $1 } END { if (NR == 0) exit 1; print v[int((NR + 1) / 2)] }'; }

# report WHERE OURS THEIRS: files of one figure a line.
report() {
  local ours theirs
  ours=$(median <"$2") || { echo "$1: hello did not say when it started"; exit 1; }
  theirs=$(median <"$3") || { echo "$1: Linux did not say when it was up"; exit 1; }
  awk -v where="$1" -v a="$ours" -v b="$theirs" -v n="$(wc -l <"$2")" \
    'BEGIN { printf "%-28s hello %8.3f ms   Linux %8.1f ms   ratio %.4f (medians of %d)\n", where, a, b, a / b, n }'
}

# in_microvm IMAGE COMMAND-LINE REGEX [ARGUMENT...]: runs it until its console says so.
in_microvm() {
  local image=$1 line=$2 regex=$3
  shift 3
  : >"$work/console"
  timeout 120 qemu-system-x86_64 -M microvm,acpi=off,rtc=on -accel tcg -cpu max -m 256 -nodefaults -no-user-config \
    -display none -no-reboot -serial "file:$work/console" -kernel "$image" -append "$line" "$@" &
  machine=$!
  for ((i = 0; i < 1200; i++)); do
    ! grep -qE "$regex" "$work/console" || break
    kill -0 "$machine" 2>/dev/null || break
    sleep 0.1
  done
  kill -KILL "$machine" 2>/dev/null || true
  wait "$machine" 2>/dev/null || true
  machine=
}

for ((round = 0; round < rounds; round++)); do
  in_microvm "$microvm" "" 'after entry'
  started "$work/console" >>"$work/ours"
  in_microvm "$microvm" "ip=10.0.2.15/24 -- --listen 0.0.0.0:80" '^listening' \
    -netdev user,id=n,restrict=on -device virtio-net-device,netdev=n
  started "$work/console" >>"$work/ours_net"
  in_microvm "$linux" "console=ttyS0 panic=-1" 'Unable to mount root'
  booted "$work/console" >>"$work/theirs"
done
report "microvm, no devices" "$work/ours" "$work/theirs"
report "microvm, one network card" "$work/ours_net" "$work/theirs"

# The guests of Xen are started one after the other by this script of dom0, which shows their consoles.
mkdir "$work/files" "$work/machine"
cp "$guest" "$work/files/hello"
strip -o "$work/files/linux" "$linux"
config() {
  printf 'name = "%s"\ntype = "pvh"\nkernel = "/guest/%s"\nmemory = %d\nvcpus = 1\nextra = "%s"\n%s\n' "$@"
  printf 'on_poweroff = "destroy"\non_reboot = "destroy"\non_crash = "destroy"\n'
}
config hello hello 16 "" "" >"$work/files/none.cfg"
config hello hello 16 "ip=10.0.2.20/24 -- --listen 0.0.0.0:80" 'vif = ["bridge=br0"]' >"$work/files/card.cfg"
config linux linux 128 "console=hvc0 panic=-1" "" >"$work/files/linux.cfg"
cat >"$work/files/start" <<TEXT
export PATH=/bin:/usr/bin:/usr/lib/xen-4.17/bin HOME=/root
# boot CONFIG NAME REGEX: shows its console once it says so.
boot() {
  rm -f /var/log/xen/console/guest-\$2.log
  xl create /guest/\$1.cfg >/dev/null 2>&1
  i=0
  while [ \$i -lt 600 ] && ! grep -qE "\$3" /var/log/xen/console/guest-\$2.log 2>/dev/null; do
    usleep 100000
    i=\$((i + 1))
  done
  sed "s/^/\$1: /" /var/log/xen/console/guest-\$2.log
  xl destroy \$2 >/dev/null 2>&1
}
round=0
while [ \$round -lt $rounds ]; do
  boot none hello 'after entry'
  boot card hello '^listening'
  boot linux linux 'Unable to mount root'
  round=\$((round + 1))
done
sync
poweroff -f
TEXT
timeout $((120 + 60 * rounds)) "$start" --files "$work/files" "$(dirname "$linux")" "$work/machine" \
  >"$work/qemu" 2>&1 </dev/null || { cat "$work/qemu"; tail -n 20 "$work/machine/xen.log"; exit 1; }
tr -d '\r' <"$work/machine/xen.log" >"$work/log"
for kind in none card linux; do sed -n "s/^$kind: //p" "$work/log" >"$work/$kind"; done
started "$work/none" >"$work/none_ms"
started "$work/card" >"$work/card_ms"
booted "$work/linux" >"$work/linux_ms"
report "guest of Xen, no devices" "$work/none_ms" "$work/linux_ms"
report "guest of Xen, one card" "$work/card_ms" "$work/linux_ms"
