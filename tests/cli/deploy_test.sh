#!/bin/bash
# storectl deploy xen: what it writes, and that it never overwrites unasked. Arguments: stored, storectl.

. tests/cli/lib.sh
cd "$WORK" || exit 1
mkdir xen

run 0 storectl deploy xen --name one --ip 192.0.2.10/24 --gw 192.0.2.1 --disk /dev/vg0/data xen
says "the disk's command" '^  lvcreate -L 10G -n data vg0$'
says "the guest's command" "^  xl create -c $WORK/xen/one.cfg"
says "where to log in" 'storectl login https://192.0.2.10:8443 '
holds "the name" grep -qx 'name = "one"' xen/one.cfg
holds "the command line" grep -qx \
  'extra = "ip=192.0.2.10/24 gw=192.0.2.1 data=xvda -- --data data --init --listen 192.0.2.10:8443"' xen/one.cfg
holds "an address of a card" grep -qE '^vif = \["mac=00:16:3e(:[0-9a-f]{2}){3},bridge=xenbr0"\]$' xen/one.cfg

cp xen/one.cfg first
run 3 storectl deploy xen --name one xen
says "it says how to go on" "there already.*--name.*--force"
same_files "the file is as it was" first xen/one.cfg
run 0 storectl deploy xen --name one --memory 128 --force xen
holds "--force replaces it" grep -qx 'memory = 128' xen/one.cfg
same "nothing else is left" "$(ls xen)" one.cfg

same "two guests have two cards" "$(for i in 1 2; do storectl deploy xen -; done | grep -c '^vif')" 2
[ "$(storectl deploy xen - | grep ^vif)" != "$(storectl deploy xen - | grep ^vif)" ] ||
  fail "two guests have different cards"
storectl deploy xen --mac 00:16:3e:00:00:01 --ip dhcp - >printed
holds "printed, it is the same text" grep -qx 'vif = \["mac=00:16:3e:00:00:01,bridge=xenbr0"\]' printed
storectl deploy xen --json --name two --host two.example.org xen >two.json
same "for programs" "$(jq -r '.name + " " + .url' two.json)" "two https://two.example.org:8443"

run 0 storectl deploy xen --name board --arch armv7 --gw 192.0.2.1 --ip 192.0.2.10/24 xen
says "the disk for seeds" '^  lvcreate -L 4M -n board-seed vg0$'
says "what to build" '//apps/stored:xen_armv7'
holds "a seed for the first start" grep -qE '^extra = ".* seed-disk=xvdb seed=[0-9a-f]{64} -- ' xen/board.cfg
holds "the disk for those that follow" grep -qxF \
  'disk = ["phy:/dev/vg0/board,xvda,w", "phy:/dev/vg0/board-seed,xvdb,w"]' xen/board.cfg
holds "no ELF" grep -qxF 'kernel = "/etc/xen/board.img"' xen/board.cfg
same "the seed is the owner's alone" "$(stat -c %a xen/board.cfg)" 600
seed_of() { sed -n 's/.* seed=\([0-9a-f]*\) .*/\1/p'; }
[ "$(storectl deploy xen --arch arm64 - | seed_of)" != "$(storectl deploy xen --arch arm64 - | seed_of)" ] ||
  fail "two guests have different seeds"
same "none where the processor has a generator" "$(storectl deploy xen - | grep -c seed)" 0
same "but on wish" "$(storectl deploy xen --seed-disk /dev/sdb - | grep -c 'phy:/dev/sdb,xvdb,w')" 1
rm xen/board.cfg

run 3 storectl deploy xen nowhere
says "a folder that is not there" "nowhere is not a folder"
run 3 storectl deploy xen xen/one.cfg
for bad in "--memory 31" "--memory many" "--port 0" "--ip 192.0.2.10" "--name a/b" "--disk data" "--kernel x" \
  "--gw 198.51.100.1 --ip 192.0.2.10/24" "--mac 01:00:00:00:00:00" "--arch arm" "--arch armv7 --seed-disk x" "--no-such" "--name"; do
  # shellcheck disable=SC2086
  run 2 storectl deploy xen $bad xen
done
run 2 storectl deploy xen
run 2 storectl deploy kvm xen
run 2 storectl deploy
same "nothing was written by those" "$(ls xen)" "$(printf 'one.cfg\ntwo.cfg')"
chmod 500 xen
if [ "$(id -u)" -ne 0 ]; then
  run 3 storectl deploy xen --name three xen
fi
finish
