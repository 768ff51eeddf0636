#!/bin/bash
# Boots Xen and dom0 in QEMU. Becomes QEMU, so its process id is that of the machine.
# usage: start.sh [OPTION...] HOST WORK
#   HOST            what assemble.sh made
#   WORK            a folder for what is made here; WORK/xen.log is the console of Xen and dom0
#   --files FOLDER  is /guest in dom0; /guest/start there is run when dom0 is ready
#   --net BACKEND   of QEMU's network card (its -netdev, without the id); default: user
#   --disk FILE     a raw image: /dev/vda in dom0; the next one is /dev/vdb, and so on
#   --serial CHARDEV  of the second serial port, /dev/ttyS1 in dom0; default: none
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
files= net=user serial=null disks=()
while [[ ${1-} == --* ]]; do
  case $1 in
    --files) files=$2 ;;
    --net) net=$2 ;;
    --serial) serial=$2 ;;
    --disk) disks+=(-drive "file=$2,format=raw,if=virtio,discard=unmap") ;;
    *) echo "start.sh: there is no option $1" >&2; exit 2 ;;
  esac
  shift 2
done
host=$(realpath "$1") work=$(realpath "$2")
case $work$host in *[\ ,]*) echo "start.sh: QEMU takes no folder with a blank or a comma: $work" >&2; exit 2 ;; esac

# The kernel unpacks one archive after the other.
rm -rf "$work/overlay"
install -D -m 755 "$here/init" "$work/overlay/init"
install -D -m 644 "$here/inittab" "$work/overlay/etc/inittab"
install -D -m 755 "$here/hotplug" "$work/overlay/etc/xen/scripts/block"
install -D -m 755 "$here/hotplug" "$work/overlay/etc/xen/scripts/vif-bridge"
install -D -m 755 -t "$work/overlay/control/cgi-bin" "$here/run" "$here/put"
mkdir "$work/overlay/guest"
[[ -z $files ]] || cp -rL "$files/." "$work/overlay/guest/"
(cd "$work/overlay" && find . | cpio --quiet -o -H newc -R 0:0) >"$work/overlay.cpio"
cat "$host/base.cpio" "$work/overlay.cpio" >"$work/initrd"
rm -rf "$work/overlay" "$work/overlay.cpio"

# TCG has SVM with nested paging, which a PVH guest needs. Off: SMAP and PKU, which this Xen's PV dom0 does not
# survive here; RDTSCP and XSAVE, which Xen cannot emulate or describe consistently for guests under TCG.
cpu=max,-smap,-pku,-rdtscp,-xsave
xen="console=com1 com1=115200,8n1 loglvl=warning guest_loglvl=all dom0_mem=448M,max:448M dom0_max_vcpus=1"
xen+=" spec-ctrl=no xpti=no bootscrub=0"
linux="console=hvc0 quiet mitigations=off panic=-1"
exec qemu-system-x86_64 -machine q35 -accel tcg -cpu "$cpu" -smp 1 -m 1024 -nodefaults \
  -display none -monitor none -no-reboot -kernel "$host/xen" -append "$xen" \
  -initrd "$host/vmlinux $linux,$work/initrd" -serial "file:$work/xen.log" -serial "$serial" \
  -netdev "$net,id=net0" -device virtio-net-pci,netdev=net0,romfile= "${disks[@]}"
