#!/bin/bash
# Clone, push and merge over our own TCP/IP, from Linux: storectl and curl on one side of a tap device, stored
# on the other; over IPv4 and IPv6. Arguments: stored over taps, storectl, the emulator.

. tests/net/lib.sh
cd "$WORK" || exit 1
linux_usual ""
ip tuntap add tap0 mode tap vnet_hdr
here_up tap0

for host in 192.0.2.10 2001:db8::10; do
  rm -f "$DATA"*
  tap_serve "" "$host" --ip "$PREFIX4.10/24" --ip "${PREFIX6}10/64"
  name=over${host%%[.:]*}
  round "$name" 20000000
  req GET /metrics
  want "$name: metrics" 200
  holds "$name: every segment is counted" grep -qE '^safeos_tcp_segments_in_total [1-9][0-9]{2}' "$BODY"
  holds "$name: so is what was dropped" grep -qE '^safeos_tcp_drop_checksum_total 0$' "$BODY"
  server_stop
  same "$name: the server ends well" "$SERVER_STATUS" 0
done

# Without offloads every frame is one of at most the MTU, with whole checksums.
rm -f "$DATA"*
tap_serve "" 192.0.2.10 --tap-plain --ip "$PREFIX4.10/24"
round plain 5000000
server_stop
same "plain: the server ends well" "$SERVER_STATUS" 0
finish
