#!/bin/bash
# stored in QEMU's microvm with a disk: login, push and clone over HTTPS; the power is cut in mid-push, and all
# that was acknowledged is there; the disk is whole, read by stored on Unix too. Over a tap device, large
# segments go both ways.
# Arguments: stored for Unix, storectl, the image (and its symbols).

# shellcheck source=tests/virtio/lib.sh
. tests/virtio/lib.sh
IMAGE=$(image "${@:3}")
if [ -z "${VIRTIO_INSIDE:-}" ] && unshare -n true 2>/dev/null && [ -c /dev/net/tun ]; then
  VIRTIO_INSIDE=1 exec unshare -n "$BASH" "$0" "$@"
fi
# shellcheck source=tests/cli/lib.sh
. tests/cli/lib.sh
trap 'machine_cut; cleanup' EXIT
MEMORY_MIB=128
DISK=$WORK/disk.img
[ -z "${VIRTIO_INSIDE:-}" ] || ip link set lo up

stored_start() {
  local net="$1" line="$2"
  shift 2
  machine_start "$IMAGE" "$line --data data --init" -netdev "$net" "$@" \
    -device virtio-net-device,netdev=n -drive "id=d,file=$DISK,format=raw,if=none" \
    -device virtio-blk-device,drive=d
  console_says '^listening' || exit 1
  tr -d '\r' <"$WORK/console" >"$WORK/said"
}

PORT=$(free_port)
user_start() {
  stored_start "user,id=n,hostfwd=tcp:127.0.0.1:$PORT-:8443" \
    "ip=10.0.2.15/24 gw=10.0.2.2 --name 127.0.0.1 --listen 10.0.2.15:8443"
  URL=https://127.0.0.1:$PORT
}

# known: storectl knows the server, under whatever port it has now.
known() {
  sed -n '/BEGIN CERTIFICATE/,/END CERTIFICATE/p' "$WORK/said" >"$DATA.crt"
  grep -q '^sot_' "$WORK/said" && grep '^sot_' "$WORK/said" >"$DATA.token" && chmod 600 "$DATA.token"
  must storectl login "$URL" --cacert "$DATA.crt" --token-file "$DATA.token"
}

# files FOLDER PREFIX COUNT LEN
files() {
  local i
  for i in $(seq "$3"); do
    head -c "$4" /dev/urandom >"$1/$2$i"
  done
}

same() { holds "$1 and $2 are the same" diff -r -x '.store*' "$WORK/$1" "$WORK/$2"; }

# --- first life -------------------------------------------------------------------------------------

truncate -s 1G "$DISK"
user_start
known
cd "$WORK" || exit 1
must storectl init "$URL/notes"
must storectl clone "$URL/notes" one
files one a 40 20000
cd one && must storectl commit -m first && must storectl push && cd ..
must storectl clone "$URL/notes" two
same one two

# --- the power cut ----------------------------------------------------------------------------------

files one b 150 100000
cd one && must storectl commit -m second && cd ..
(cd one && storectl push >"$WORK/push" 2>&1; echo "code $?" >>"$WORK/push") &
PUSH=$!
# In the middle: some of it has come, not all.
for i in $(seq 200); do
  [ "$(du -k "$DISK" | cut -f1)" -gt 4000 ] && break
  sleep 0.05
done
machine_cut
wait "$PUSH"
holds "the push was cut" grep -q 'code 5' "$WORK/push"
user_start
known
rm -rf two
must storectl clone "$URL/notes" two
holds "what was acknowledged is there" test -f two/a40 -a ! -e two/b1
cd one && must storectl push && cd ..
rm -rf two
must storectl clone "$URL/notes" two
same one two
type_line stop
machine_wait || FAILED=1
holds "it was asked to end" grep -q 'asked to power off' "$WORK/console"

# --- the disk, elsewhere ----------------------------------------------------------------------------

must storectl fsck --data "$DISK"

# --- over a tap device ------------------------------------------------------------------------------

if [ -n "${VIRTIO_INSIDE:-}" ]; then
  ip tuntap add tap0 mode tap vnet_hdr
  ip addr add 192.0.2.1/24 dev tap0
  ip link set tap0 up
  stored_start "tap,id=n,ifname=tap0,script=no,downscript=no" \
    "ip=192.0.2.10/24 gw=192.0.2.1 --new-certificate --listen 192.0.2.10:8443"
  URL=https://192.0.2.10:8443
  known
  must storectl clone "$URL/notes" three
  same one three
  files three c 20 100000
  cd three && must storectl commit -m third && must storectl push && cd ..
  curl_tls -H "Authorization: Bearer $(cat "$DATA.token")" "$URL/metrics" >"$WORK/metrics" || FAILED=1
  # metric NAME: a number, or nothing when it is not shown, which no comparison takes for one.
  metric() { sed -n "s/^safeos_virtio_$1\(_total\)\? //p" "$WORK/metrics"; }
  SENT=$(metric net_sent) RECEIVED=$(metric net_received)
  holds "large segments went out" test "$(metric net_sent_bytes)" -gt $((2000 * ${SENT:-0} + 1))
  holds "large segments came in" test "$(metric net_received_pages)" -gt "$RECEIVED"
  holds "requests went to the disk" test "$(metric block_requests)" -gt 10
  holds "nothing broke" test "$(metric net_broken)$(metric block_broken)" = 00
  type_line stop
  machine_wait || FAILED=1
else
  echo "not run: a tap device (needs root and /dev/net/tun)"
fi

# --- disks that are not right -----------------------------------------------------------------------

truncate -s 100K "$WORK/small.img"
GOOD=$DISK
DISK=$WORK/small.img
machine_start "$IMAGE" "--data data --init" -drive "id=d,file=$DISK,format=raw,if=none" \
  -device virtio-blk-device,drive=d
machine_wait || FAILED=1
holds "a disk that is too small is refused" grep -qiE 'too small|at least' "$WORK/console"
machine_start "$IMAGE" "data=vdb --data data --init" -drive "id=d,file=$DISK,format=raw,if=none" \
  -device virtio-blk-device,drive=d
machine_wait || FAILED=1
holds "a disk that is not there is named" grep -q 'no disk vdb' "$WORK/console"

# Names follow the order in which QEMU was given the disks.
machine_start "$IMAGE" "data=vdb --data data --init" \
  -drive "id=d,file=$DISK,format=raw,if=none" -device virtio-blk-device,drive=d \
  -drive "id=e,file=$GOOD,format=raw,if=none" -device virtio-blk-device,drive=e
console_says '^certificate SHA-256' || FAILED=1
machine_cut

finish
