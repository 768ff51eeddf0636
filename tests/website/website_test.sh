#!/bin/bash
# The static site as a browser sees it: curl and openssl against //apps/website and //apps/hello.
# usage: website_test.sh WEBSITE WEBSITE_STORE HELLO STORED STORECTL
set -euo pipefail

website=$PWD/$1 website_store=$PWD/$2 hello=$PWD/$3 stored=$PWD/$4 storectl=$PWD/$5
work=$(mktemp -d "${TEST_TMPDIR:-/tmp}/website.XXXXXX")
pids=()
passed=0

finish() {
  local p
  for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

fail() {
  printf 'FAILED: %s\n' "$*" >&2
  [[ -f $work/log ]] && tail -n 5 "$work/log" >&2
  exit 1
}

# is WHAT WANT GOT
is() {
  [[ $2 == "$3" ]] || fail "$1: wanted '$2', got '$3'"
  passed=$((passed + 1))
}

# has WHAT PATTERN TEXT
has() {
  grep -qi -- "$2" <<<"$3" || fail "$1: no '$2' in: $3"
  passed=$((passed + 1))
}

# start LOG PROGRAM ARGS..: runs it; `pid` is set.
start() {
  local log=$1
  shift
  "$@" >"$log" 2>&1 &
  pid=$!
  pids+=("$pid")
}

# await LOG WORD: prints what follows WORD on a line of the log.
await() {
  local i
  for i in $(seq 100); do
    if grep -q "^$2 " "$1"; then
      sed -n "s/^$2 //p" "$1" | head -n 1
      return
    fi
    sleep 0.1
  done
  fail "$1 never said $2: $(cat "$1")"
}

get() { curl -sS --cacert "$work/website.crt" --max-time 20 "$@"; }
code() { get -o /dev/null -w '%{http_code}' "$@"; }
head_of() { get -o /dev/null -D - "$@" | tr -d '\r'; }
etag() { head_of "$@" | sed -n 's/^[Ee][Tt]ag: //p'; }

# --- a site -------------------------------------------------------------------------------------

site=$work/site
mkdir -p "$site/docs/deep" "$site/.git" "$site/.well-known" "$site/empty" "$site/a b"
printf '<!doctype html><title>home</title>\n' >"$site/index.html"
seq 20000 >"$site/numbers.txt"
printf 'docs\n' >"$site/docs/index.html"
printf 'one\n' >"$site/docs/deep/ü.txt"
printf 'spaced\n' >"$site/a b/c d.txt"
printf 'not here\n' >"$site/404.html"
printf 'secret\n' >"$site/.git/config"
printf 'secret\n' >"$site/.hidden"
printf 'ok\n' >"$site/.well-known/security.txt"
printf 'console.log(1)\n' >"$site/app.js"
printf 'ready-made' | gzip >"$site/app.js.gz"
: >"$site/empty.css"
head -c 5000000 /dev/urandom >"$site/big.bin"
head -c 3000 /dev/urandom >"$site/small.png"
printf 'outside\n' >"$work/outside.txt"
ln -s ../outside.txt "$site/link.txt"
ln -s .. "$site/up"
mkfifo "$site/pipe"
cat >"$site/_redirects" <<'TEXT'
# from to status
/old        /docs/         302
/blog/*     /docs/:splat   301
/away/*     https://example.org/:splat
/broken
/evil/*     /:splat        301
TEXT

# --- TLS and start --------------------------------------------------------------------------------

cd "$work"
start "$work/log" "$website" --root "$site" --listen 127.0.0.1:0 --http-listen 127.0.0.1:0 \
  --name site.test --max-age 600
main=$pid
url=$(await "$work/log" listening)
http=$(await "$work/log" redirecting)
port=${url##*:}
is "a certificate was made" "-----BEGIN CERTIFICATE-----" "$(head -n 1 website.crt)"
is "the key is its owner's" 600 "$(stat -c %a website.key)"
is "the key is the certificate's" \
  "$(openssl x509 -in website.crt -pubkey -noout)" "$(openssl pkey -in website.key -pubout)"
has "it names what was asked for" "DNS:site.test" "$(openssl x509 -in website.crt -noout -ext subjectAltName)"
has "TLS 1.3 with ALPN" "ALPN protocol: http/1.1" \
  "$(openssl s_client -connect "127.0.0.1:$port" -CAfile website.crt -alpn http/1.1 -tls1_3 </dev/null 2>&1)"
has "the chain verifies" "Verify return code: 0" \
  "$(openssl s_client -connect "127.0.0.1:$port" -CAfile website.crt -tls1_3 </dev/null 2>&1)"

# --- content --------------------------------------------------------------------------------------

is "index.html stands for the folder" "$(cat "$site/index.html")" "$(get "$url/")"
is "a file" "$(md5sum <"$site/big.bin")" "$(get "$url/big.bin" | md5sum)"
is "an empty file" "200 0" "$(get -o /dev/null -w '%{http_code} %{size_download}' "$url/empty.css")"
is "encoded names" one "$(get "$url/docs/deep/%C3%BC.txt")"
is "spaces" spaced "$(get "$url/a%20b/c%20d.txt")"
is "a query is no part of the name" "$(cat "$site/index.html")" "$(get "$url/?x=1")"
is ".well-known is served" ok "$(get "$url/.well-known/security.txt")"
for pair in "/ text/html" "/numbers.txt text/plain" "/app.js text/javascript" "/empty.css text/css" \
  "/small.png image/png" "/big.bin application/octet-stream"; do
  has "type of ${pair% *}" "^content-type: ${pair#* }" "$(head_of "$url${pair% *}")"
done
h=$(head_of "$url/numbers.txt")
has "no sniffing" "^x-content-type-options: nosniff" "$h"
has "caches may keep it" "^cache-control: public, max-age=600" "$h"
has "HTML is asked for" "^cache-control: no-cache" "$(head_of "$url/")"
has "ranges are offered" "^accept-ranges: bytes" "$h"

# --- methods ----------------------------------------------------------------------------------------

h=$(get -I "$url/big.bin" | tr -d '\r')
has "HEAD tells the length" "^content-length: 5000000" "$h"
is "HEAD has no body" 0 "$(get -I -o /dev/null -w '%{size_download}' "$url/numbers.txt")"
is "OPTIONS" 204 "$(code -X OPTIONS "$url/")"
is "POST is refused" 405 "$(code -d x "$url/")"
has "and says what goes" "^allow: GET, HEAD, OPTIONS" "$(head_of -X DELETE "$url/")"

# --- conditions -----------------------------------------------------------------------------------

tag=$(etag "$url/numbers.txt")
is "a strong tag of 32 digits" 34 "${#tag}"
is "the same bytes, the same tag" "$tag" "$(cp "$site/numbers.txt" "$site/same.txt" && etag "$url/same.txt")"
is "If-None-Match" 304 "$(code -H "If-None-Match: $tag" "$url/numbers.txt")"
is "one of several" 304 "$(code -H "If-None-Match: \"x\", W/$tag" "$url/numbers.txt")"
is "another tag" 200 "$(code -H 'If-None-Match: "x"' "$url/numbers.txt")"
is "any" 304 "$(code -H 'If-None-Match: *' "$url/numbers.txt")"
is "an ill-formed one" 400 "$(code -H 'If-None-Match: x' "$url/numbers.txt")"
is "If-Match" 412 "$(code -H 'If-Match: "x"' "$url/numbers.txt")"
has "304 repeats the tag" "^etag: $tag" "$(head_of -H "If-None-Match: $tag" "$url/numbers.txt")"

# --- ranges -----------------------------------------------------------------------------------------

is "the first bytes" "$(head -c 10 "$site/big.bin" | od -An -tx1)" "$(get -r 0-9 "$url/big.bin" | od -An -tx1)"
is "the last bytes" "$(tail -c 7 "$site/numbers.txt")" "$(get -r -7 "$url/numbers.txt")"
is "from the middle" "$(tail -c +4000001 "$site/big.bin" | md5sum)" "$(get -r 4000000- "$url/big.bin" | md5sum)"
is "status" 206 "$(code -r 5-6 "$url/numbers.txt")"
has "says which" "^content-range: bytes 4999999-4999999/5000000" "$(head_of -r 4999999-9999999 "$url/big.bin")"
is "past the end" 416 "$(code -r 5000000- "$url/big.bin")"
has "says how long" "^content-range: bytes \*/5000000" "$(head_of -r 99999999999999999- "$url/big.bin")"
is "several at once are not" 200 "$(code -r 0-1,5-6 "$url/numbers.txt")"
is "numbers past 64 bits" 200 "$(code -r 99999999999999999999999-1 "$url/numbers.txt")"
is "backwards" 200 "$(code -H 'Range: bytes=9-1' "$url/numbers.txt")"
is "If-Range, the same" 206 "$(code -r 0-1 -H "If-Range: $tag" "$url/numbers.txt")"
is "If-Range, another" 200 "$(code -r 0-1 -H 'If-Range: "x"' "$url/numbers.txt")"
is "a download goes on" "$(md5sum <"$site/big.bin")" \
  "$(head -c 1234567 "$site/big.bin" >part && get -C - -o part "$url/big.bin" && md5sum <part)"

# --- compression ------------------------------------------------------------------------------------

h=$(head_of --compressed "$url/numbers.txt")
has "text is compressed" "^content-encoding: gzip" "$h"
has "and varies" "^vary: accept-encoding" "$h"
is "and is the same" "$(md5sum <"$site/numbers.txt")" "$(get --compressed "$url/numbers.txt" | md5sum)"
ztag=$(etag --compressed "$url/numbers.txt")
[[ $ztag != "$tag" ]] || fail "two forms share a tag"
is "each form has its tag" 304 "$(code --compressed -H "If-None-Match: $ztag" "$url/numbers.txt")"
is "not the other's" 200 "$(code -H "If-None-Match: $ztag" "$url/numbers.txt")"
is "a file beside it goes out as it is" ready-made "$(get --compressed "$url/app.js")"
is "to those who take it" 'console.log(1)' "$(get "$url/app.js")"
is "q=0 is no" "" "$(head_of -H 'Accept-Encoding: br, gzip;q=0' "$url/numbers.txt" | grep -i '^content-encoding' || true)"
is "pictures stay" "" "$(head_of --compressed "$url/small.png" | grep -i '^content-encoding' || true)"
is "ranges are of the plain form" "1" "$(get --compressed -r 0-0 "$url/numbers.txt")"

# --- redirects --------------------------------------------------------------------------------------

to() { get -o /dev/null -w '%{http_code} %{redirect_url}' "$@"; }
is "to the slash" "301 $url/docs/" "$(to "$url/docs")"
is "with its query" "301 $url/docs/deep/?a=b" "$(to "$url/docs/deep?a=b")"
is "a rule" "302 $url/docs/" "$(to "$url/old")"
is "a rule with the rest" "301 $url/docs/deep/x?q" "$(to "$url/blog/deep/x?q")"
is "the folder of the rule" "301 $url/docs/" "$(to "$url/blog")"
is "another site" "301 https://example.org/a/b" "$(to "$url/away/a/b")"
is "no other host by the back door" 404 "$(code --path-as-is "$url/evil//example.org/")"
has "a bad line is told" "_redirects:5: a rule is FROM TO" "$(cat "$work/log")"
is "the rules are not served" 404 "$(code "$url/_redirects")"
is "http goes to https" "301 https://127.0.0.1:$port/docs/?a" "$(to "$http/docs/?a")"
is "by the name that was asked for" "301 https://site.test:$port/" "$(to -H 'Host: site.test:80' "$http/")"
is "a forged name does not get in" 400 "$(code -H 'Host: a/b@c' "$http/")"
is "methods are kept" 308 "$(code -d x "$http/")"

# --- what is not there ------------------------------------------------------------------------------

is "404.html" "404 not here" "$(get -w '%{http_code} ' -o body "$url/none"; cat body)"
for path in /none /empty/ /docs/none /index.html/ //index.html /docs//index.html /./index.html \
  /../outside.txt /docs/../../outside.txt /%2e%2e/outside.txt /..%2foutside.txt /docs/..%2f..%2foutside.txt \
  /%2e%2e%2foutside.txt /..%5coutside.txt /.git/config /.hidden /%2egit/config /docs/%2e/index.html \
  /link.txt /up/outside.txt /up/site/index.html /pipe /docs%2findex.html /....//outside.txt; do
  is "GET $path" 404 "$(code --path-as-is "$url$path")"
done
is "a NUL" 400 "$(code --path-as-is "$url/index.html%00.txt")"
is "a bad escape" 400 "$(code --path-as-is "$url/%zz")"
is "a long path" 414 "$(code "$url/$(printf 'a%.0s' $(seq 3000))")"
is "no slash in front" 400 "$(printf 'GET index.html HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' |
  openssl s_client -quiet -connect "127.0.0.1:$port" -tls1_3 2>/dev/null | head -n 1 | cut -d' ' -f2)"

# --- changes ----------------------------------------------------------------------------------------

sleep 1.1
printf 'changed\n' >"$site/numbers.txt"
sleep 1.1
is "a change is seen within a second or so" changed "$(get "$url/numbers.txt")"
[[ $(etag "$url/numbers.txt") != "$tag" ]] || fail "the tag stayed"
rm "$site/small.png" "$site/_redirects"
sleep 1.1
is "what was removed is gone" 404 "$(code "$url/small.png")"
is "rules go with their file" 404 "$(code "$url/old")"

# --- many requests, one connection ------------------------------------------------------------------

for i in $(seq 1000); do
  printf 'url = "%s/docs/?%d"\noutput = /dev/null\n' "$url" "$i"
done >many
is "1000 requests, kept alive" "1000 1" \
  "$(get -K many -w '%{http_code} %{num_connects}\n' | awk '$1 == 200 {n++; c += $2} END {print n, c}')"
has "the log has a line for each" "GET /docs/ 200" "$(grep -c 'GET /docs/ 200' "$work/log") $(grep -m 1 'GET /docs/ 200' "$work/log")"
is "and all of them" 1 "$(($(grep -c 'GET /docs/ 200' "$work/log") >= 1000))"

kill -TERM "$main"
wait "$main" || fail "the site did not end well"

# --- a certificate that is given, and refusals ------------------------------------------------------

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout own.key -out own.crt -days 2 \
  -subj /CN=own -addext subjectAltName=IP:127.0.0.1 2>/dev/null
start log2 "$website" --root "$site" --listen 127.0.0.1:0 --cert own.crt --key own.key --quiet
url=$(await log2 listening)
is "a certificate of one's own" "$(cat "$site/index.html")" "$(curl -sS --cacert own.crt "$url/")"
is "quiet" 0 "$(grep -c 'GET /' log2 || true)"
kill -TERM "$pid" && wait "$pid" || fail "the second site did not end well"
out=$("$website" --root "$site" --cert own.crt --key website.key --listen 127.0.0.1:0) && fail "a foreign key was taken"
has "a foreign key" "the key is not the certificate's" "$out"
out=$("$website" --root "$work/none" --listen 127.0.0.1:0) && fail "no folder was taken"
has "no folder" "there is none" "$out"
out=$("$website" --data x --repo y) && fail "a store without a store"
has "a program without a store" "built without" "$out"
out=$("$website" --nonsense 1) && fail "an option"
has "an option" "no option" "$out"

# --- from a branch ----------------------------------------------------------------------------------

start log3 "$stored" --data db --init --listen 127.0.0.1:0
server=$(await log3 listening)
export HOME=$work
"$storectl" login "$server" --cacert db.crt --token-file db.token >/dev/null
"$storectl" init "$server/site" >/dev/null
"$storectl" clone "$server/site" copy >/dev/null
mkdir copy/docs
printf 'from a branch\n' >copy/index.html
printf 'deep\n' >copy/docs/index.html
cp "$site/big.bin" copy
(cd copy && "$storectl" commit -m site >/dev/null && "$storectl" push >/dev/null) || fail "no push"
kill -TERM "$pid" && wait "$pid" || fail "stored did not end well"
cd "$work"
start log4 "$website_store" --data db --repo site --listen 127.0.0.1:0
url=$(await log4 listening)
is "from a branch" "from a branch" "$(get "$url/")"
is "a folder of it" "301 $url/docs/" "$(to "$url/docs")"
is "and its page" deep "$(get "$url/docs/")"
is "a large file of it" "$(md5sum <"$site/big.bin")" "$(get "$url/big.bin" | md5sum)"
is "a range of it" "$(tail -c +4000001 "$site/big.bin" | md5sum)" "$(get -r 4000000- "$url/big.bin" | md5sum)"
is "its tag" 304 "$(code -H "If-None-Match: $(etag "$url/big.bin")" "$url/big.bin")"
is "what is not there" 404 "$(code "$url/none")"
kill -TERM "$pid" && wait "$pid" || fail "the site of a branch did not end well"

# --- hello ------------------------------------------------------------------------------------------

is "hello" hello "$("$hello")"
start log5 "$hello" --listen 127.0.0.1:0
url=$(await log5 listening)
is "hello over HTTP" hello "$(curl -sS "$url/")"
kill -TERM "$pid" && wait "$pid" || fail "hello did not end well"

printf '%d passed, 0 failed\n' "$passed"
