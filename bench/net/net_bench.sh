#!/bin/bash
# Our own TCP/IP over a tap device against Linux over veth: the same program moves the bytes, in one run, in the
# same kind of namespaces, with Linux's own TCP as the peer each time. Prints rates and their ratios.
# Arguments: bulk over sockets, bulk over taps, the emulator; then what to run (all when none is named):
# plain offload rate idle link. With LEAST set, it is a test: a ratio over the link below that fails.

if [ -z "${NET_INSIDE:-}" ]; then
  unshare -n true 2>/dev/null && [ -c /dev/net/tun ] || {
    echo "SKIPPED: this needs network namespaces and tap devices (root)"
    [ -n "${LEAST:-}" ]
    exit
  }
  NET_INSIDE=1 exec unshare -n -m "$BASH" "$0" "$@"
fi
mount -t sysfs sysfs /sys  # Of this network namespace.
set -u
find_program() { case "$1" in /*) echo "$1" ;; *) echo "$PWD/$1" ;; esac }
SOCKET=$(find_program "$1") TAP=$(find_program "$2") EMULATOR=$(find_program "$3")
shift 3
[ "${1:-}" = one ] || PARTS=${*:-plain offload rate idle link}
MIB=${MIB:-1024} ROUNDS=${ROUNDS:-3}
# One core each: the asking side with all that Linux does for it on the first processor, the serving side with
# all that is done for it on the last, both before whatever else runs here. With CALM=0, or without permission,
# as the machine likes.
NEAR=() FAR=() MIDDLE=() CORE=$(($(nproc --all) - 1))
if [ "${CALM:-1}" = 1 ] && chrt -r 2 true 2>/dev/null && taskset -c 0 true 2>/dev/null; then
  NEAR=(chrt -r 2 taskset -c 0) FAR=(chrt -r 2 taskset -c "$CORE") MIDDLE=(chrt -r 3)
fi
STEER=1

# steer DEVICE CORE [nsenter ..]: what the device receives is Linux's work on that core.
steer() {
  [ ${#NEAR[@]} -ne 0 ] && [ "$STEER" = 1 ] || return
  "${@:3}" unshare -m "$BASH" -c "mount -t sysfs sysfs /sys
    printf %x $((1 << $2)) >/sys/class/net/$1/queues/rx-0/rps_cpus"
}
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
  "${FAR[@]}" "$@" >"$LOG" 2>&1 &
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
ask() { "${NEAR[@]}" timeout 300 "$SOCKET" "$1" "$2" 7000 "${@:3}" | sed -n '1s/.*: \([0-9]*\) a second/\1/p'; }

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
  steer v0 0
  steer v1 "$CORE" nsenter -t "$VETH" -n
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
  steer tap0 0
  cubic tap0 192.0.2.0/24
  [ "$1" = offload ] || ethtool -K tap0 tso off gso off gro off tx off sg off >/dev/null 2>&1
}
tap_serve() {
  local plain=()
  [ "$1" = offload ] || plain=(--tap-plain)
  serve "$TAP" --tap tap0 "${plain[@]}" --ip 192.0.2.10/24 "${@:2}" serve 0.0.0.0 7000
}

# bulk plain|offload STEER
bulk() {
  local way linux linux_cpu how="one core each"
  STEER=$2
  [ "$STEER" = 1 ] && [ ${#NEAR[@]} -ne 0 ] || how="Linux works where the other side happens to be"
  echo "bulk TCP, $MIB MiB, $1 on both, $how (MiB/s; CPU of the server's process in ns a byte):"
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

# alike [nsenter ..]: nothing that one connection learned is used by the next, and only what is measured is sent.
alike() {
  "$@" sysctl -qw net.ipv4.tcp_no_metrics_save=1 net.ipv6.conf.all.disable_ipv6=1 \
    net.ipv6.conf.default.disable_ipv6=1 2>/dev/null
}

# The emulated link: here `near`, there a switch that has our device, or nothing but `far`.
# link_up linux|ours LOSS DELAY SEED: sets FAR_NS, EMULATOR_PID and SERVER.
link_up() {
  namespace
  FAR_NS=$NS
  ip tuntap add near mode tap
  ip addr add 192.0.2.1/24 dev near
  ip link set near up
  cubic near 192.0.2.0/24
  alike
  alike nsenter -t "$FAR_NS" -n
  nsenter -t "$FAR_NS" -n ip tuntap add far mode tap
  if [ "$1" = linux ]; then
    nsenter -t "$FAR_NS" -n ip addr add 192.0.2.10/24 dev far
    nsenter -t "$FAR_NS" -n ip link set far up
    cubic nsenter -t "$FAR_NS" -n far 192.0.2.0/24
  else
    nsenter -t "$FAR_NS" -n ip link add br0 type bridge
    nsenter -t "$FAR_NS" -n ip tuntap add tap0 mode tap vnet_hdr
    # What a bridge of Linux does besides passing frames on is no part of the link.
    nsenter -t "$FAR_NS" -n sysctl -qw net.bridge.bridge-nf-call-iptables=0 2>/dev/null
    for d in tap0 far; do nsenter -t "$FAR_NS" -n ip link set "$d" master br0 up; done
    nsenter -t "$FAR_NS" -n ip link set br0 up
  fi
  "${MIDDLE[@]}" "$EMULATOR" --seed "$4" --loss "$2" --delay "$3" --reorder 1 --reorder-by 2 \
    --rate "${LINK_MBIT:-1000}" near "/proc/$FAR_NS/ns/net:far" >/dev/null 2>&1 &
  EMULATOR_PID=$!
  PIDS+=("$EMULATOR_PID")
  if [ "$1" = linux ]; then
    serve nsenter -t "$FAR_NS" -n "$SOCKET" serve 0.0.0.0 7000
  else
    serve nsenter -t "$FAR_NS" -n "$TAP" --tap tap0 --ip 192.0.2.10/24 serve 0.0.0.0 7000
  fi
  # Who is where is known before: a lost question of ARP costs a second, and says nothing of TCP.
  for _ in $(seq 60); do
    ping -c 1 -W 1 192.0.2.10 >/dev/null 2>&1 && break
  done
}
link_down() {
  stop "$SERVER"
  [ -z "${TRACE:-}" ] || cat "$LOG"
  stop "$EMULATOR_PID"
  ip link del near
  kill -KILL "$FAR_NS"
  wait "$FAR_NS" 2>/dev/null
}

LINK_CELLS="0:0:65536 1:0:16384 5:0:2048 10:0:1024 0:20:16384 1:20:2048 5:20:1024 10:20:256 0:100:8192
  1:100:1024 5:100:256 0:200:8192 1:200:512 10:200:128"
# median NUMBER...
median() { printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"; }

# one_link WHO LOSS DELAY KIB SEED: prints "WHO down MS" and "WHO up MS"; 120000 ms when a transfer failed: what came
# was compared, so "complete and identical" is part of it.
one_link() {
  local way ms
  for way in down up; do
    link_up "$1" "$2" "$3" "$5"
    ms=$("${NEAR[@]}" timeout 120 "$SOCKET" "$way" 192.0.2.10 7000 "${4}k" |
      sed -n '1s/.* in \([0-9]*\) ms.*/\1/p')
    echo "$1 $way ${ms:-120000}"
    link_down
  done
}

# Each cell LOSS:DELAY_MS:KIB with several seeds, Linux and ours in turn, both with the same losses by number of
# frame: their medians count, since one late loss can make one run several times longer. With a delay the processors
# are idle, and ABREAST links are measured at the same time, each in namespaces of its own.
link() {
  local cell loss delay kib way who seed abreast
  local -A took
  echo "over the emulated link, 1 % reordered, ${LINK_MBIT:-1000} Mbit/s (KiB a second; Linux with cubic):"
  for cell in ${CELLS:-$LINK_CELLS}; do
    IFS=: read -r loss delay kib <<<"$cell"
    abreast=1
    [ "$delay" = 0 ] || [ "$loss" = 0 ] || abreast=${ABREAST:-8}
    for seed in ${SEEDS:-$(seq 7 21)}; do
      for who in linux ours; do echo "$who $loss $delay $kib $seed"; done
    done | NET_INSIDE='' xargs -P "$abreast" -L 1 "$BASH" "$0" "$SOCKET" "$TAP" "$EMULATOR" one >"$LOG.runs"
    for who in linux ours; do
      for way in down up; do
        # shellcheck disable=SC2046
        took[${who}_$way]=$(median $(sed -n "s/^$who $way //p" "$LOG.runs"))
      done
    done
    grep ' 120000$' "$LOG.runs" | sort | uniq -c | sed 's/^/  failed: /'
    awk -v l="$loss" -v d="$delay" -v k="$kib" -v ld="${took[linux_down]}" -v lu="${took[linux_up]}" \
      -v od="${took[ours_down]}" -v ou="${took[ours_up]}" -v least="${LEAST:-0}" 'BEGIN {
        s = k * 1000
        printf "  loss %s %%, delay %s ms, %s KiB: down ours %d, Linux %d, ratio %.2f; up ours %d, Linux %d, ratio %.2f\n",
          l, d, k, s / od, s / ld, ld / od, s / ou, s / lu, lu / ou
        exit ld / od < least || lu / ou < least }' || { echo "  below $LEAST" && FAILED=1; }
    ! grep -q '^ours .* 120000$' "$LOG.runs" || FAILED=1
    rm -f "$LOG.runs"
  done
}

if [ "${1:-}" = one ]; then
  STEER=0
  one_link "${@:2}"
  exit
fi
FAILED=0
for part in $PARTS; do
  case $part in
    plain | offload) bulk "$part" 1 && bulk "$part" 0 ;;
    rate) connections ;;
    idle) idle ;;
    link) link ;;
    *) echo "there is no part '$part'"; exit 2 ;;
  esac
done
exit "$FAILED"
