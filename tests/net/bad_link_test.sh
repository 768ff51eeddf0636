#!/bin/bash
# Clone, push and merge over a link that loses, delays and reorders: everything arrives, and is the same.
# Arguments: stored over taps, storectl, the emulator, then LOSS:DELAY_MS:BYTES for each link.

. tests/net/lib.sh
shift 3
cd "$WORK" || exit 1
SEED=${SEED:-$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')}
echo "SEED=$SEED"
linux_usual ""
make_there
linux_usual there
# There, a switch between stored's device and the far end of the link.
there ip link add br0 type bridge
there ip tuntap add tap0 mode tap vnet_hdr
there ip tuntap add far mode tap
ip tuntap add near mode tap
for device in tap0 far; do
  there ip link set "$device" master br0 up
done
there ip link set br0 up
here_up near

for cell in "$@"; do
  IFS=: read -r loss delay bytes <<<"$cell"
  link_up --seed "$SEED" --loss "$loss" --delay "$delay" --reorder 1 --reorder-by 5 --duplicate 0.1
  rm -f "$DATA"*
  tap_serve there 192.0.2.10 --ip "$PREFIX4.10/24"
  begun=$SECONDS
  round "loss$loss-delay$delay" "$bytes"
  echo "loss $loss %, delay $delay ms, $bytes bytes: $((SECONDS - begun)) s"
  server_stop
  link_down
  grep 'A to B\|B to A' "$WORK/emulator.err"
done
finish
