# Shared by the tests of images in QEMU with virtio devices. Source it first. A machine runs for MACHINE_S
# seconds at most; what it says is in $WORK/console, what is written to descriptor 9 is typed there.

set -u
MACHINE_S=${MACHINE_S:-240}
MACHINE_PID=
MEMORY_MIB=${MEMORY_MIB:-64}

# machine_arch ARCH [MACHINE CPU]: what machine_start starts from here on; at first, $ARCH. Where there is no QEMU for
# it the test is skipped.
machine_arch() {
  case $1 in
    x86_64) QEMU=qemu-system-x86_64 MACHINE=${2:-microvm,acpi=off,rtc=on} CPU=${3:-max} ;;
    arm64) QEMU=qemu-system-aarch64 MACHINE=${2:-virt,gic-version=2} CPU=${3:-cortex-a57} ;;
    armv7) QEMU=qemu-system-arm MACHINE=${2:-virt,highmem=off} CPU=${3:-cortex-a7} ;;
    *) echo "there are no machines of the kind '$1'"; exit 1 ;;
  esac
  if ! command -v "$QEMU" >/dev/null; then
    echo "SKIPPED: this needs $QEMU (./safeos setup)"
    exit 0
  fi
}
machine_arch "${ARCH:-x86_64}"

# image FILE...: the one that is stripped, of those that a target makes.
image() {
  local f
  for f in "$@"; do
    case "$f" in *.sym) ;; *) readlink -f "$f"; return ;; esac
  done
}

# free_port gives a port of 127.0.0.1 that nobody listened at a moment ago.
free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 40000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
  done
  echo "$port"
}

# user_net PORT [udp]: NET becomes a card on QEMU's user network; that port of the guest is PORT of 127.0.0.1.
user_net() {
  local inside="$1"
  PORT=$(free_port)
  NET=(-netdev "user,id=n,hostfwd=tcp:127.0.0.1:$PORT-:$inside${2:+,hostfwd=$2:127.0.0.1:$PORT-:$inside}"
    -device virtio-net-device,netdev=n)
}

# machine_start IMAGE COMMAND-LINE [arguments of QEMU]
machine_start() {
  local image="$1" line="$2"
  shift 2
  rm -f "$WORK/typed"
  : >"$WORK/console"  # At once: what a machine before this one said must not count.
  mkfifo "$WORK/typed"
  exec 9<>"$WORK/typed"
  timeout -k 5 "$MACHINE_S" "$QEMU" -M "$MACHINE" -accel tcg -cpu "$CPU" -m "$MEMORY_MIB" \
    -nodefaults -no-user-config -display none -no-reboot -serial stdio \
    -global "virtio-mmio.force-legacy=${LEGACY:-false}" \
    -kernel "$image" -append "$line" "$@" <"$WORK/typed" >"$WORK/console" 2>&1 &
  MACHINE_PID=$!
}

# console_says REGEX: waits, a bounded time, for a line; false: it did not come, or the machine has ended.
console_says() {
  local i
  for i in $(seq 1200); do
    grep -qE -- "$1" "$WORK/console" && return 0
    if ! kill -0 "$MACHINE_PID" 2>/dev/null; then
      grep -qE -- "$1" "$WORK/console" && return 0
      break
    fi
    sleep 0.05
  done
  echo "the console does not say: $1"
  tail -20 "$WORK/console" | sed 's/^/  | /'
  return 1
}

# machine_wait: the machine ends by itself within a bounded time. Sets MACHINE_STATUS.
machine_wait() {
  local i
  for i in $(seq 600); do
    kill -0 "$MACHINE_PID" 2>/dev/null || break
    sleep 0.05
  done
  if kill -0 "$MACHINE_PID" 2>/dev/null; then
    echo "the machine did not end"
    tail -20 "$WORK/console" | sed 's/^/  | /'
    machine_cut
    return 1
  fi
  wait "$MACHINE_PID"
  MACHINE_STATUS=$?
  MACHINE_PID=
}

# machine_cut takes the power away. `timeout` passes no SIGKILL on, so its child goes first.
machine_cut() {
  [ -n "$MACHINE_PID" ] || return 0
  local child
  child=$(cat "/proc/$MACHINE_PID/task/$MACHINE_PID/children" 2>/dev/null)
  # shellcheck disable=SC2086
  kill -KILL $child "$MACHINE_PID" 2>/dev/null
  wait "$MACHINE_PID" 2>/dev/null
  MACHINE_PID=
}

type_line() { printf '%s\r' "$1" >&9; }
