#!/bin/bash
# Makes what the Xen testbed boots, out of Debian's packages, which are unpacked and not installed:
#   xen       the hypervisor, as QEMU's -kernel wants it
#   vmlinux   the kernel of dom0
#   base.cpio the root of dom0: xl, its daemons, busybox and the modules. Files of this folder are added
#             when it boots (see start.sh), so a change of them needs no new base.
#   board.dtb armv7 only: the device tree of an Orange Pi PC, a board that QEMU has
#   guest     the modules that the same kernel needs as a guest with a network card (bench/boot_xen)
# Packages of another architecture come by package lists of their own; those of this machine stay as they are.
# usage: assemble.sh FOLDER [x86_64|arm64|armv7]   (FOLDER is made anew)
set -euo pipefail
umask 022

version=4.17
arch=${2:-x86_64}
case $arch in
  x86_64) debian=amd64 triplet=x86_64-linux-gnu kernel=linux-image-amd64 ;;
  arm64) debian=arm64 triplet=aarch64-linux-gnu kernel=linux-image-cloud-arm64 ;;
  armv7) debian=armhf triplet=arm-linux-gnueabihf kernel=linux-image-armmp-lpae ;;
  *) echo "assemble.sh: there is no testbed for $arch" >&2; exit 2 ;;
esac
out=$(realpath -m "$1")
work=$out.new
rm -rf "$work"
mkdir -p "$work/debs" "$work/packages" "$work/root"
trap 'rm -rf "$work"' EXIT

foreign=()
if [[ $debian != "$(dpkg --print-architecture)" ]]; then
  state=$work/apt
  mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
  : >"$state/status"
  foreign=(-o "APT::Architecture=$debian" -o "APT::Architectures::=$debian" -o "Dir::State=$state"
    -o "Dir::State::lists=$state/lists" -o "Dir::State::status=$state/status" -o "Dir::Cache=$state/cache"
    -o Acquire::Languages=none)
  # A list that cannot be had may be one that is not needed: the download decides.
  apt-get -qq "${foreign[@]}" -o APT::Sandbox::User=root update >/dev/null 2>&1 || true
fi

# The metapackage names the kernel. On x86 the smaller "cloud" kernel is built without support for being dom0.
kernel=$(apt-cache "${foreign[@]}" depends "$kernel" | sed -n 's/^ *Depends: *\(linux-image-[^ ]*\)$/\1/p' | head -1)
[[ -n $kernel ]] || { echo "assemble.sh: apt knows no kernel; run apt-get update" >&2; exit 1; }
release=${kernel#linux-image-}
packages=("$kernel" "xen-hypervisor-$version-$debian" "xen-utils-$version" xen-utils-common xenstore-utils
  "libxenmisc$version" libxencall1 libxendevicemodel1 libxenevtchn1 libxenforeignmemory1 libxengnttab1
  libxenhypfs1 libxenstore4 libxentoolcore1 libxentoollog1
  libc6 libgcc-s1 libyajl2 libuuid1 libzstd1 liblzma5 zlib1g busybox-static)
[[ $arch == x86_64 ]] || packages+=(libfdt1)
(cd "$work/debs" && apt-get download -qq "${foreign[@]}" -o APT::Sandbox::User=root "${packages[@]}" >/dev/null)
for deb in "$work"/debs/*.deb; do
  dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$work/packages" --exclude=./usr/share
done
tree=$work/packages

# A bzImage holds the ELF compressed by xz; Xen would take seconds of emulation to unpack it. The offsets
# are those of Linux's boot protocol: setup_sects at 0x1f1, payload_offset at 0x248, its length at 0x24c.
# The last four bytes of the payload are its unpacked length, not part of the xz stream.
unpack_bzimage() {
  local image=$1 start
  number() { od -An -v -tu"$2" -j"$(($1))" -N"$2" "$image" | tr -d ' '; }
  start=$((($(number 0x1f1 1) + 1) * 512 + $(number 0x248 4)))
  dd if="$image" iflag=skip_bytes,count_bytes bs=1M status=none skip="$start" count=$(($(number 0x24c 4) - 4)) |
    xz -dc
}

case $arch in
  x86_64)
    gzip -dc "$tree/boot/xen-$version-$debian.gz" >"$work/xen"
    unpack_bzimage "$tree/boot/vmlinuz-$release" >"$work/vmlinux"
    ;;
  *)
    cp "$tree/boot/xen-$version-$debian" "$work/xen"
    cp "$tree/boot/vmlinuz-$release" "$work/vmlinux"
    ;;
esac
[[ $arch != armv7 ]] || cp "$tree/usr/lib/$kernel/sun8i-h3-orangepi-pc.dtb" "$work/board.dtb"

root=$work/root
mkdir -p "$root"/{bin,sbin,dev,proc,sys,tmp,root,etc/xen/scripts,usr/lib,usr/bin,lib/modules}
mkdir -p "$root"/{run/xen,run/xenstored,run/lock,var/lib/xen,var/lib/xenstored,var/log/xen/console}
ln -s ../run "$root/var/run"
ln -s ../run/lock "$root/var/lock"
libraries=$root/lib/$triplet
mkdir -p "$libraries" "$root/usr/lib/xen-$version/bin"
find "$tree/lib" "$tree/usr/lib" -name '*.so*' ! -path '*/gconv/*' ! -path '*/audit/*' ! -path '*/python/*' ! -path '*/xenfsimage/*' \
  -path "*$triplet*" -exec cp -a -t "$libraries" {} +
# The loader of programs, at the path that they name.
if [[ $arch == x86_64 ]]; then
  mkdir -p "$root/lib64"
  cp -a "$tree"/lib64/* "$root/lib64/"
else
  cp -a "$tree"/lib/ld-linux* "$root/lib/"
fi
for program in xl xenstored xenconsoled xen-init-dom0 libxl-save-helper; do
  [[ ! -e $tree/usr/lib/xen-$version/bin/$program ]] ||
    cp -a "$tree/usr/lib/xen-$version/bin/$program" "$root/usr/lib/xen-$version/bin/"
done
cp -a "$tree"/usr/bin/xenstore* "$root/usr/bin/"
# /init makes the names of its applets.
cp "$tree/bin/busybox" "$root/bin/"
ln -s busybox "$root/bin/sh"
: >"$root/etc/xen/xl.conf"

# copy_modules FOLDER MODULE...: these modules and those that they need, but those that are built in; `order` lists them
# as they load.
copy_modules() {
  local folder=$1 module file
  shift
  for module in "$@"; do
    /sbin/modprobe -d "$tree" -S "$release" --show-depends "$module" | awk '$1 == "insmod" { print $2 }'
  done | awk '!seen[$0]++' >"$work/list"
  while read -r file; do
    cp "$file" "$folder/"
    basename "$file" >>"$folder/order"
  done <"$work/list"
}
/sbin/depmod -b "$tree" "$release"
wanted=(xen_evtchn xen_gntdev xen_privcmd xenfs xen_netback xen_blkback bridge loop virtio_pci virtio_net virtio_blk)
[[ $arch == x86_64 ]] || wanted+=(virtio_mmio virtio_console rtc_pl031)
copy_modules "$root/lib/modules" "${wanted[@]}"
mkdir "$work/guest"
copy_modules "$work/guest" xen_netfront

(cd "$root" && find . | cpio --quiet -o -H newc -R 0:0) >"$work/base.cpio"
rm -rf "$out"
mkdir -p "$out"
for made in xen vmlinux base.cpio board.dtb guest; do
  [[ ! -e $work/$made ]] || mv "$work/$made" "$out/"
done
