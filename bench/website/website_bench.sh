#!/bin/bash
# Requests per second over kept-alive TLS 1.3 connections: website against nginx with the same bytes and
# the same key, one core each, in turns. The ratio of the medians and of the CPU times is printed.
# usage: website_bench.sh WEBSITE [ROUNDS [SECONDS]]
set -euo pipefail

website=$(realpath "$1") rounds=${2-5} seconds=${3-3}
for tool in wrk nginx openssl taskset; do
  command -v "$tool" >/dev/null || { echo "missing: $tool"; exit 1; }
done
work=$(mktemp -d /tmp/website_bench.XXXXXX)
pids=()
finish() {
  local p
  for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT
cd "$work"

mkdir site logs
head -c 768 /dev/urandom | base64 -w 0 >site/small.html  # 1 KiB
head -c 12288 /dev/urandom | base64 -w 0 >site/page.html  # 16 KiB
head -c 196608 /dev/urandom | base64 -w 0 >site/large.html  # 256 KiB
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem -days 2 \
  -subj /CN=bench -addext subjectAltName=IP:127.0.0.1 2>/dev/null

# A port that was free a moment ago.
nginx_port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >nginx.conf <<TEXT
user root; daemon off; worker_processes 1; pid $work/nginx.pid; error_log $work/logs/error.log;
events { worker_connections 1024; }
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; keepalive_timeout 60s;
  open_file_cache max=1000; open_file_cache_valid 1s;
  types { text/html html; } client_body_temp_path logs/b; proxy_temp_path logs/p;
  fastcgi_temp_path logs/f; uwsgi_temp_path logs/u; scgi_temp_path logs/s;
  server {
    listen 127.0.0.1:$nginx_port ssl; root $work/site; etag on;
    ssl_certificate $work/cert.pem; ssl_certificate_key $work/key.pem; ssl_protocols TLSv1.3;
    ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
  }
}
TEXT
taskset -c 0 nginx -p "$work" -c "$work/nginx.conf" &
pids+=($!)
taskset -c 0 "$website" --root site --cert cert.pem --key key.pem --listen 127.0.0.1:0 --quiet >log 2>&1 &
ours=$!
pids+=("$ours")
for _ in $(seq 50); do grep -q ^listening log && [[ -s nginx.pid ]] && break; sleep 0.1; done
port=$(sed -n 's/^listening .*://p' log)
theirs=$(pgrep -P "$(cat nginx.pid)" | head -n 1)

# ticks PID: CPU time in hundredths of a second.
ticks() { awk '{print $14 + $15}' "/proc/$1/stat"; }

# round PID PORT FILE: prints requests a second, and CPU microseconds a request.
round() {
  local before after out count rate
  before=$(ticks "$1")
  out=$(taskset -c 1 wrk -t 1 -c 16 -d "${seconds}s" "https://127.0.0.1:$2/$3")
  after=$(ticks "$1")
  grep -q 'Non-2xx\|Socket errors' <<<"$out" && { echo "$out" >&2; exit 1; }
  count=$(awk '/requests in/ {print $1}' <<<"$out")
  rate=$(awk '/^Requests\/sec/ {print $2}' <<<"$out")
  awk -v r="$rate" -v n="$count" -v t=$((after - before)) 'BEGIN {printf "%.0f %.2f\n", r, t * 10000 / n}'
}
median() { sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }

printf '%-12s %12s %12s %7s %14s %14s %7s\n' file website/s nginx/s ratio 'website us' 'nginx us' ratio
for file in small.html page.html large.html; do
  : >a && : >b
  for _ in $(seq "$rounds"); do
    round "$ours" "$port" "$file" >>a
    round "$theirs" "$nginx_port" "$file" >>b
  done
  ra=$(cut -d' ' -f1 a | median) rb=$(cut -d' ' -f1 b | median)
  ca=$(cut -d' ' -f2 a | median) cb=$(cut -d' ' -f2 b | median)
  awk -v f="$file" -v ra="$ra" -v rb="$rb" -v ca="$ca" -v cb="$cb" 'BEGIN {
    printf "%-12s %12d %12d %7.2f %14.2f %14.2f %7.2f\n", f, ra, rb, ra / rb, ca, cb, cb / ca }'
done
echo 'ratio: above 1 is better than nginx; us: CPU time of the server for a request'
