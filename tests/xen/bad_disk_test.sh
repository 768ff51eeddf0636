#!/bin/bash
# Disks that stored cannot use, as a guest of Xen: each gives a clear line, the guest powers off, and what is on
# the disk stays as it is. Arguments: stored, storectl, the architecture.

. tests/xen/lib.sh
cd "$WORK" || exit 1
truncate -s 16K small
head -c 4M /dev/urandom >foreign
truncate -s 64M empty
# A database that a process made in a file, copied to a disk.
server_start
server_stop
cp "$DATA" filed
truncate -s 64M filed
xen_boot --disk small --disk foreign --disk empty --disk filed
must dom0_put "$(guest_image stored)" /guest/stored

# refused NAME DISK REGEX [SETTINGS]: the guest says so and powers off.
card=0
begin() {
  card=$((card + 1))
  # shellcheck disable=SC2086
  GUEST_CARD=$card must guest_config "$1" /guest/stored 32 \
    "ip=10.0.2.$((30 + card))/24 ${3:-} -- --data data --init --listen 10.0.2.$((30 + card)):8443" $2
  must guest_create "$1"
}
refused() {
  guest_says "$1" "$2"
  guest_ends "$1"
  run 0 dom0 "tail -n 20 /var/log/xen/xl-$1.log"
  says "$1 powers off" 'reason code 0 '
}
cp foreign foreign.before
cp filed filed.before
begin small vda,xvda,w
begin foreign vdb,xvda,w
begin readonly vdc,xvda,r
begin filed vdd,xvda,w
begin absent ""
begin misnamed vdc,xvda,r data=xvdb
refused small 'stored: data: .*too small'
refused foreign 'stored: data: it holds something that is not a database'
refused readonly 'stored: data: .*read-only'
refused filed 'stored: data: it was made on a larger disk, or in a file.*storectl clone'
refused absent 'no disk'
refused misnamed 'no disk xvdb: the machine has none of that name'
same_files "the foreign disk is as it was" foreign foreign.before
same_files "so is the database of the file" filed filed.before
same "so is the read-only one" "$(tr -d '\000' <empty | wc -c)" 0
finish
