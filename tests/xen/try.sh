#!/bin/bash
# Boots one image for a person who wants to see it: `./safeos xen` and `./safeos qemu` end here.
# usage: try.sh xen|qemu ARCH APP IMAGE WORK DISKS [ARGUMENT...]
#   ARCH       x86_64, arm64 or armv7
#   IMAGE      the kernel, as Bazel made it
#   WORK       a folder for what is made here
#   DISKS      a folder that stays: the disks are kept in it
#   ARGUMENT   of the program, instead of the usual ones
# Ctrl-C shuts the guest down; a second one ends the machine at once.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
say() { printf '==> %s\n' "$*" >&2; }
die() {
  printf 'safeos: %s\n' "$*" >&2
  exit 1
}

kind=$1 arch=$2 app=$3 image=$4
mkdir -p "$5" "$6"
work=$(cd "$5" && pwd) disks_kept=$(cd "$6" && pwd)
shift 6
guest=10.0.2.20  # On QEMU's user network, whose router and name server are 10.0.2.2 and 10.0.2.3.
settings="ip=$guest/24 gw=10.0.2.2"

# What each program needs: its arguments, memory, disk, and its ports: protocol, port of the guest, port of this
# machine. `data` is the first disk, whatever its name.
disk=
memory=32
case $app in
  hello)
    arguments=(--listen 0.0.0.0:80) ports=(tcp:80:8080) memory=16
    ;;
  website)
    arguments=(--data data --repo site --listen 0.0.0.0:443) ports=(tcp:443:8443) disk=store
    settings+=" dns=10.0.2.3"
    ;;
  nameserver)
    arguments=(--zone example.org=data --listen 0.0.0.0:53) ports=(tcp:53:5353 udp:53:5353) disk=zone
    ;;
  stored)
    arguments=(--data data --init --listen 0.0.0.0:8443) ports=(tcp:8443:8443) disk=store memory=64
    settings+=" dns=10.0.2.3"
    ;;
  *) die "there is no '$app' for $kind; there are hello, nameserver, stored and website" ;;
esac
[[ $# -eq 0 ]] || arguments=("$@")
# The processors that are emulated for ARM have no generator of random numbers, and Xen has none for guests.
if [[ $kind:$arch == xen:arm* ]]; then
  settings+=" seed=$(head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n')"
fi
line="$settings -- ${arguments[*]}"
case $line in *[\"\\]*) die "an argument has a quote or a backslash, which a command line of a guest cannot have" ;; esac

network=user,restrict=off
for port in "${ports[@]}"; do
  IFS=: read -r protocol inside outside <<<"$port"
  if [[ $protocol == tcp ]] && (exec 3<>"/dev/tcp/127.0.0.1/$outside") 2>/dev/null; then
    die "port $outside of this machine is in use; stop what listens there (another guest?) first"
  fi
  network+=",hostfwd=$protocol:127.0.0.1:$outside-$guest:$inside"
done

# Sparse files; zeros are an empty disk.
make_disk() {
  [[ ! -e $1 ]] || return 0
  truncate -s 1G "$1"
  if [[ $disk == zone ]]; then
    printf '%s\n' '$TTL 300' '@ IN SOA ns hostmaster 1 3600 600 86400 300' '@ IN NS ns' 'ns IN A 10.0.2.20' \
      'www IN A 192.0.2.1' | dd of="$1" conv=notrunc status=none
  fi
}
disks=()
if [[ -n $disk ]]; then
  make_disk "$disks_kept/$disk"
  say "the disk is $disks_kept/$disk; it stays, remove it to begin anew"
fi
case $app in
  stored) say "the first start prints a token and the certificate; then: storectl login https://127.0.0.1:8443 ..." ;;
  website) say "it serves the repository 'site' of the disk that ./safeos $kind stored fills" ;;
  nameserver) say "the disk holds the zone example.org as text: dig @127.0.0.1 -p 5353 www.example.org" ;;
  hello) say "try: curl http://127.0.0.1:8080/" ;;
esac

begin_xen() {
  local files=$work/files
  rm -rf "$files"
  mkdir -p "$files"
  cp "$image" "$files/kernel"
  cp "$here/dom0/attend" "$files/start"
  {
    printf 'name = "guest"\ntype = "pvh"\nkernel = "/guest/kernel"\nmemory = %d\nvcpus = 1\n' "$memory"
    printf 'extra = "%s"\nvif = ["bridge=br0"]\n' "$line"
    [[ -z $disk ]] || printf 'disk = ["phy:/dev/vda,xvda,w"]\n'
    printf 'on_poweroff = "destroy"\non_reboot = "restart"\non_crash = "destroy"\n'
  } >"$files/guest.cfg"
  [[ -z $disk ]] || disks=(--disk "$disks_kept/$disk")
  say "starting Xen, dom0 and $app; that takes 15 seconds or more, all is emulated (their log: $work/xen.log)"
  local host=$here/../../third_party/src/xen-host
  [[ $arch == x86_64 ]] || host=$here/../../third_party/src/xen-arm/$arch
  setsid "$here/dom0/start.sh" --arch "$arch" --files "$files" --net "$network" --serial stdio "${disks[@]}" \
    "$host" "$work" <&3 &
}

begin_qemu() {
  local accelerator=tcg machine
  [[ ! -w /dev/kvm || $(uname -m) != x86_64 ]] || accelerator=kvm
  case $arch in
    x86_64) machine=(qemu-system-x86_64 -M "microvm,acpi=off,pit=off,pic=off,rtc=on" -accel "$accelerator" -cpu max) ;;
    arm64) machine=(qemu-system-aarch64 -M "virt,gic-version=3" -accel tcg -cpu cortex-a57) ;;
    armv7) machine=(qemu-system-arm -M "virt,highmem=off" -accel tcg -cpu cortex-a7) ;;
  esac
  [[ -z $disk ]] ||
    disks=(-drive "id=disk0,file=$disks_kept/$disk,format=raw,if=none,discard=unmap" -device virtio-blk-device,drive=disk0)
  say "starting $app (${machine[*]:0:5})"
  setsid "${machine[@]}" -m "$memory" \
    -nodefaults -no-user-config -display none -monitor none -no-reboot -serial stdio \
    -kernel "$image" -append "$line" -netdev "$network,id=net0" -device virtio-net-device,netdev=net0 \
    -device virtio-rng-device "${disks[@]}" <&3 &
}

# What is written into this pipe arrives at the guest's side of the serial port.
mkfifo "$work/pipe.$$"
exec 3<>"$work/pipe.$$"
rm "$work/pipe.$$"

for port in "${ports[@]}"; do
  IFS=: read -r protocol inside outside <<<"$port"
  say "port $inside of the guest ($protocol) is 127.0.0.1:$outside here"
done
say "Ctrl-C shuts it down"
"begin_$kind"
machine=$!
trap 'kill -KILL $machine 2>/dev/null || true' EXIT

asked=
ask_end() {
  [[ -z $asked ]] || { kill -KILL "$machine" 2>/dev/null; return; }
  asked=1
  say "shutting down (Ctrl-C again: at once)"
  if [[ $kind == xen ]]; then echo shutdown >&3; else printf '\003' >&3; fi
}
trap ask_end INT TERM
result=0
while kill -0 "$machine" 2>/dev/null; do
  result=0
  wait "$machine" || result=$?
done
exit "$result"
