#!/bin/bash
# Boots Xen and dom0 in QEMU. Becomes QEMU, so its process id is that of the machine.
# usage: start.sh [OPTION...] HOST WORK
#   HOST            what assemble.sh made
#   WORK            a folder for what is made here; WORK/xen.log is the console of Xen and dom0
#   --arch x86_64|arm64|armv7  what HOST was made for; default: x86_64
#   --files FOLDER  is /guest in dom0; /guest/start there is run when dom0 is ready
#   --net BACKEND   of QEMU's network card (its -netdev, without the id); default: user
#   --disk FILE     a raw image: /dev/vda in dom0; the next one is /dev/vdb, and so on
#   --serial CHARDEV  of the second serial port: /dev/ttyS1 in dom0, on ARM /dev/hvc1; default: none
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
arch=x86_64 files= net=user serial=null disks=()
while [[ ${1-} == --* ]]; do
  case $1 in
    --arch) arch=$2 ;;
    --files) files=$2 ;;
    --net) net=$2 ;;
    --serial) serial=$2 ;;
    --disk) disks+=(-drive "id=d${#disks[@]},file=$2,format=raw,if=none,discard=unmap" -device "virtio-blk-pci,drive=d${#disks[@]}") ;;
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

common=(-accel tcg -m 1024 -nodefaults -display none -monitor none -no-reboot -serial "file:$work/xen.log"
  -kernel "$host/xen" -netdev "$net,id=net0" -device virtio-net-pci,netdev=net0,romfile= "${disks[@]}")
linux="console=hvc0 quiet panic=-1"

# Linux and its root are found by Xen in the device tree. dom0 stays on one processor: with GICv2 in QEMU, a dom0 that
# moves gets no interrupts of its network card any more once a guest runs.
arm() {
  exec "$@" -smp 2 "${common[@]}" \
    -append "console=dtuart guest_loglvl=all dom0_mem=384M dom0_max_vcpus=1 dom0_vcpus_pin bootscrub=0" \
    -device "guest-loader,addr=0x50000000,kernel=$host/vmlinux,bootargs=$linux" \
    -device "guest-loader,addr=0x54000000,initrd=$work/initrd" \
    -chardev "$serial,id=serial" -device virtio-serial-pci -device virtconsole,chardev=serial
}
case $arch in
  arm64) arm qemu-system-aarch64 -M virt,virtualization=on,gic-version=2 -cpu cortex-a57 ;;
  armv7) arm qemu-system-arm -M virt,virtualization=on,highmem=off,gic-version=2 -cpu cortex-a7 ;;
  x86_64) ;;
  *) echo "start.sh: there is no testbed for $arch" >&2; exit 2 ;;
esac

# TCG has SVM with nested paging, which a PVH guest needs. Off: SMAP and PKU, which this Xen's PV dom0 does not
# survive here; RDTSCP and XSAVE, which Xen cannot emulate or describe consistently for guests under TCG.
xen="console=com1 com1=115200,8n1 loglvl=warning guest_loglvl=all dom0_mem=448M,max:448M dom0_max_vcpus=1"
xen+=" spec-ctrl=no xpti=no bootscrub=0"
exec qemu-system-x86_64 -machine q35 -cpu max,-smap,-pku,-rdtscp,-xsave -smp 1 "${common[@]}" \
  -append "$xen" -initrd "$host/vmlinux $linux mitigations=off,$work/initrd" -serial "$serial"
