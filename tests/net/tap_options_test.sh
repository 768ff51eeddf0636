#!/bin/bash
# What a program on a tap device says when its options are wrong, the device is not there or not to be had, or no
# address is: an exit code of its own, and what to do.
# Arguments: stored over taps, storectl, the emulator, hello over taps.

. tests/net/lib.sh
HELLO=$(runfile "$4")
cd "$WORK" || exit 1
linux_usual ""

# Nobody announces an address here; that takes 30 seconds to be said.
"$HELLO" --tap alone >"$WORK/alone" 2>&1 &
ALONE=$!
NET_PIDS+=("$ALONE")

# --- options: exit code 2 ---------------------------------------------------------------------------
run 2 "$HELLO"
says "without a device" '^--tap NAME is missing$'
says "the options are listed" '^  --ip ADDR/LEN '
run 2 "$HELLO" --ip 192.0.2.10/24 --listen 192.0.2.10:80
says "without a device, with others" '^--tap NAME is missing$'
for option in --tap --ip --gw --dns --ntp --net; do
  run 2 "$HELLO" --tap tap9 "$option"
  says "$option at the end" "^$option wants a value\$"
done
while read -r option value word; do
  run 2 "$HELLO" --tap tap9 --ip 192.0.2.10/24 "$option" "$value"
  says "$option $value: named" "^this setting of the network is not understood: $word\$"
  says "$option $value: the settings are listed" '^  --net "SETTINGS" '
done <<'CASES'
--ip 192.0.2.300/24 ip=192.0.2.300/24
--ip 192.0.2.10 ip=192.0.2.10
--ip fe80::1/129 ip=fe80::1/129
--gw router gw=router
--dns 1.1.1.1,,2.2.2.2 dns=1.1.1.1,,2.2.2.2
--ntp a_b ntp=a_b
--net search=a;b search=a;b
--net pages=1 pages=1
--net colour=green colour=green
CASES
holds "no device was made for any of these" sh -c '! ip link show tap9'

# --- the device: exit code 5 ------------------------------------------------------------------------
run 5 "$HELLO" --tap sixteen-letters- --ip 192.0.2.10/24
says "too long a name" '^cannot open the tap device sixteen-letters-: a name has 1 to 15 characters$'
run 5 "$HELLO" --tap "" --ip 192.0.2.10/24
says "no name" ': a name has 1 to 15 characters$'
run 5 "$HELLO" --tap lo --ip 192.0.2.10/24
says "an interface that is none" '^cannot open the tap device lo: .*no tap device.*choose another name$'
run 5 "$HELLO" --tap alone --ip 192.0.2.10/24
says "one that is in use" '^cannot open the tap device alone: another process has it; end that one or choose'
run 5 unshare -m sh -c "mount -t tmpfs none /dev/net && exec '$HELLO' --tap tap9 --ip 192.0.2.10/24"
says "a kernel without tap devices" '^cannot open .*: /dev/net/tun is not there; load the kernel.s module .modprobe tun'

# Root without any capability: the owner of the device file, and no more.
plain() { setpriv --bounding-set -all --inh-caps -all --ambient-caps -all "$@"; }
run 5 plain "$HELLO" --tap tap9 --ip 192.0.2.10/24
says "without privileges" '^cannot open .*: not permitted; start it as root or with CAP_NET_ADMIN, or make the device for'
run 5 unshare -m sh -c "mount -t tmpfs none /dev/net && touch /dev/net/tun && chmod 0 /dev/net/tun &&
  exec setpriv --bounding-set -all --inh-caps -all --ambient-caps -all '$HELLO' --tap tap9 --ip 192.0.2.10/24"
says "a device file that others own" '^cannot open .*: /dev/net/tun is not open to this user; start it as root'

# What the first of these messages advises is enough.
ip tuntap add mine mode tap vnet_hdr user "$(id -u)"
here_up mine
(exec setpriv --bounding-set -all --inh-caps -all --ambient-caps -all "$HELLO" --tap mine --ip 192.0.2.10/24 --listen 192.0.2.10:80) >"$WORK/mine" 2>&1 &
NET_PIDS+=($!)
await_line "$WORK/mine" '^listening' $!
same "a device made for this user serves without privileges" \
  "$(curl -sS --noproxy '*' --max-time 20 http://192.0.2.10/ 2>&1)" hello

wait "$ALONE"
same "without an address: exit code" $? 5
cp "$WORK/alone" "$OUT"
says "without an address" '^there is no address after 30 seconds: .*name one with ip=ADDR/LEN$'
finish
