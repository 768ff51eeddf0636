#!/bin/bash
# Tools that network people use, against our own TCP/IP: ping, nmap, hping3, scapy, and a DHCP server and a router
# that are not ours. Arguments: stored over taps, storectl, the emulator, hello over taps.

. tests/net/lib.sh
HELLO=$(runfile "$4")
TESTS="$PWD/tests/net"
cd "$WORK" || exit 1
linux_usual ""

# has NAME PROGRAM: whether the program is here; says so when not.
has() {
  command -v "$2" >/dev/null || [ -x "/usr/sbin/$2" ] || {
    echo "SKIPPED $1: $2 is not installed; ./safeos setup installs it"
    return 1
  }
}
metric() { sed -n "s/^safeos_$1 //p" "$BODY"; }

# hello_up [settings]: hello on a fresh tap0, which has our addresses of the Linux host.
hello_up() {
  ip tuntap add tap0 mode tap vnet_hdr
  here_up tap0
  "$HELLO" --tap tap0 "$@" --listen "${LISTEN:-0.0.0.0:80}" >"$WORK/hello" 2>&1 &
  HELLO_PID=$!
  NET_PIDS+=("$HELLO_PID")
}
hello_down() {
  kill -TERM "$HELLO_PID"
  wait "$HELLO_PID"
  same "$1: hello ends well" $? 0
  ip link del tap0
}
hello_says() { same "$1" "$(curl -sS --noproxy '*' --max-time 20 "http://$2/" 2>&1)" hello; }

# --- ping, also in fragments, and what must not be answered ------------------------------------
ip tuntap add tap0 mode tap vnet_hdr
here_up tap0
tap_serve "" 192.0.2.10 --ip "$PREFIX4.10/24" --ip "${PREFIX6}10/64"
for host in 192.0.2.10 2001:db8::10; do
  for size in 0 1 56 1452 1473 8000 65000; do
    holds "ping $host with $size bytes" ping -n -q -c 2 -i 0.2 -W 5 -s "$size" "$host"
  done
done
holds "no answer to a ping of a broadcast address" sh -c '! ping -n -q -b -c 1 -W 1 192.0.2.255'

# --- nmap: what is open is open, what is closed is closed; guessing our system hurts nobody -----
if has nmap nmap; then
  run 0 timeout 250 nmap -n -Pn -O --max-retries 2 -p 8440-8450 192.0.2.10
  says "nmap finds the port" '^8443/tcp +open'
  says "nmap finds the others closed" '10 closed|^8442/tcp +closed'
  run 0 timeout 120 nmap -n -Pn -sU --max-retries 1 -p 7-9 192.0.2.10
  says "closed UDP ports are told" 'closed'
  run 0 timeout 250 nmap -6 -n -Pn -O --max-retries 2 -p 8440-8450 2001:db8::10
fi

# --- hping3: a flood of SYNs, while a client is served -------------------------------------------
if has hping3 hping3; then
  timeout 5 hping3 -q -S -p 8443 --flood --rand-source 192.0.2.10 >/dev/null 2>&1 &
  flood=$!
  sleep 1
  raw GET /healthz --max-time 30
  want "served during a flood of SYNs" 200
  wait "$flood"
  req GET /metrics
  [ "$(metric tcp_cookies_sent_total)" -gt 0 ] || fail "cookies were sent" "$(metric tcp_cookies_sent_total)"
  CHECKS=$((CHECKS + 1))
fi

# --- scapy: packets that no Linux sends -----------------------------------------------------------
if /usr/bin/python3 -c 'import scapy' 2>/dev/null; then
  run 0 timeout 120 /usr/bin/python3 "$TESTS/bad_packets.py" tap0 192.0.2.10 8443
  sed 's/^/  /' "$OUT"
  req GET /metrics
  want "served after bad packets" 200
  for counter in net_ip4_rx_header net_ip4_rx_checksum tcp_drop_malformed tcp_drop_checksum \
    net_ip4_rx_fragments net_icmp_rx_checksum udp_rx_checksum net_reassembly_overlap; do
    CHECKS=$((CHECKS + 1))
    [ "$(metric ${counter}_total)" -gt 0 ] || fail "$counter is counted" "$(grep "$counter" "$BODY" | tail -1)"
  done

  run 0 timeout 120 /usr/bin/python3 "$TESTS/bad_packets6.py" tap0 2001:db8::10 8443
  sed 's/^/  /' "$OUT"
  req GET /metrics
  want "served after bad IPv6 packets" 200
  for counter in net_ip6_malformed net_ip6_extension_faults net_ip6_icmp_checksum net_ndp_invalid; do
    CHECKS=$((CHECKS + 1))
    [ "$(metric ${counter}_total)" -gt 0 ] ||
      fail "$counter is counted" "$(grep "$counter" "$BODY" | tail -1)"
  done
else
  echo "SKIPPED scapy: it is not installed; ./safeos setup installs it"
fi
server_stop
same "the server ends well after all that" "$SERVER_STATUS" 0
ip link del tap0

# --- DHCP from dnsmasq ----------------------------------------------------------------------------
if has DHCP dnsmasq; then
  hello_up --ip dhcp --net "hostname=tess"
  dnsmasq --no-daemon --conf-file=/dev/null --port=0 --interface=tap0 --bind-interfaces --dhcp-authoritative \
    --dhcp-range=192.0.2.100,192.0.2.110,2m --dhcp-leasefile="$WORK/leases" --log-dhcp --pid-file= \
    --user=root >"$WORK/dnsmasq" 2>&1 &
  NET_PIDS+=($!)
  dhcp=$!
  await_line "$WORK/hello" 'has 192.0.2.1' "$HELLO_PID"
  leased=$(sed -n 's/.* has //p' "$WORK/hello")
  hello_says "hello on the leased address" "$leased"
  holds "dnsmasq has the lease, with our name" grep -q "$leased tess" "$WORK/leases"
  hello_down DHCP
  sleep 0.5
  holds "the lease was given back" grep -q DHCPRELEASE "$WORK/dnsmasq"
  kill "$dhcp"
fi

# --- addresses that radvd announces ---------------------------------------------------------------
if has "router advertisements" radvd; then
  printf '%s\n' 'interface tap0 {' ' AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4;' \
    ' prefix 2001:db8::/64 { AdvOnLink on; AdvAutonomous on; };' '};' >radvd.conf
  hello_up --net "ipv6=on"
  sysctl -qw net.ipv6.conf.all.forwarding=1
  radvd -n -C radvd.conf -p "$WORK/radvd.pid" -m stderr >"$WORK/radvd" 2>&1 &
  NET_PIDS+=($!)
  await_line "$WORK/hello" 'has 2001:db8:' "$HELLO_PID"
  address=$(sed -n 's/.* has //p' "$WORK/hello")
  echo "radvd's prefix gave $address"
  holds "a ping of the address made from the prefix" ping -n -q -c 2 -W 5 "$address"
  hello_down radvd
fi
finish
