#!/bin/bash
# Small machines: hello in 4 MB; stored in 32 MB while a repository several times as large is cloned from it;
# website in 8 MB over the same disk, asked by several at once. Nothing runs out of memory, and what is left
# is held. The disk is formatted by a machine and filled by a process of this host, which is faster.
# Arguments: stored for Unix, storectl, MiB of the repository, the images (and their symbols).

# shellcheck source=tests/virtio/lib.sh
. tests/virtio/lib.sh
# shellcheck source=tests/cli/lib.sh
. tests/cli/lib.sh
trap 'machine_cut; cleanup' EXIT
MIB=$3
shift 3
for file in "$@"; do
  case "$file" in
    *hello/*.sym | *stored/*.sym | *website/*.sym) ;;
    *hello/*) HELLO=$(readlink -f "$file") ;;
    *stored/*) IMAGE=$(readlink -f "$file") ;;
    *website/*) WEBSITE=$(readlink -f "$file") ;;
  esac
done
cd "$WORK" || exit 1

# machine IMAGE MEMORY ARGUMENTS: with a network card and the disk; it listens at PORT of this host.
machine() {
  PORT=$(free_port)
  MEMORY_MIB=$2 machine_start "$1" "ip=10.0.2.15/24 gw=10.0.2.2 -- $3" \
    -netdev "user,id=n,hostfwd=tcp:127.0.0.1:$PORT-:443" -device virtio-net-device,netdev=n \
    -drive id=d,file=disk,format=raw,if=none -device virtio-blk-device,drive=d
  console_says '^listening' || exit 1
  tr -d '\r' <console >said
  sed -n '/BEGIN CERTIFICATE/,/END CERTIFICATE/p' said >crt
  URL=https://127.0.0.1:$PORT
}
machine_end() {
  type_line stop
  machine_wait || FAILED=1
  holds "it was asked to end" grep -q 'asked to power off' console
}
STORED_LINE="--data data --init --quiet --name 127.0.0.1 --listen 10.0.2.15:443"

# --- the disk ---------------------------------------------------------------------------------------

truncate -s $((MIB * 3 / 2 + 256))M disk
machine "$IMAGE" 32 "$STORED_LINE"
grep '^sot_' said >"$DATA.token"
chmod 600 "$DATA.token"
cp crt "$DATA.crt"
machine_end
ln disk "$DATA"
server_start
must storectl login "$URL" --cacert "$DATA.crt" --token-file "$DATA.token"
must storectl init "$URL/site"
must storectl clone "$URL/site" one
(
  cd one || exit 1
  for ((i = 0; i < MIB / 4; i++)); do
    mkdir -p "d$((i / 50))"
    head -c 4M /dev/urandom >"d$((i / 50))/f$i"
  done
  seq 1 2000 >numbers.txt
  echo '<h1>A site</h1>' >index.html
  must storectl commit -m all
  must storectl push
) || exit 1
server_stop

# --- stored in 32 MB --------------------------------------------------------------------------------

machine "$IMAGE" 32 "$STORED_LINE"
must storectl login "$URL" --cacert crt --token-file "$DATA.token"
begun=$SECONDS
must storectl clone "$URL/site" two
echo "$MIB MiB cloned from a machine of 32 MB in $((SECONDS - begun)) s"
holds "the clone is the same" diff -r -q -x '.store*' one two
ask() { curl -sS --noproxy '*' -m 60 --cacert crt "$@"; }
ask -H "Authorization: Bearer $(cat "$DATA.token")" "$URL/metrics" >metrics || FAILED=1
metric() { sed -n "s/^safeos_$1\(_total\)\? //p" metrics; }
LEAST=$(metric memory_free_min_bytes)
echo "memory left at worst: $((${LEAST:-0} / 1024)) of $(($(metric memory_bytes) / 1024)) KiB"
same "no memory was refused" "$(metric memory_refused)" 0
holds "some memory was always left" test "${LEAST:-0}" -gt $((2 << 20))
machine_end
rm -rf two

# --- website in 8 MB --------------------------------------------------------------------------------

machine "$WEBSITE" 8 "--data data --repo site --listen 10.0.2.15:443 --name 127.0.0.1 --quiet"
same "website serves a page" "$(ask "$URL/")" '<h1>A site</h1>'
asking=()
for i in 1 2 3 4 5 6; do
  (ask "$URL/d0/f$i" | cmp - "one/d0/f$i" && ask "$URL/numbers.txt" | cmp - one/numbers.txt) >"cmp$i" 2>&1 &
  asking+=($!)
done
for pid in "${asking[@]}"; do
  wait "$pid" || fail "large files at once from a machine of 8 MB" "$(cat cmp?)"
done
same "and goes on" "$(ask "$URL/")" '<h1>A site</h1>'
machine_end

# --- hello in 4 MB ----------------------------------------------------------------------------------

machine "$HELLO" 4 "--listen 10.0.2.15:443"
same "hello answers" "$(curl -sS --noproxy '*' -m 30 "http://127.0.0.1:$PORT/")" hello
machine_end
finish
