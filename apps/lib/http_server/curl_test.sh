#!/bin/bash
# Holds the HTTP server against curl over 127.0.0.1.
set -euo pipefail

server=$1
cd "${TEST_TMPDIR:?}"
coproc SERVER { exec "$OLDPWD/$server"; }
pid=$SERVER_PID
trap 'kill -9 "$pid" 2>/dev/null || true' EXIT
read -r word port <&"${SERVER[0]}"
[[ $word == listening ]]
url=http://127.0.0.1:$port
curl() { command curl --silent --show-error --noproxy '*' --max-time 60 "$@"; }

check() {  # check NAME WANT GOT
  if [[ $2 != "$3" ]]; then
    echo "FAILED: $1: want '$2', got '$3'"
    exit 1
  fi
  echo "ok: $1"
}

check "404" 404 "$(curl -o out -w '%{http_code}' "$url/x")"
check "its body" "nothing here" "$(cat out)"

head -c 3000000 /dev/urandom >random
check "upload with a length" 200 "$(curl -o out -w '%{http_code}' --data-binary @random "$url/echo")"
cmp random out
check "chunked upload" 200 \
  "$(curl -o out -w '%{http_code}' -H 'Transfer-Encoding: chunked' -T random "$url/echo")"
cmp random out
check "100-continue" 200 \
  "$(curl -o out -w '%{http_code}' -H 'Expect: 100-continue' --expect100-timeout 50 --max-time 20 --data-binary @random "$url/echo")"
cmp random out

curl -o big "$url/big"
check "length" 1000000 "$(wc -c <big)"
check "range" bcd "$(curl -r 1-3 "$url/big")"
check "last bytes" "$(tail -c 5 big)" "$(curl -r -5 "$url/big")"
check "status of a range" 206 "$(curl -o out -w '%{http_code}' -r 10-19 "$url/big")"
check "not modified" 304 "$(curl -o out -w '%{http_code}' -H 'If-None-Match: "big"' "$url/big")"
check "HEAD" 1000000 "$(curl -I "$url/big" | tr -d '\r' | sed -n 's/^Content-Length: //p')"
check "HTTP/1.0" 1000000 "$(curl -0 "$url/big" | wc -c)"
check "one connection for three requests" "1 0 0 " \
  "$(curl -o a -o b -o c -w '%{num_connects} ' "$url/x" "$url/big" "$url/x")"
check "a head too large" 431 "$(curl -o out -w '%{http_code}' -H "X: $(head -c 20000 /dev/zero | tr '\0' a)" "$url/x")"
check "a target too long" 414 "$(curl -o out -w '%{http_code}' "$url/$(head -c 9000 /dev/zero | tr '\0' a)")"
for i in 1 2 3 4 5 6 7 8; do
  curl -o "many$i" "$url/big" &
  jobs[i]=$!
done
for i in 1 2 3 4 5 6 7 8; do
  wait "${jobs[i]}"
  cmp big "many$i"
done
echo "ok: eight at once"

kill -TERM "$pid"
result=0
wait "$pid" || result=$?
check "stops when asked" 0 "$result"
