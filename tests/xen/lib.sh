# Shared by the tests that boot guests of Xen: one machine in QEMU for a whole test, its dom0 as a command,
# guests on a bridge that reaches the test. Source it first, with the arguments of the test: stored (for this
# machine), storectl, the architecture of the testbed (x86_64, arm64, armv7), and what follows.
#
#   10.0.2.2    the test, in a network namespace of its own, on a tap device
#   10.0.2.15   dom0
#   10.0.2.20   the guest, unless a test says otherwise
#
# The namespace and the machine are gone when the test ends.

if [ -z "${NET_INSIDE:-}" ]; then
  if ! unshare -n true 2>/dev/null || [ ! -c /dev/net/tun ]; then
    echo "SKIPPED: this needs network namespaces and tap devices (root, or CAP_SYS_ADMIN and CAP_NET_ADMIN)"
    exit 0
  fi
  NET_INSIDE=1 exec unshare -n "$BASH" "$0" "$@"
fi

# shellcheck source=tests/cli/lib.sh
. tests/cli/lib.sh
RUNFILES=$PWD
XEN_START=$PWD/tests/xen/dom0/start.sh
XEN_LIMIT=180  # Seconds for one step. Emulation on a busy machine is slow.
GUEST=10.0.2.20

XEN_ARCH=${3:-x86_64}
case $XEN_ARCH in
  x86_64) XEN_HOST=xen_host XEN_QEMU=qemu-system-x86_64 ;;
  arm64) XEN_HOST=xen_arm/arm64 XEN_QEMU=qemu-system-aarch64 ;;
  armv7) XEN_HOST=xen_arm/armv7 XEN_QEMU=qemu-system-arm ;;
esac
if [ -d "$PWD/external/${XEN_HOST%/*}" ]; then XEN_HOST=$PWD/external/$XEN_HOST; else XEN_HOST=${TEST_SRCDIR:-..}/$XEN_HOST; fi
if ! command -v "$XEN_QEMU" >/dev/null || ! command -v cpio >/dev/null; then
  echo "SKIPPED: this needs $XEN_QEMU and cpio (./safeos setup installs them)"
  exit 0
fi
if [ ! -e "$XEN_HOST/base.cpio" ]; then
  echo "SKIPPED: the packages of Xen are not there (./safeos setup fetches them)"
  exit 0
fi

# guest_image APP: its image for guests here. can_save: whether they can be saved and restored; Xen cannot on ARM.
guest_image() { echo "$RUNFILES/apps/$1/xen_$XEN_ARCH"; }
can_save() { [ "$XEN_ARCH" = x86_64 ]; }

ip link set lo up
XEN_PID=
xen_cleanup() {
  local result=$?
  if [ -n "$XEN_PID" ]; then
    kill -KILL "$XEN_PID" 2>/dev/null
    wait "$XEN_PID" 2>/dev/null
  fi
  if [ "$result" -ne 0 ] && [ -f "$WORK/machine/xen.log" ]; then
    echo "the last lines of Xen, dom0 and the guests:"
    tail -n 60 "$WORK/machine/xen.log" | tr -d '\r'
  fi
  cleanup
}
trap xen_cleanup EXIT

# xen_boot [--disk FILE]...: starts the machine and waits for dom0. The disks are /dev/vda, /dev/vdb ... there.
xen_boot() {
  if ! ip link show tap0 >/dev/null 2>&1; then
    ip tuntap add tap0 mode tap vnet_hdr
    ip addr add 10.0.2.2/24 dev tap0
    ip addr add 2001:db8::1/64 dev tap0 nodad
    ip link set tap0 up
  fi
  mkdir -p "$WORK/machine"
  local begun=$SECONDS i
  "$XEN_START" --arch "$XEN_ARCH" --net tap,ifname=tap0,script=no,downscript=no "$@" "$XEN_HOST" "$WORK/machine" \
    >"$WORK/machine/qemu.out" 2>&1 &
  XEN_PID=$!
  for i in $(seq $((XEN_LIMIT * 4))); do
    if grep -q 'dom0: ready' "$WORK/machine/xen.log" 2>/dev/null && dom0 true 2>/dev/null; then
      echo "Xen and dom0 are up after $((SECONDS - begun)) s"
      return 0
    fi
    kill -0 "$XEN_PID" 2>/dev/null || break
    sleep 0.25
  done
  echo "Xen and dom0 did not start:"
  cat "$WORK/machine/qemu.out"
  exit 1
}

# dom0 SCRIPT: runs it in dom0; prints what it printed, returns its exit code (255: dom0 does not answer).
dom0() {
  curl -sS --noproxy '*' --max-time $XEN_LIMIT -D "$WORK/dom0.head" --data-binary "$1" \
    http://10.0.2.15/cgi-bin/run || return 255
  return "$(tr -d '\r' <"$WORK/dom0.head" | sed -n 's/^X-Exit-Code: //p')"
}

# dom0_put FILE PATH: copies a file into dom0.
dom0_put() {
  curl -sS --noproxy '*' --max-time $XEN_LIMIT -D "$WORK/dom0.head" --data-binary "@$1" \
    "http://10.0.2.15/cgi-bin/put?$2" || return 255
  return "$(tr -d '\r' <"$WORK/dom0.head" | sed -n 's/^X-Exit-Code: //p')"
}

# guest_config NAME IMAGE MEMORY COMMAND_LINE [DISK]...: the image is a file of dom0. A disk is a device of
# dom0 with what follows it in xl's syntax: vda,xvda,w. Without GUEST_NO_CARD there is a network card. These ARM
# processors have no generator of random numbers, so guests get a seed without GUEST_NO_SEED.
guest_config() {
  local name="$1" image="$2" memory="$3" line="$4" disks= disk
  shift 4
  [ "$XEN_ARCH" = x86_64 ] || [ -n "${GUEST_NO_SEED:-}" ] || line="seed=$(head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n') $line"
  for disk in "$@"; do disks="$disks\"phy:/dev/$disk\","; done
  {
    printf 'name = "%s"\ntype = "pvh"\nkernel = "%s"\nmemory = %s\nvcpus = 1\n' "$name" "$image" "$memory"
    printf 'extra = "%s"\n' "$line"
    [ -n "${GUEST_NO_CARD:-}" ] || printf 'vif = ["bridge=br0,mac=00:16:3e:00:00:%02x"]\n' "${GUEST_CARD:-1}"
    [ -z "$disks" ] || printf 'disk = [%s]\n' "${disks%,}"
    printf 'on_poweroff = "destroy"\non_reboot = "restart"\non_crash = "destroy"\n'
  } >"$WORK/$name.cfg"
  dom0_put "$WORK/$name.cfg" "/guest/$name.cfg"
}

# guest_create NAME: starts it by its configuration. Its console so far is forgotten. xl stays behind it, as
# it does on a real host, so that on_poweroff and the rest are done.
guest_create() { dom0 "rm -f /var/log/xen/console/guest-$1.log; xl create /guest/$1.cfg"; }

guest_console() { dom0 "cat /var/log/xen/console/guest-$1.log" | tr -d '\r'; }

# from_console NAME TEXT FILE: what the guest wrote between the marks of that text.
from_console() { guest_console "$1" | sed -n "/^-----BEGIN $2-----$/,/^-----END $2-----$/{//!p}" >"$3"; }

# guest_says NAME REGEX [COUNT [SECONDS]]: waits until its console has that many such lines.
guest_says() {
  local name="$1" regex="$2" count="${3:-1}" limit="${4:-90}"
  CHECKS=$((CHECKS + 1))
  dom0 "i=0; while [ \$i -lt $((limit * 2)) ]; do
      n=\$(grep -cE '$regex' /var/log/xen/console/guest-$name.log 2>/dev/null)
      [ \"\${n:-0}\" -lt $count ] || exit 0
      usleep 500000; i=\$((i + 1))
    done; exit 1" && return 0
  fail "$name says: $regex"
  guest_console "$name" | tail -40 | sed 's/^/  | /'
  return 1
}

# guest_ends NAME [SECONDS]: waits until there is no such guest.
guest_ends() {
  CHECKS=$((CHECKS + 1))
  dom0 "i=0; while xl domid $1 >/dev/null 2>&1; do
      [ \$i -lt $((${2:-90} * 2)) ] || exit 1
      usleep 500000; i=\$((i + 1))
    done" && return 0
  fail "$1 ends"
  dom0 "xl list; cat /var/log/xen/xl-$1.log" | sed 's/^/  | /'
  return 1
}

# fetch ARGUMENT...: curl, patiently.
fetch() { curl -sS --noproxy '*' --max-time 60 --retry 20 --retry-delay 1 --retry-connrefused "$@" 2>&1; }
