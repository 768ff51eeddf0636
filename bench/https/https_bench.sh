#!/bin/bash
# Requests per second over kept-alive TLS 1.3 connections: website and stored, over host sockets and
# over our own TCP/IP on a tap device, against nginx with the same bytes over loopback. One core
# each, in turns. Prints ratios of the medians, and of the CPU times.
# usage: https_bench.sh WEBSITE STORED WEBSITE_TAP STORED_TAP [ROUNDS [SECONDS [SIDES]]]
# FILES and CONNECTIONS in the environment choose others than all three, and 16.
set -euo pipefail

if [[ -z ${BENCH_INSIDE-} ]]; then
  unshare -n true 2>/dev/null && [[ -c /dev/net/tun ]] || {
    echo "this needs network namespaces and tap devices (root)"
    exit 1
  }
  programs=()
  for p in "${@:1:4}"; do programs+=("$(realpath "$p")"); done
  BENCH_INSIDE=1 exec unshare -n "$BASH" "$0" "${programs[@]}" "${@:5}"
fi
declare -A program=([website]=$1 [stored]=$2 [website_tap]=$3 [stored_tap]=$4)
rounds=${5-5} seconds=${6-2}
read -ra sides <<<"${7-website stored website_tap stored_tap}"
for tool in curl wrk nginx openssl taskset; do
  command -v "$tool" >/dev/null || { echo "missing: $tool"; exit 1; }
done
work=$(mktemp -d /tmp/https_bench.XXXXXX)
pids=()
finish() {
  local p
  for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT
cd "$work"
ip link set lo up
mkdir site logs
head -c 768 /dev/urandom | base64 -w 0 >site/small.html  # 1 KiB
head -c 12288 /dev/urandom | base64 -w 0 >site/page.html  # 16 KiB
head -c 196608 /dev/urandom | base64 -w 0 >site/large.html  # 256 KiB
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem \
  -out cert.pem -days 2 -subj /CN=bench -addext subjectAltName=IP:127.0.0.1 2>/dev/null

# Of each side: where it serves the files, its process, and the header that its requests carry.
declare -A url pid header

cat >nginx.conf <<TEXT
user root; daemon off; worker_processes 1; pid $work/nginx.pid; error_log $work/logs/error.log;
events { worker_connections 1024; }
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; keepalive_timeout 60s;
  open_file_cache max=1000; open_file_cache_valid 1s;
  types { text/html html; } client_body_temp_path logs/b; proxy_temp_path logs/p;
  fastcgi_temp_path logs/f; uwsgi_temp_path logs/u; scgi_temp_path logs/s;
  server {
    listen 127.0.0.1:443 ssl; root $work/site; etag on;
    ssl_certificate $work/cert.pem; ssl_certificate_key $work/key.pem; ssl_protocols TLSv1.3;
    ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
  }
}
TEXT
taskset -c 0 nginx -p "$work" -c "$work/nginx.conf" &
pids+=($!)
url[nginx]=https://127.0.0.1 header[nginx]="X-None: 1"

# start SIDE ARGUMENTS...: waits until it listens; sets its pid.
start() {
  taskset -c 0 "${program[$1]}" "${@:2}" >"$1.log" 2>&1 &
  pid[$1]=$!
  pids+=($!)
  for _ in $(seq 100); do grep -q ^listening "$1.log" && return; sleep 0.1; done
  cat "$1.log"
  exit 1
}
# tap SIDE N: makes its device, and sets TAP to its options and HOST to its address.
tap() {
  HOST=192.0.$2.10
  ip tuntap add "tap$2" mode tap vnet_hdr
  ip addr add "192.0.$2.1/24" dev "tap$2"
  ip link set "tap$2" up
  TAP=(--tap "tap$2" --ip "$HOST/24")
}
serve_website() {  # SIDE HOST OPTIONS...
  start "$1" "${@:3}" --root site --cert cert.pem --key key.pem --listen "$2:8443" --quiet
  url[$1]=https://$2:8443 header[$1]="X-None: 1"
}
serve_stored() {
  local f
  start "$1" "${@:3}" --data "$1.db" --init --listen "$2:8444" --name "$2" --quiet
  header[$1]="Authorization: Bearer $(cat "$1.db.token")"
  url[$1]=https://$2:8444/v1/repos/site/tree/main
  local ask=(curl -sSf -o /dev/null --noproxy '*' --cacert "$1.db.crt" -H "${header[$1]}")
  "${ask[@]}" -X PUT "https://$2:8444/v1/repos/site"
  for f in small page large; do "${ask[@]}" -T "site/$f.html" "${url[$1]}/$f.html"; done
}
for side in "${sides[@]}"; do
  case $side in
    website) serve_website website 127.0.0.1 ;;
    stored) serve_stored stored 127.0.0.1 ;;
    website_tap) tap website_tap 2 && serve_website website_tap "$HOST" "${TAP[@]}" ;;
    stored_tap) tap stored_tap 3 && serve_stored stored_tap "$HOST" "${TAP[@]}" ;;
    *) echo "there is no side '$side'"; exit 1 ;;
  esac
done
for _ in $(seq 50); do [[ -s nginx.pid ]] && break; sleep 0.1; done
pid[nginx]=$(pgrep -P "$(cat nginx.pid)" | head -n 1)

# ticks PID: CPU time in hundredths of a second.
ticks() { awk '{print $14 + $15}' "/proc/$1/stat"; }

# round SIDE FILE: prints requests a second, and CPU microseconds a request.
round() {
  local before after out count rate
  before=$(ticks "${pid[$1]}")
  out=$(taskset -c 1 wrk -t 1 -c "${CONNECTIONS:-16}" -d "${seconds}s" -H "${header[$1]}" \
    "${url[$1]}/$2")
  after=$(ticks "${pid[$1]}")
  grep -q 'Non-2xx\|Socket errors' <<<"$out" && { echo "$1: $out" >&2; exit 1; }
  count=$(awk '/requests in/ {print $1}' <<<"$out")
  rate=$(awk '/^Requests\/sec/ {print $2}' <<<"$out")
  awk -v r="$rate" -v n="$count" -v t=$((after - before)) \
    'BEGIN {printf "%.0f %.2f\n", r, t * 10000 / n}'
}
median() { sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }

printf '%-12s %-12s %12s %7s %14s %7s\n' file side requests/s ratio 'CPU us each' ratio
for file in ${FILES:-small.html page.html large.html}; do
  for side in nginx "${sides[@]}"; do : >"$side.out"; done
  for _ in $(seq "$rounds"); do
    for side in nginx "${sides[@]}"; do round "$side" "$file" >>"$side.out"; done
  done
  for side in nginx "${sides[@]}"; do
    rate=$(cut -d' ' -f1 "$side.out" | median) cost=$(cut -d' ' -f2 "$side.out" | median)
    [[ $side != nginx ]] || { nginx_rate=$rate nginx_cost=$cost; }
    awk -v f="$file" -v s="$side" -v r="$rate" -v c="$cost" -v nr="$nginx_rate" \
      -v nc="$nginx_cost" 'BEGIN {
      printf "%-12s %-12s %12d %7.2f %14.2f %7.2f\n", f, s, r, r / nr, c, nc / c }'
  done
done
echo 'ratio: to nginx, above 1 is better; CPU us: of the server for a request'
