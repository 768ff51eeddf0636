#!/bin/bash
# One raw disk goes from machine to machine, each of its own architecture: stored opens what the last one wrote,
# all that was pushed before is there, and more is pushed, over HTTPS. Then the host's programs read it; the last
# architecture's website serves a page of it, and its nameserver answers from a zone on another disk.
# Arguments: stored for Unix, storectl, architectures.

ARCHS=("${@:3}")
ARCH=${ARCHS[0]}
# shellcheck source=tests/virtio/lib.sh
. tests/virtio/lib.sh
# shellcheck source=tests/cli/lib.sh
. tests/cli/lib.sh
trap 'machine_cut; cleanup' EXIT
for each in "${ARCHS[@]}"; do machine_arch "$each"; done
PROGRAMS=$PWD/apps
MEMORY_MIB=64
DISK=$WORK/disk.img
cd "$WORK" || exit 1

# start APP DISK ARGUMENTS: it listens, or this is over.
start() {
  machine_start "$PROGRAMS/$1/virtio_$ARCH" "ip=10.0.2.15/24 gw=10.0.2.2 $3" "${NET[@]}" \
    -device virtio-rng-device \
    -drive "id=d,file=$2,format=raw,if=none" -device virtio-blk-device,drive=d
  console_says '^listening' || exit 1
  tr -d '\r' <"$WORK/console" >"$WORK/said"
}

# stop: in order.
stop() {
  type_line stop
  machine_wait || { FAILED=$((FAILED + 1)); return; }
  holds "the $ARCH machine was asked to end" grep -q 'asked to power off' "$WORK/console"
  same "and ends well" "$MACHINE_STATUS" 0
}

# from_console NAME FILE: what is written between the marks of that name.
from_console() { sed -n "/^-----BEGIN $1-----$/,/^-----END $1-----$/{//!p}" "$WORK/said" >"$2"; }

alike() { holds "$3" diff -r -x '.store*' "$1" "$2"; }

# --- from machine to machine ---------------------------------------------------------------------------

truncate -s 256M "$DISK"
round=0
for ARCH in "${ARCHS[@]}"; do
  round=$((round + 1))
  machine_arch "$ARCH"
  user_net 8443
  URL=https://127.0.0.1:$PORT
  start stored "$DISK" "--data data --init --name 127.0.0.1 --listen 10.0.2.15:8443"
  if [ $round = 1 ]; then
    from_console data.token "$DATA.token"
    from_console data.crt "$DATA.crt"
    chmod 600 "$DATA.token"
  else
    from_console data.token none
    same "$ARCH finds a database, and prints no second token" "$(wc -c <none)" 0
  fi
  must storectl login "$URL" --cacert "$DATA.crt" --token-file "$DATA.token"
  [ $round = 1 ] || { must storectl clone "$URL/site" "copy$round"; alike work "copy$round" "$ARCH has all that was pushed"; }
  [ $round != 1 ] || must storectl init "$URL/site"
  must storectl clone "$URL/site" "new$round"
  (
    cd "new$round" || exit 1
    head -c 300000 /dev/urandom >"random$round"
    seq "$round" 20000 >numbers
    printf '{"by": "%s", "round": %d, "last": 9007199254740993}\n' "$ARCH" $round >"value$round.json"
    echo "<h1>$ARCH</h1>" >index.html
    must storectl commit -m "From $ARCH"
    must storectl push
  ) || exit 1
  rm -rf work
  mv "new$round" work
  stop
  run 0 storectl fsck --data "$DISK"
done

# --- this machine, on the same disk --------------------------------------------------------------------

ln "$DISK" "$DATA"
TOKEN_WAS=$(cat "$DATA.token")
server_start
URL=https://127.0.0.1:$PORT
TOKEN=$TOKEN_WAS
req GET /v1/repos/site/tree/main/numbers
want "stored on Unix opens the disk" 200
same_files "and reads it" "$BODY" work/numbers
server_stop

# --- website and nameserver ----------------------------------------------------------------------------

user_net 443
start website "$DISK" "--data data --repo site --name 127.0.0.1 --listen 10.0.2.15:443"
from_console website.crt site.crt
same "website serves a page over HTTPS" \
  "$(curl -sS --noproxy '*' -m 60 --cacert site.crt "https://127.0.0.1:$PORT/" 2>&1)" "<h1>$ARCH</h1>"
curl -sS --noproxy '*' -m 60 --cacert site.crt "https://127.0.0.1:$PORT/random1" >got 2>&1
same_files "and what the first machine wrote" got work/random1
stop

if command -v dig >/dev/null; then
  printf '%s\n' '$TTL 60' '@ IN SOA ns hostmaster 1 60 60 60 60' '@ IN NS ns' 'ns IN A 10.0.2.15' \
    'www IN A 192.0.2.77' 'www IN AAAA 2001:db8::77' >zone
  truncate -s 1M zone
  user_net 53 udp
  start nameserver zone "--zone example.org=data --listen 10.0.2.15:53"
  ask() { dig @127.0.0.1 -p "$PORT" +short +tries=3 +time=5 "$@" 2>&1; }
  same "dig over UDP" "$(ask www.example.org A)" 192.0.2.77
  same "dig over TCP" "$(ask +tcp www.example.org AAAA)" 2001:db8::77
  stop
else
  echo "SKIPPED nameserver: dig is not installed"
fi
finish
