#!/bin/bash
# The other programs over our own TCP/IP on a tap device, asked by tools that are not ours: dig and curl.
# Arguments: stored over taps, storectl, the emulator; hello, nameserver and website over taps.

. tests/net/lib.sh
HELLO=$(runfile "$4")
NAMESERVER=$(runfile "$5")
WEBSITE=$(runfile "$6")
cd "$WORK" || exit 1
linux_usual ""

# app_up REGEX PROGRAM ARGUMENT...: starts it on a fresh tap0 and waits for a line of its output.
app_up() {
  local ready="$1" program="$2"
  shift 2
  ip tuntap add tap0 mode tap vnet_hdr
  here_up tap0
  : >"$WORK/app"
  "$program" --tap tap0 --ip "$PREFIX4.10/24" --ip "${PREFIX6}10/64" "$@" >"$WORK/app" 2>&1 &
  APP_PID=$!
  NET_PIDS+=("$APP_PID")
  await_line "$WORK/app" "$ready" "$APP_PID"
}
app_down() {
  kill -TERM "$APP_PID"
  wait "$APP_PID"
  same "$1 ends well" $? 0
  ip link del tap0
}
fetch() { curl -sS --noproxy '*' --max-time 20 "$@" 2>&1; }

app_up 'has ' "$HELLO" --listen 0.0.0.0:80
same "hello answers" "$(fetch --retry 5 --retry-connrefused http://192.0.2.10/)" hello
app_down hello

mkdir site
seq 1 20000 >site/numbers.txt
app_up '^listening ' "$WEBSITE" --root site --listen 192.0.2.10:443 --cert site.pem --key site.key --quiet
fetch --cacert site.pem --resolve localhost:443:192.0.2.10 https://localhost/numbers.txt >got
same_files "website serves a file over HTTPS" got site/numbers.txt
app_down website

if command -v dig >/dev/null; then
  printf '%s\n' '$TTL 60' '@ IN SOA ns hostmaster 1 60 60 60 60' '@ IN NS ns' 'ns IN A 192.0.2.10' \
    'www IN A 192.0.2.77' 'www IN AAAA 2001:db8::77' >zone
  app_up '^listening ' "$NAMESERVER" --zone example.org=zone --listen 192.0.2.10:53 --listen '[2001:db8::10]:53'
  ask() { dig +short +tries=2 +time=5 "$@" 2>&1; }
  same "dig over UDP and IPv4" "$(ask @192.0.2.10 www.example.org A)" 192.0.2.77
  same "dig over TCP and IPv4" "$(ask +tcp @192.0.2.10 www.example.org AAAA)" 2001:db8::77
  same "dig over UDP and IPv6" "$(ask @2001:db8::10 www.example.org A)" 192.0.2.77
  app_down nameserver
else
  echo "SKIPPED nameserver: dig is not installed"
fi
finish
