#!/bin/bash
# website and nameserver as guests of Xen, side by side, asked by curl and dig. The site is a repository that
# stored, a guest too, has put on the disk; the zone is a text on a disk. Arguments: stored, storectl, the architecture.

. tests/xen/lib.sh
cd "$WORK" || exit 1
printf '%s\n' '$TTL 60' '@ IN SOA ns hostmaster 1 60 60 60 60' '@ IN NS ns' 'ns IN A 10.0.2.22' \
  'www IN A 192.0.2.77' 'www IN AAAA 2001:db8::77' >zone
truncate -s 1M zone

truncate -s 64M data
truncate -s 1M seed
# What keeps the seed, as dom0 sees it.
seed_now() { dom0 'dd if=/dev/vdc bs=48 count=1 2>/dev/null | md5sum'; }
xen_boot --disk data --disk zone --disk seed
must dom0_put "$(guest_image stored)" /guest/stored
must guest_config stored /guest/stored 64 \
  "ip=10.0.2.21/24 data=xvda seed-disk=xvdb -- --data data --init --listen 10.0.2.21:8443" vda,xvda,w vdc,xvdb,w
must guest_create stored
guest_says stored '^listening ' || exit 1
from_console stored data.token data.token
from_console stored data.crt data.crt
must storectl login https://10.0.2.21:8443 --cacert data.crt --token-file data.token
must storectl init https://10.0.2.21:8443/site
must storectl clone https://10.0.2.21:8443/site site
(
  cd site || exit 1
  echo '<h1>A site</h1>' >index.html
  seq 1 200000 >numbers.txt
  must storectl commit -m "The site"
  must storectl push
) || exit 1
must storectl clone https://10.0.2.21:8443/site other
(
  cd other || exit 1
  sed -i '1s/.*/first by another/' numbers.txt
  must storectl commit -m "The first line"
  must storectl push
  cd ../site || exit 1
  sed -i '200000s/.*/last/' numbers.txt
  must storectl commit -m "The last line"
  run 3 storectl push || exit 1
  must storectl pull
  must storectl push
  cd ../other || exit 1
  must storectl pull
) || exit 1
holds "merged, both are the same" diff -r -x '.store*' site other
same "the merge has both" "$(sed -n '1p;200000p' site/numbers.txt | tr '\n' ,)" "first by another,last,"
run 0 dom0 'xl shutdown stored'
guest_ends stored

must dom0_put "$(guest_image website)" /guest/website
must dom0_put "$(guest_image nameserver)" /guest/nameserver
seed_now >seed.before
holds "stored leaves a seed for the next start" dom0 'head -c 15 /dev/vdc | grep -qx "SafeOS seeds 01"'
# website in 8 MB, with a certificate of its owner, whose texts and key stand in xenstore. Its random numbers come from
# what stored has left.
must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=site \
  -addext subjectAltName=IP:10.0.2.21 -keyout site.key -out site.crt
GUEST_NO_SEED=1 GUEST_CARD=1 must guest_config website /guest/website 8 \
  "ip=10.0.2.21/24 ip=2001:db8::21/64 data=xvda seed-disk=xvdb -- --data data --repo site --listen 10.0.2.21:443 --http-listen 10.0.2.21:80" \
  vda,xvda,r vdc,xvdb,w
GUEST_CARD=2 must guest_config nameserver /guest/nameserver 32 \
  "ip=10.0.2.22/24 ip=2001:db8::22/64 -- --zone example.org=data --listen 10.0.2.22:53 --listen [2001:db8::22]:53" \
  vdb,xvda,r
must dom0_put site.crt /tmp/crt
must dom0_put site.key /tmp/key
must dom0 "rm -f /var/log/xen/console/guest-website.log; xl create -p /guest/website.cfg && id=\$(xl domid website) &&
  xenstore-write -- /local/domain/\$id/data/website_crt \"\$(cat /tmp/crt)\" \
    /local/domain/\$id/data/website_key \"\$(cat /tmp/key)\" && xl unpause website"
must guest_create nameserver

guest_says website '^listening https' || exit 1
guest_console website >said
seed_now >seed.after
holds "a seed serves one start" test "$(cat seed.before)" != "$(cat seed.after)"
holds "the certificate is the owner's" grep -q "^certificate SHA-256 [0-9a-f]*$" said
same "website serves a page over HTTPS" "$(fetch --cacert site.crt https://10.0.2.21/)" '<h1>A site</h1>'
asking=()
for i in 1 2 3 4; do
  fetch --cacert site.crt https://10.0.2.21/numbers.txt >"got$i" &
  asking+=($!)
done
wait "${asking[@]}"
for i in 1 2 3 4; do
  same_files "and a larger file to several at once" "got$i" site/numbers.txt
done
same "plain HTTP leads there" "$(fetch -o none -w '%{http_code} %{redirect_url}' http://10.0.2.21/numbers.txt)" \
  "301 https://10.0.2.21/numbers.txt"
holds "it answers pings over IPv6, too" ping -c 3 -W 5 2001:db8::21

if command -v dig >/dev/null; then
  guest_says nameserver '^listening ' || exit 1
  ask() { dig +short +tries=3 +time=5 "$@" 2>&1; }
  same "dig over UDP and IPv4" "$(ask @10.0.2.22 www.example.org A)" 192.0.2.77
  same "dig over TCP and IPv4" "$(ask +tcp @10.0.2.22 www.example.org AAAA)" 2001:db8::77
  same "dig over UDP and IPv6" "$(ask @2001:db8::22 www.example.org A)" 192.0.2.77
else
  echo "SKIPPED nameserver: dig is not installed"
fi
run 0 dom0 'xl shutdown website; xl shutdown nameserver'
guest_ends website
guest_ends nameserver
finish
