#!/bin/bash
# Makes what the Xen testbed boots, out of Debian's packages, which are unpacked and not installed:
#   xen       the hypervisor, as QEMU's -kernel wants it
#   vmlinux   the kernel of dom0
#   base.cpio the root of dom0: xl, its daemons, busybox and the modules. Files of this folder are added
#             when it boots (see start.sh), so a change of them needs no new base.
# usage: assemble.sh FOLDER (made anew)
set -euo pipefail
umask 022

version=4.17
out=$(realpath -m "$1")
work=$out.new
rm -rf "$work"
mkdir -p "$work/debs" "$work/packages" "$work/root"
trap 'rm -rf "$work"' EXIT

# The metapackage names the kernel. The smaller "cloud" kernel is built without support for being dom0.
kernel=$(apt-cache depends linux-image-amd64 | sed -n 's/^ *Depends: *\(linux-image-[^ ]*\)$/\1/p' | head -1)
[[ -n $kernel ]] || { echo "assemble.sh: apt knows no kernel; run apt-get update" >&2; exit 1; }
release=${kernel#linux-image-}
packages=("$kernel" "xen-hypervisor-$version-amd64" "xen-utils-$version" xen-utils-common xenstore-utils
  "libxenmisc$version" libxencall1 libxendevicemodel1 libxenevtchn1 libxenforeignmemory1 libxengnttab1
  libxenhypfs1 libxenstore4 libxentoolcore1 libxentoollog1
  libc6 libgcc-s1 libyajl2 libuuid1 libzstd1 liblzma5 zlib1g busybox-static)
(cd "$work/debs" && apt-get download -qq -o APT::Sandbox::User=root "${packages[@]}" >/dev/null)
for deb in "$work"/debs/*.deb; do
  dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$work/packages" --exclude=./usr/share
done
tree=$work/packages

gzip -dc "$tree/boot/xen-$version-amd64.gz" >"$work/xen"

# A bzImage holds the ELF compressed by xz; Xen would take seconds of emulation to unpack it. The offsets
# are those of Linux's boot protocol: setup_sects at 0x1f1, payload_offset at 0x248, its length at 0x24c.
# The last four bytes of the payload are its unpacked length, not part of the xz stream.
image=$tree/boot/vmlinuz-$release
number() { od -An -v -tu"$2" -j"$(($1))" -N"$2" "$image" | tr -d ' '; }
start=$((($(number 0x1f1 1) + 1) * 512 + $(number 0x248 4)))
dd if="$image" iflag=skip_bytes,count_bytes bs=1M status=none skip="$start" count=$(($(number 0x24c 4) - 4)) |
  xz -dc >"$work/vmlinux"

root=$work/root
mkdir -p "$root"/{bin,sbin,dev,proc,sys,tmp,root,etc/xen/scripts,usr/lib,usr/bin,lib/modules}
mkdir -p "$root"/{run/xen,run/xenstored,run/lock,var/lib/xen,var/lib/xenstored,var/log/xen/console}
ln -s ../run "$root/var/run"
ln -s ../run/lock "$root/var/lock"
libraries=$root/lib/x86_64-linux-gnu
mkdir -p "$libraries" "$root/lib64" "$root/usr/lib/xen-$version/bin"
find "$tree/lib" "$tree/usr/lib" -name '*.so*' ! -path '*/gconv/*' ! -path '*/audit/*' ! -path '*/python/*' ! -path '*/xenfsimage/*' \
  -path '*x86_64-linux-gnu*' -exec cp -a -t "$libraries" {} +
cp -a "$tree"/lib64/* "$root/lib64/"
for program in xl xenstored xenconsoled xen-init-dom0 libxl-save-helper; do
  cp -a "$tree/usr/lib/xen-$version/bin/$program" "$root/usr/lib/xen-$version/bin/"
done
cp -a "$tree"/usr/bin/xenstore* "$root/usr/bin/"
cp "$tree/bin/busybox" "$root/bin/"
for applet in $("$tree/bin/busybox" --list); do
  [[ $applet == busybox ]] || ln -s busybox "$root/bin/$applet"
done
: >"$root/etc/xen/xl.conf"

# The modules that dom0 needs and those that they need, in an order in which they load.
wanted=(xen_evtchn xen_gntdev xen_privcmd xenfs xen_netback xen_blkback bridge loop virtio_pci virtio_net virtio_blk)
/sbin/depmod -b "$tree" "$release"
for module in "${wanted[@]}"; do
  /sbin/modprobe -d "$tree" -S "$release" --show-depends "$module" | awk '$1 == "insmod" { print $2 }'
done | awk '!seen[$0]++' >"$work/list"
while read -r file; do
  cp "$file" "$root/lib/modules/"
  basename "$file" >>"$root/lib/modules/order"
done <"$work/list"

(cd "$root" && find . | cpio --quiet -o -H newc -R 0:0) >"$work/base.cpio"
rm -rf "$out"
mkdir -p "$out"
mv "$work/xen" "$work/vmlinux" "$work/base.cpio" "$out/"
