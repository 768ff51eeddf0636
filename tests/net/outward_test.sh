#!/bin/bash
# Our own TCP/IP as the client: connections out to Linux's TCP over IPv4 and IPv6, megabytes both ways, either side
# closing first, resets and refusals; names from a name server that a router announces; leases from kea.
# Arguments: stored over taps, storectl, the emulator, talk.

. tests/net/lib.sh
TALK=$(runfile "$4")
TESTS="$PWD/tests/net"
cd "$WORK" || exit 1
linux_usual ""
sysctl -qw net.ipv4.tcp_ecn=1  # Linux offers ECN, too.

has() {
  command -v "$2" >/dev/null || [ -x "/usr/sbin/$2" ] || {
    echo "SKIPPED $1: $2 is not installed; ./safeos setup installs it"
    return 1
  }
}

# talk STATUS ARGUMENT...: runs it on a fresh tap0; its output is in $WORK/talk.
talk() {
  local want="$1" status
  shift
  timeout 120 "$TALK" --tap tap0 "$@" >"$WORK/talk" 2>&1
  status=$?
  CHECKS=$((CHECKS + 1))
  [ "$status" -eq "$want" ] || fail "talk $*" "ended with $status: $(tail -3 "$WORK/talk")"
}
ours() { sed -n "s/^$1 //p" "$WORK/talk"; }
theirs() { sed -n "s/^$1 //p" "$WORK/peer" | tail -1; }

# peer ADDRESS PORT SEND HOW: a server of Linux; peer_end NAME ends it and compares what both saw.
peer() {
  /usr/bin/python3 "$TESTS/peer.py" "$@" >"$WORK/peer" 2>&1 &
  PEER=$!
  NET_PIDS+=("$PEER")
  await_line "$WORK/peer" ready "$PEER"
}
await_peer() {
  local i
  for i in $(seq 200); do
    grep -q '^sent' "$WORK/peer" && break
    sleep 0.05
  done
  kill "$PEER"
  wait "$PEER" 2>/dev/null
}

ip tuntap add tap0 mode tap vnet_hdr
here_up tap0
MINE=(--ip 192.0.2.10/24 --ip "${PREFIX6}10/64" --net 'pages=4096')

for plain in "" --tap-plain; do
  for server in 192.0.2.1 2001:db8::1; do
    at="$server"
    case "$server" in *:*) at="[$server]" ;; esac
    for closes in first last; do
      name="$server, Linux closes $closes${plain:+, plain}"
      peer "$server" 7000 6000000 "$closes"
      talk 0 $plain "${MINE[@]}" "$at:7000" 5000000
      await_peer
      same "$name: all of ours arrived" "$(theirs received)" "$(ours sent)"
      same "$name: all of theirs arrived" "$(ours received)" "$(theirs sent)"
      same "$name: it was all" "$(theirs received | cut -d' ' -f1),$(ours received | cut -d' ' -f1)" 5000000,6000000
      # Nothing is left behind in the kernel: the connection went through all states.
      same "$name: no connection stays open" "$(ss -Htn state established state close-wait state fin-wait-1 \
        sport = :7000 | wc -l)" 0
    done
  done
done

peer 192.0.2.1 7000 0 last
talk 0 "${MINE[@]}" 192.0.2.1:7000 0
await_peer
same "nothing either way" "$(ours received | cut -d' ' -f1),$(theirs received | cut -d' ' -f1)" 0,0

peer 192.0.2.1 7000 50000000 last
talk 0 "${MINE[@]}" 192.0.2.1:7000 1000 100000
await_peer
holds "we close in the middle: Linux is told" grep -q 'sending: .*\(reset\|Broken pipe\)' "$WORK/peer"

peer 192.0.2.1 7000 50000000 reset
talk 1 "${MINE[@]}" 192.0.2.1:7000 50000000
await_peer
holds "Linux resets: talk says so" grep -q '^broken: .*IO' "$WORK/talk"

for at in 192.0.2.1:7001 "[2001:db8::1]:7001"; do
  begun=$SECONDS
  talk 1 "${MINE[@]}" "$at" 10
  holds "$at: refused" grep -q '^no connection: IO' "$WORK/talk"
  [ $((SECONDS - begun)) -lt 15 ] || fail "$at: a refusal is known at once" "$((SECONDS - begun)) s"
done
talk 1 "${MINE[@]}" 192.0.2.99:7000 10
holds "nobody there: told" grep -q '^no connection: ' "$WORK/talk"

# --- names from a name server that radvd announces --------------------------------------------------
if has "name servers of routers" radvd && has "name servers of routers" dnsmasq; then
  printf '%s\n' 'interface tap0 {' ' AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4;' \
    ' prefix 2001:db8::/64 { AdvOnLink on; AdvAutonomous on; };' ' RDNSS 2001:db8::1 { AdvRDNSSLifetime 60; };' \
    ' DNSSL none.test example { AdvDNSSLLifetime 60; };' '};' >radvd.conf
  /usr/sbin/dnsmasq --no-daemon --conf-file=/dev/null --interface=tap0 --bind-interfaces --no-resolv --no-hosts \
    --local=/test/ --local=/example/ --address=/www.example/192.0.2.77 --address=/six.example/2001:db8::77 --log-queries --pid-file= \
    --user=root >"$WORK/dnsmasq" 2>&1 &
  DNSMASQ=$!
  NET_PIDS+=("$DNSMASQ")
  await_line "$WORK/dnsmasq" started "$DNSMASQ"
  sysctl -qw net.ipv6.conf.all.forwarding=1
  radvd -n -C radvd.conf -p "$WORK/radvd.pid" -m stderr >"$WORK/radvd" 2>&1 &
  RADVD=$!
  NET_PIDS+=("$RADVD")
  talk 0 resolve www.example
  holds "an address from the announced name server" grep -qx 'www.example is 192.0.2.77' "$WORK/talk"
  talk 0 resolve six.example
  holds "and one of IPv6" grep -qx 'six.example is 2001:db8::77' "$WORK/talk"
  talk 1 resolve none.test
  holds "a name that is not: told" grep -q '^none.test: ' "$WORK/talk"
  talk 0 resolve six
  holds "a short name ends in a domain that the router announced" grep -qx 'six is 2001:db8::77' "$WORK/talk"
  holds "the first domain of the list was asked first" grep -qi 'query\[A\] six.none.test from' "$WORK/dnsmasq"
  holds "the list is told at start" grep -qx \
    'names are looked up at 2001:db8::1; short ones end in none.test, example' "$WORK/talk"
  talk 1 resolve six.www
  holds "a name with a dot is not lengthened" sh -c "! grep -qi 'six.www.example' '$WORK/dnsmasq'"
  talk 1 --net search=off resolve six
  talk 0 --net search=example resolve www
  holds "it was asked over IPv6" grep -qi 'query\[A\] www.example from 2001:db8:' "$WORK/dnsmasq"
  kill "$DNSMASQ" "$RADVD"
  wait "$DNSMASQ" "$RADVD" 2>/dev/null
fi

# --- a search list of dnsmasq's leases ------------------------------------------------------------------
if has "search lists of dnsmasq" dnsmasq; then
  /usr/sbin/dnsmasq --no-daemon --conf-file=/dev/null --interface=tap0 --bind-interfaces --no-resolv --no-hosts \
    --local=/test/ --local=/example.org/ --address=/www.eng.example.org/192.0.2.77 --dhcp-authoritative \
    --dhcp-range=192.0.2.100,192.0.2.110,2m --dhcp-option=option:domain-search,none.test,sales.example.org,eng.example.org \
    --dhcp-leasefile="$WORK/leases" --pid-file= --log-queries --user=root >"$WORK/dnsmasq" 2>&1 &
  DNSMASQ=$!
  NET_PIDS+=("$DNSMASQ")
  await_line "$WORK/dnsmasq" started "$DNSMASQ"
  talk 0 --ip dhcp resolve www
  holds "option 119: a short name is found in the last domain" grep -qx 'www is 192.0.2.77' "$WORK/talk"
  holds "option 119: the list is told at start" grep -qx \
    'names are looked up at 192.0.2.1; short ones end in none.test, sales.example.org, eng.example.org' "$WORK/talk"
  kill "$DNSMASQ"
  wait "$DNSMASQ" 2>/dev/null
fi

# --- a lease from kea ---------------------------------------------------------------------------------
if has "leases of kea" kea-dhcp4; then
  # More than the 255 bytes of one option (RFC 3396).
  domains=
  for letter in a b c d e; do
    domains+="$(printf "$letter%.0s" $(seq 60)).example, "
  done
  cat >kea.json <<KEA
{ "Dhcp4": {
  "interfaces-config": { "interfaces": [ "tap0" ], "service-sockets-max-retries": 100,
    "service-sockets-retry-wait-time": 200 },
  "lease-database": { "type": "memfile", "persist": true, "name": "$WORK/kea.leases" },
  "valid-lifetime": 120,
  "option-data": [
    { "name": "domain-name-servers", "data": "192.0.2.1" },
    { "name": "routers", "data": "192.0.2.1" },
    { "name": "domain-search", "data": "${domains}kea.example" },
    { "code": 121, "space": "dhcp4", "csv-format": false, "data": "18C63364C0000201" } ],
  "option-def": [ { "name": "classless", "code": 121, "type": "binary", "space": "dhcp4" } ],
  "subnet4": [ { "subnet": "192.0.2.0/24", "pools": [ { "pool": "192.0.2.100 - 192.0.2.110" } ] } ],
  "loggers": [ { "name": "kea-dhcp4", "severity": "INFO", "output_options": [ { "output": "stdout" } ] } ]
} }
KEA
  KEA_PIDFILE_DIR=$WORK KEA_LOCKFILE_DIR=none kea-dhcp4 -c kea.json >"$WORK/kea" 2>&1 &
  KEA=$!
  NET_PIDS+=("$KEA")
  await_line "$WORK/kea" DHCP4_STARTED "$KEA"
  peer 192.0.2.1 7000 1000000 last
  talk 0 --ip dhcp --net hostname=tess 192.0.2.1:7000 1000000
  await_peer
  same "with a lease of kea: all of ours arrived" "$(theirs received)" "$(ours sent)"
  leased=$(sed -n 's/.* has \(192.0.2.1[01].\)$/\1/p' "$WORK/talk")
  holds "kea knows the lease, and our name" grep -q "^$leased,.*tess" "$WORK/kea.leases"
  holds "all six domains of a long search list" grep -q \
    "short ones end in aaa.*, bbb.*, ccc.*, ddd.*, eee.*, kea.example\$" "$WORK/talk"
  holds "it was given back" grep -q DHCP4_RELEASE "$WORK/kea"
  kill "$KEA"
  wait "$KEA" 2>/dev/null
fi
finish
