#!/bin/bash
# The wall clock set over our own network: by chronyd, which is named by address, by name and by a DHCP lease, and
# by servers that answer wrongly. Our programs run with a clock that is a week late.
# Arguments: stored over taps, storectl, the emulator, hello over taps.

. tests/net/lib.sh
HELLO=$(runfile "$4")
TESTS="$PWD/tests/net"
cd "$WORK" || exit 1
linux_usual ""
ip tuntap add tap0 mode tap vnet_hdr
here_up tap0

FAKETIME_SO=$(echo /usr/lib/*/faketime/libfaketime.so.1)
if [ ! -f "$FAKETIME_SO" ]; then
  echo "SKIPPED: faketime is not installed; ./safeos setup installs it"
  exit 0
fi
late() { exec env "LD_PRELOAD=$FAKETIME_SO" FAKETIME=-7d FAKETIME_DONT_FAKE_MONOTONIC=1 "$@"; }

# hello_up [settings]: hello, a week late, on tap0; waits until it listens.
hello_up() {
  : >"$WORK/hello"
  (late "$HELLO" --tap tap0 "$@" --listen 0.0.0.0:80) >"$WORK/hello" 2>&1 &
  HELLO_PID=$!
  NET_PIDS+=("$HELLO_PID")
  await_line "$WORK/hello" '^listening' "$HELLO_PID"
}
hello_down() {
  local begun=$SECONDS
  kill -TERM "$HELLO_PID"
  wait "$HELLO_PID"
  same "$1: hello ends well" $? 0
  [ $((SECONDS - begun)) -le 8 ] || fail "$1: hello took long to end" "$((SECONDS - begun)) s"
}
# clock_is NAME HOST SECONDS: the Date of an answer is so far from this machine's clock, give or take 5 s.
clock_is() {
  local date
  date=$(curl -sSI -g --noproxy '*' --max-time 20 "http://$2/" | sed -n 's/^[Dd]ate: //p' | tr -d '\r')
  CHECKS=$((CHECKS + 1))
  local off=$(($(date -d "$date" +%s) - $(date +%s) - $3))
  [ "${off#-}" -le 5 ] || fail "$1" "the date is $date, $off s from what it should be"
}

hello_up --ip 192.0.2.10/24
clock_is "without time servers the clock is the platform's" 192.0.2.10 -604800
hello_down "no servers"

# --- chronyd, which serves this machine's clock and does not touch it -------------------------------
if command -v chronyd >/dev/null || [ -x /usr/sbin/chronyd ]; then
  printf '%s\n' 'local stratum 5' 'allow' 'cmdport 0' "pidfile $WORK/chronyd.pid" >chrony.conf
  /usr/sbin/chronyd -d -x -u root -f "$WORK/chrony.conf" >"$WORK/chronyd" 2>&1 &
  NET_PIDS+=($!)
  CHRONYD=$!
  await_line "$WORK/chronyd" 'starting' "$CHRONYD"

  for server in 192.0.2.1 2001:db8::1; do
    hello_up --ip 192.0.2.10/24 --ip 2001:db8::10/64 --ntp "$server"
    holds "$server: told that the clock is set" grep -q 'time server (stratum 5): +60479[0-9]\|(stratum 5): +60480' \
      "$WORK/hello"
    clock_is "$server: chronyd set the clock" 192.0.2.10 0
    hello_down "$server"
  done

  if command -v dnsmasq >/dev/null || [ -x /usr/sbin/dnsmasq ]; then
    /usr/sbin/dnsmasq --no-daemon --conf-file=/dev/null --interface=tap0 --bind-interfaces --no-resolv --no-hosts \
      --address=/time.example/192.0.2.1 --dhcp-authoritative --dhcp-range=192.0.2.100,192.0.2.110,2m \
      --dhcp-option=42,192.0.2.1 --dhcp-leasefile="$WORK/leases" --pid-file= --user=root >"$WORK/dnsmasq" 2>&1 &
    NET_PIDS+=($!)
    await_line "$WORK/dnsmasq" 'started' $!
    hello_up --ip 192.0.2.10/24 --dns 192.0.2.1 --ntp time.example
    clock_is "by name: chronyd set the clock" 192.0.2.10 0
    hello_down "by name"
    hello_up --ip dhcp
    leased=$(sed -n 's/.* has //p' "$WORK/hello")
    clock_is "by the lease: chronyd set the clock" "$leased" 0
    hello_down "by the lease"
    hello_up --ip dhcp --ntp off
    leased=$(sed -n 's/.* has //p' "$WORK/hello")
    clock_is "ntp=off: nobody is asked" "$leased" -604800
    hello_down "ntp=off"
  else
    echo "SKIPPED names and leases: dnsmasq is not installed; ./safeos setup installs it"
  fi

  # What certificates and commits say is this clock's.
  STORED_REAL=$STORED
  { echo '#!/bin/bash' && declare -p FAKETIME_SO && declare -f late && echo "late '$STORED_REAL' \"\$@\""; } >late-stored
  chmod +x late-stored
  STORED=$WORK/late-stored
  tap_serve "" 192.0.2.10 --ip 192.0.2.10/24 --ntp 192.0.2.1
  begins=$(openssl x509 -in "$DATA.crt" -noout -startdate | sed 's/.*=//')
  age=$(($(date +%s) - $(date -d "$begins" +%s)))
  CHECKS=$((CHECKS + 1))
  [ "$age" -lt 400000 ] || fail "the certificate begins by the clock that was set" "$begins"
  req GET /metrics
  holds "accepted answers are counted" grep -q '^safeos_sntp_accepted_total [1-9]' "$BODY"
  holds "so is the step" grep -q '^safeos_clock_steps_total 1$' "$BODY"
  holds "and the server's stratum is told" grep -q '^safeos_clock_stratum 5$' "$BODY"
  server_stop
  kill "$CHRONYD"
  wait "$CHRONYD" 2>/dev/null
else
  echo "SKIPPED chronyd: it is not installed"
  STORED_REAL=$STORED
fi

# --- servers that answer wrongly ---------------------------------------------------------------------
STORED=$STORED_REAL
while read -r how counter; do
  /usr/bin/python3 "$TESTS/bad_time.py" 192.0.2.1 "$how" >"$WORK/bad" 2>&1 &
  BAD=$!
  NET_PIDS+=("$BAD")
  await_line "$WORK/bad" ready "$BAD"
  rm -f "$DATA"*
  tap_serve "" 192.0.2.10 --ip 192.0.2.10/24 --ntp 192.0.2.1
  req GET /metrics
  holds "$how: counted as $counter" grep -q "^safeos_${counter}_total [1-9]" "$BODY"
  holds "$how: sets nothing" grep -q '^safeos_clock_set 0$' "$BODY"
  server_stop
  kill "$BAD"
  wait "$BAD" 2>/dev/null
done <<'CASES'
kiss sntp_kisses
origin sntp_bad_origin
stratum sntp_unsynchronised
leap sntp_unsynchronised
mode sntp_bad_mode
old clock_refused
stray sntp_stray
short sntp_malformed
CASES
finish
