#!/bin/bash
# Our own TCP/IP over a tap device against Linux over veth: the same program moves the bytes, in one run, in the
# same kind of namespaces, with Linux's own TCP as the peer each time. Prints rates and their ratios.
# Arguments: bulk over sockets, bulk over taps, the emulator; then what to run (all when none is named):
# plain offload rate idle link.

if [ -z "${NET_INSIDE:-}" ]; then
  unshare -n true 2>/dev/null && [ -c /dev/net/tun ] || {
    echo "this needs network namespaces and tap devices (root)"
    exit 1
  }
  NET_INSIDE=1 exec unshare -n "$BASH" "$0" "$@"
fi
set -u
find_program() { case "$1" in /*) echo "$1" ;; *) echo "$PWD/$1" ;; esac }
SOCKET=$(find_program "$1") TAP=$(find_program "$2") EMULATOR=$(find_program "$3")
shift 3
PARTS=${*:-plain offload rate idle link}
MIB=${MIB:-1024} ROUNDS=${ROUNDS:-3}
LOG=$(mktemp)
PIDS=()
trap 'kill -KILL "${PIDS[@]}" 2>/dev/null; rm -f "$LOG"' EXIT
sysctl -qw net.ipv4.ip_local_port_range="1024 65535"
ip link set lo up

namespace() {  # Sets NS to the pid that holds a new one.
  unshare -n sleep infinity &
  NS=$!
  PIDS+=("$NS")
  # Until it is really another one: else both ends would be joined by the loopback interface.
  local i
  for i in $(seq 500); do
    [ "$(readlink "/proc/$NS/ns/net")" != "$(readlink /proc/self/ns/net)" ] && break
    sleep 0.02
  done
  nsenter -t "$NS" -n ip link set lo up
}

# cubic [nsenter ..] DEVICE NET: what Linux sends there is under CUBIC, as ours is, whatever its default.
cubic() {
  "${@:1:$#-2}" ip route change "${@: -1}" dev "${@: -2:1}" congctl cubic
}

# serve PROGRAM-AND-ARGUMENTS: starts a server; sets SERVER.
serve() {
  : >"$LOG"
  "$@" >"$LOG" 2>&1 &
  SERVER=$!
  PIDS+=("$SERVER")
  local i
  for i in $(seq 200); do
    grep -q '^serving' "$LOG" && return
    sleep 0.05
  done
  cat "$LOG"
  exit 1
}
stop() { kill -TERM "$1" 2>/dev/null; wait "$1" 2>/dev/null; }

# cpu PID: the milliseconds of CPU that it has used.
cpu() { awk -v hz="$(getconf CLK_TCK)" '{print int(($14 + $15) * 1000 / hz)}' "/proc/$1/stat"; }
# ask WHAT ADDR N [FIBERS]: what a second.
ask() { timeout 300 "$SOCKET" "$1" "$2" 7000 "${@:3}" | sed -n '1s/.*: \([0-9]*\) a second/\1/p'; }

# best WHAT ADDR: the best of a few rounds; sets RATE (MiB/s) and CPU (server's ns a byte).
best() {
  local i r before after
  RATE=0
  for i in $(seq "$ROUNDS"); do
    before=$(cpu "$SERVER")
    r=$(ask "$1" "$2" "$MIB")
    after=$(cpu "$SERVER")
    if [ "${r:-0}" -gt "$RATE" ]; then
      RATE=$r
      CPU=$(awk -v ms=$((after - before)) -v mib="$MIB" 'BEGIN {printf "%.2f", ms * 1e6 / (mib * 1048576)}')
    fi
  done
}
ratio() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.2f", (b > 0 ? a / b : 0)}'; }

veth_up() {  # veth_up plain|offload
  namespace
  VETH=$NS
  ip link add v0 type veth peer name v1 netns "/proc/$VETH/ns/net"
  ip addr add 198.51.100.1/24 dev v0
  ip link set v0 up
  nsenter -t "$VETH" -n ip addr add 198.51.100.10/24 dev v1
  nsenter -t "$VETH" -n ip link set v1 up
  cubic v0 198.51.100.0/24
  cubic nsenter -t "$VETH" -n v1 198.51.100.0/24
  if [ "$1" = plain ]; then
    ethtool -K v0 tso off gso off gro off tx off rx off sg off >/dev/null 2>&1
    nsenter -t "$VETH" -n ethtool -K v1 tso off gso off gro off tx off rx off sg off >/dev/null 2>&1
  fi
}
veth_down() { ip link del v0; }

tap_up() {
  ip tuntap add tap0 mode tap vnet_hdr
  ip addr add 192.0.2.1/24 dev tap0
  ip link set tap0 up
  cubic tap0 192.0.2.0/24
  [ "$1" = offload ] || ethtool -K tap0 tso off gso off gro off tx off sg off >/dev/null 2>&1
}
tap_serve() {
  local plain=()
  [ "$1" = offload ] || plain=(--tap-plain)
  serve "$TAP" --tap tap0 "${plain[@]}" --ip 192.0.2.10/24 "${@:2}" serve 0.0.0.0 7000
}

bulk() {
  local way linux linux_cpu
  echo "bulk TCP, $MIB MiB, $1 on both (MiB/s; CPU of the server's process in ns a byte):"
  for way in down up; do
    veth_up "$1"
    serve nsenter -t "$VETH" -n "$SOCKET" serve 0.0.0.0 7000
    best "$way" 198.51.100.10
    linux=$RATE linux_cpu=$CPU
    stop "$SERVER"
    veth_down
    tap_up "$1"
    tap_serve "$1"
    best "$way" 192.0.2.10
    stop "$SERVER"
    ip link del tap0
    echo "  $way: ours $RATE (CPU $CPU), Linux over veth $linux (CPU $linux_cpu), ratio $(ratio "$RATE" "$linux")"
  done
}

connections() {
  local linux
  echo "connections opened, one byte, closed (16 at a time, a second):"
  veth_up offload
  serve nsenter -t "$VETH" -n "$SOCKET" serve 0.0.0.0 7000
  linux=$(ask rate 198.51.100.10 "${COUNT:-20000}" 16)
  stop "$SERVER"
  veth_down
  tap_up offload
  tap_serve offload
  RATE=$(ask rate 192.0.2.10 "${COUNT:-20000}" 16)
  echo "  ours $RATE, Linux over veth $linux, ratio $(ratio "$RATE" "$linux")"
  stop "$SERVER"
  ip link del tap0
}

# Idle connections: the memory of the server's process before and with them. Each also has a fiber.
idle() {
  local count=${IDLE:-10000} before after
  echo "idle connections (each with its fiber's stack):"
  tap_up offload
  tap_serve offload --net "connections=$((count + 100))"
  before=$(awk '/VmRSS/ {print $2}' "/proc/$SERVER/status")
  "$SOCKET" idle 192.0.2.10 7000 "$count" >"$LOG.idle" &
  local client=$!
  PIDS+=("$client")
  for _ in $(seq 1200); do grep -q '^idle' "$LOG.idle" && break; sleep 0.1; done
  after=$(awk '/VmRSS/ {print $2}' "/proc/$SERVER/status")
  echo "  $(cat "$LOG.idle"); the server grew by $(((after - before) * 1024 / count)) bytes each"
  rm -f "$LOG.idle"
  kill -TERM "$client"
  wait "$client" 2>/dev/null
  stop "$SERVER"
  ip link del tap0
}

# The emulated link: here `near`, there a switch that has our device, or nothing but `far`.
link() {
  local cell loss delay mib way linux ours
  echo "over the emulated link, 1 % reordered (MiB or KiB a second as the ratio needs; Linux with cubic):"
  for cell in ${CELLS:-0:0:64 1:0:32 5:0:4 10:0:1 0:20:16 1:20:2 5:20:1 0:100:8 1:100:1 0:200:8}; do
    IFS=: read -r loss delay mib <<<"$cell"
    for who in linux ours; do
      namespace
      local far=$NS
      ip tuntap add near mode tap
      ip addr add 192.0.2.1/24 dev near
      ip link set near up
      cubic near 192.0.2.0/24
      nsenter -t "$far" -n ip tuntap add far mode tap
      if [ "$who" = linux ]; then
        nsenter -t "$far" -n ip addr add 192.0.2.10/24 dev far
        nsenter -t "$far" -n ip link set far up
        cubic nsenter -t "$far" -n far 192.0.2.0/24
      else
        nsenter -t "$far" -n ip link add br0 type bridge
        nsenter -t "$far" -n ip tuntap add tap0 mode tap vnet_hdr
        for d in tap0 far; do nsenter -t "$far" -n ip link set "$d" master br0 up; done
        nsenter -t "$far" -n ip link set br0 up
      fi
      "$EMULATOR" --seed 7 --loss "$loss" --delay "$delay" --reorder 1 --reorder-by 2 --rate "${LINK_MBIT:-1000}" \
        near "/proc/$far/ns/net:far" >/dev/null 2>&1 &
      local emulator=$!
      PIDS+=("$emulator")
      if [ "$who" = linux ]; then
        serve nsenter -t "$far" -n "$SOCKET" serve 0.0.0.0 7000
      else
        serve nsenter -t "$far" -n "$TAP" --tap tap0 --ip 192.0.2.10/24 serve 0.0.0.0 7000
      fi
      for way in down up; do
        local ms
        ms=$(timeout 120 "$SOCKET" "$way" 192.0.2.10 7000 "$mib" | sed -n '1s/.* in \([0-9]*\) ms.*/\1/p')
        declare "${who}_$way=$((mib * 1024 * 1000 / ${ms:-120000}))"
      done
      stop "$SERVER"
      stop "$emulator"
      ip link del near
      kill -KILL "$far"
    done
    echo "  loss $loss %, delay $delay ms, $mib MiB: down ours $ours_down KiB/s, Linux $linux_down, ratio" \
      "$(ratio "$ours_down" "$linux_down"); up ours $ours_up, Linux $linux_up, ratio $(ratio "$ours_up" "$linux_up")"
  done
}

for part in $PARTS; do
  case $part in
    plain | offload) bulk "$part" ;;
    rate) connections ;;
    idle) idle ;;
    link) link ;;
    *) echo "there is no part '$part'"; exit 2 ;;
  esac
done
