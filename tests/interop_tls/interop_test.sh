#!/bin/bash
# Our TLS against OpenSSL, GnuTLS and nginx, both ways, on 127.0.0.1.
# Usage: interop_test.sh TLS_TOOL. Every process is started and ended here; files stay in a
# directory of its own.
set -uo pipefail

tool=$(realpath "$1")
for need in openssl gnutls-cli gnutls-serv /usr/sbin/nginx; do
  command -v "$need" >/dev/null || { echo "missing: $need"; exit 1; }
done

dir=$(mktemp -d "${TEST_TMPDIR:-/tmp}/interop_tls.XXXXXX")
cd "$dir" || exit 1
pids=()
checks=0
failures=0

cleanup() {
  for pid in "${pids[@]}"; do
    kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
  done
  cd / && rm -rf "$dir"
}
trap cleanup EXIT

# check NAME COMMAND...: counts, and tells what failed.
check() {
  local name=$1
  shift
  checks=$((checks + 1))
  if ! "$@"; then
    failures=$((failures + 1))
    echo "FAILED: $name"
    for f in out.txt err.txt "${log:-}"; do
      [[ -s $f ]] && { echo "--- $f"; tail -c 1500 "$f" | cat -v; }
    done
  fi
}

# has FILE TEXT...: every text is in the file.
has() {
  local file=$1 text
  shift
  for text in "$@"; do
    grep -aqF -- "$text" "$file" || return 1
  done
}

# wait_for COMMAND...: up to 10 seconds.
wait_for() {
  for _ in $(seq 200); do
    "$@" && return 0
    sleep 0.05
  done
  return 1
}

stop() { kill "$1" 2>/dev/null; wait "$1" 2>/dev/null; }

# --- certificates -------------------------------------------------------------------------------

issue() { # NAME CA SAN FLAGS...
  local name=$1 ca=$2 san=$3
  shift 3
  openssl req -new -key "$name.key" -subj "/CN=$name" -out "$name.csr" 2>/dev/null
  printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\nkeyUsage=digitalSignature\n' \
    "$san" >"$name.ext"
  openssl x509 -req -in "$name.csr" -CA "$ca.pem" -CAkey "$ca.key" -CAcreateserial \
    -extfile "$name.ext" -out "$name.pem" "$@" 2>/dev/null
}

authority() { # NAME
  openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"
  openssl req -x509 -new -key "$1.key" -subj "/CN=$1" -days 30 -out "$1.pem" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign 2>/dev/null
}

authority ca
authority other_ca
openssl ecparam -name prime256v1 -genkey -noout -out ecdsa.key
openssl genpkey -algorithm ed25519 -out ed25519.key
cp ecdsa.key expired.key
cp ecdsa.key elsewhere.key
issue ecdsa ca DNS:localhost,IP:127.0.0.1 -days 10
issue ed25519 ca DNS:localhost,IP:127.0.0.1 -days 10
issue elsewhere ca DNS:elsewhere.example -days 10
issue expired ca DNS:localhost -days -1
openssl req -x509 -newkey rsa:2048 -nodes -keyout rsa.key -subj /CN=rsa -days 10 -out rsa.pem \
  -addext subjectAltName=DNS:localhost 2>/dev/null
check "certificates were made" test -s ed25519.pem -a -s expired.pem -a -s rsa.pem
head -c 6000000 /dev/urandom >big.bin
big_sum=$(sha256sum <big.bin)
printf 'GET / HTTP/1.0\r\n\r\n' >get.txt
echo hello >hello.txt

suites=(TLS_AES_128_GCM_SHA256 TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256)

# --- our server ---------------------------------------------------------------------------------

log=server.log
"$tool" server 0 ecdsa.pem ecdsa.key ed25519.pem ed25519.key --alpn http/1.1 --alpn other \
  >"$log" 2>&1 &
pids+=($!)
check "our server listens" wait_for grep -q listening "$log"
port=$(awk '/listening/ { print $2; exit }' "$log")

# s_client FLAGS...: sends hello, waits for the echo, ends with "Q".
s_client() {
  : >out.txt
  { echo hello; wait_for grep -aq '^hello' out.txt; wait_for session_done "$@"; echo Q; } |
    timeout 20 openssl s_client -connect "127.0.0.1:$port" -CAfile ca.pem \
      -verify_return_error -servername localhost "$@" >out.txt 2>err.txt
}
# With -sess_out the ticket must have come before we leave.
session_done() {
  local file=
  while [[ $# -gt 0 ]]; do
    [[ $1 == -sess_out ]] && file=$2
    shift
  done
  [[ -z $file || -s $file ]]
}
refused() { # FLAGS...: a handshake that fails, at once.
  timeout 20 openssl s_client -connect "127.0.0.1:$port" -CAfile ca.pem "$@" \
    >out.txt 2>err.txt </dev/null
  return 0
}

for suite in "${suites[@]}"; do
  s_client -ciphersuites "$suite"
  check "s_client $suite" has out.txt hello "Cipher is $suite" "Verification: OK"
  s_client -ciphersuites "$suite" -sess_out "$suite.sess"
  s_client -ciphersuites "$suite" -sess_in "$suite.sess"
  check "s_client resumes $suite" has out.txt hello "Reused, TLSv1.3" "Cipher is $suite"
  s_client -ciphersuites "$suite" -sess_in "$suite.sess" -groups P-384:X25519
  check "s_client resumes $suite after a retry" has out.txt hello "Reused, TLSv1.3"
done
for group in X25519 P-256 P-384:X25519 P-521:P-256; do
  s_client -groups "$group"
  check "s_client group $group" has out.txt hello "Verification: OK"
done
check "both groups were agreed on" has "$log" group=x25519 group=secp256r1
s_client -sigalgs ed25519
check "s_client Ed25519" has out.txt hello "Peer signature type: ed25519" "Verification: OK"
s_client -sigalgs ecdsa_secp256r1_sha256
check "s_client ECDSA" has out.txt hello "Peer signature type: ECDSA"
s_client -alpn h2,other
check "s_client ALPN" has out.txt hello "ALPN protocol: other"
s_client -maxfraglen 512 -max_send_frag 512
check "s_client small fragments" has out.txt hello "Verification: OK"
s_client -no_middlebox
check "s_client without compatibility mode" has out.txt hello "Verification: OK"

refused -alpn h2
check "no common ALPN name" has err.txt "no application protocol"
refused -tls1_2
check "TLS 1.2 only" has err.txt "protocol version"
refused -groups P-384
check "no common group" has err.txt "handshake failure"
refused -sigalgs rsa_pss_rsae_sha256
check "no common signature" has err.txt "handshake failure"
refused -ciphersuites TLS_AES_128_CCM_SHA256
check "no common suite" has err.txt "handshake failure"

# Key updates: K asks us to follow, k does not. Each line starts a command, so data comes between.
: >out.txt
{
  echo hello
  wait_for grep -aq '^hello' out.txt
  for command in K k K; do
    echo "$command"
    sleep 0.1
    echo "after-$command"
    wait_for grep -aq "^after-$command" out.txt
  done
  echo Q
} | timeout 20 openssl s_client -connect "127.0.0.1:$port" -CAfile ca.pem >out.txt 2>err.txt
check "s_client key updates" has out.txt after-K after-k
check "s_client did update keys" has err.txt KEYUPDATE

# A large transfer there and back.
: >out.bin
{ cat big.bin; wait_for test "$(stat -c %s big.bin)" -le 0; } 2>/dev/null |
  timeout 60 openssl s_client -connect "127.0.0.1:$port" -CAfile ca.pem -quiet \
    >out.bin 2>err.txt &
client=$!
pids+=($client)
same_size() { [[ $(stat -c %s out.bin) -ge $(stat -c %s big.bin) ]]; }
wait_for same_size
check "s_client large transfer" test "$(sha256sum <out.bin)" = "$big_sum"
stop "$client"

gnutls_client() { # PRIORITY FLAGS...
  local priority=$1
  shift
  : >out.txt
  { echo hello; wait_for grep -aq '^hello' out.txt; } |
    timeout 20 gnutls-cli --priority "$priority" --x509cafile ca.pem -p "$port" localhost "$@" \
      >out.txt 2>err.txt
}
base="NORMAL:-VERS-ALL:+VERS-TLS1.3"
for cipher in AES-128-GCM AES-256-GCM CHACHA20-POLY1305; do
  gnutls_client "$base:-CIPHER-ALL:+$cipher"
  check "gnutls-cli $cipher" has out.txt hello "$cipher" "Status: The certificate is trusted"
done
for group in X25519 SECP256R1; do
  gnutls_client "$base:-GROUP-ALL:+GROUP-$group"
  check "gnutls-cli $group" has out.txt hello "Status: The certificate is trusted"
done
gnutls_client "$base:-GROUP-ALL:+GROUP-SECP384R1:+GROUP-SECP256R1"
check "gnutls-cli retry" has out.txt hello "Status: The certificate is trusted"
gnutls_client "$base:-SIGN-ALL:+SIGN-EdDSA-Ed25519:+SIGN-ECDSA-SECP256R1-SHA256:+SIGN-ECDSA-SHA256"
check "gnutls-cli signatures" has out.txt hello
gnutls_client "$base" --alpn=other
check "gnutls-cli ALPN" has out.txt hello "Application protocol: other"
gnutls_client "$base" -r
check "gnutls-cli resumes" has out.txt "This is a resumed session"
gnutls_client "NORMAL:-VERS-ALL:+VERS-TLS1.2"
check "gnutls-cli TLS 1.2 only" grep -aqi "protocol version" out.txt err.txt

# --- our client against openssl s_server ---------------------------------------------------------

free_port() { # A port that nothing listens on.
  for _ in $(seq 50); do
    port=$((20000 + RANDOM % 20000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || return 0
  done
}
is_open() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }

mkfifo quiet && exec 9<>quiet  # A standard input that neither says anything nor ends.
peer=
s_server() { # FLAGS...
  [[ -n $peer ]] && stop "$peer"
  free_port
  log=s_server.log
  openssl s_server -accept "127.0.0.1:$port" -tls1_3 "$@" >s_server.out 2>"$log" <&9 &
  peer=$!
  pids+=($peer)
  wait_for is_open || echo "s_server does not listen: $*"
}
client() { # HOST FLAGS...
  local host=$1
  shift
  rm -f out.bin  # A download of before must not pass for this one.
  timeout 30 "$tool" client "$port" "$host" "$@" >out.txt 2>err.txt
}

for suite in "${suites[@]}"; do
  for groups in X25519 P-256 P-521:P-256; do
    s_server -cert ecdsa.pem -key ecdsa.key -ciphersuites "$suite" -groups "$groups" -www
    rm -f s.session
    client localhost --ca ca.pem --send get.txt --session s.session
    check "s_server $suite $groups" has out.txt "suite=$suite" resumed=no "HTTP/1.0 200" \
      "closed sent=OK"
    client localhost --ca ca.pem --send get.txt --session s.session
    check "s_server resumes $suite $groups" has out.txt "suite=$suite" resumed=yes "HTTP/1.0 200"
  done
done
s_server -cert ed25519.pem -key ed25519.key -www
client 127.0.0.1 --ca ca.pem --send get.txt
check "s_server Ed25519, by address" has out.txt "HTTP/1.0 200"
fingerprint=$(openssl x509 -in ed25519.pem -outform DER | sha256sum | cut -c1-64)
client whatever.example --pin "$fingerprint" --send get.txt
check "the pinned certificate" has out.txt "HTTP/1.0 200"
client localhost --pin "${fingerprint//[0-9]/a}" --send get.txt
check "another certificate than the pinned one" has out.txt "code=DENIED" "not the pinned one"
client localhost --ca other_ca.pem --send get.txt
check "an unknown authority" has out.txt "code=DENIED" "text=certificate:"
client localhost --ca ca.pem --send get.txt --session s.session
check "a session of another server is not used" has out.txt resumed=no "HTTP/1.0 200"
s_server -cert expired.pem -key expired.key -www
client localhost --ca ca.pem
check "an expired certificate" has out.txt "code=DENIED" "expired"
check "the server is told" wait_for has "$log" "certificate expired"
s_server -cert elsewhere.pem -key elsewhere.key -www
client localhost --ca ca.pem
check "a certificate for another name" has out.txt "code=DENIED" "text=certificate:"
s_server -cert rsa.pem -key rsa.key -www
client localhost --ca rsa.pem
check "a server with an RSA key only" has out.txt "the peer sent alert handshake_failure"
s_server -cert ecdsa.pem -key ecdsa.key -alpn other -www
client localhost --ca ca.pem --alpn http/1.1 --alpn other --send get.txt
check "s_server ALPN" has out.txt alpn=other "HTTP/1.0 200"
client localhost --ca ca.pem --alpn http/1.1
check "s_server without a common ALPN name" has out.txt "alert no_application_protocol"
s_server -cert ecdsa.pem -key ecdsa.key -stateless -www
client localhost --ca ca.pem --send get.txt
check "s_server with a cookie" has out.txt "HTTP/1.0 200"
s_server -cert ecdsa.pem -key ecdsa.key -verify 1 -www
client localhost --ca ca.pem --send get.txt
check "s_server that would like a certificate" has out.txt "HTTP/1.0 200"
s_server -cert ecdsa.pem -key ecdsa.key -Verify 1 -www
client localhost --ca ca.pem --send get.txt
check "s_server that insists on a certificate" has out.txt "read-failed"
s_server -cert ecdsa.pem -key ecdsa.key -WWW
printf 'GET /big.bin HTTP/1.0\r\n\r\n' >get_big.txt
client localhost --ca ca.pem --wait --send get_big.txt --out out.bin
check "s_server large download" test "$(tail -c 6000000 out.bin | sha256sum)" = "$big_sum"
s_server -cert ecdsa.pem -key ecdsa.key -quiet
client localhost --ca ca.pem --send big.bin --update-keys
received() { [[ $(sha256sum <s_server.out) == "$big_sum" ]]; }
check "s_server large upload with key updates" wait_for received
# A server that changes its keys, and asks us to.
stop "$peer"
free_port
log=s_server.log
: >"$log"
{ wait_for grep -q CIPHER s_server.out; printf 'K\n'; sleep 0.2; echo after-update; sleep 0.2
  printf 'k\n'; sleep 0.2; echo after-second; sleep 0.2; echo Q; } |
  openssl s_server -accept "127.0.0.1:$port" -tls1_3 -cert ecdsa.pem -key ecdsa.key -naccept 1 \
    >s_server.out 2>"$log" &
peer=$!
pids+=($peer)
wait_for grep -q ACCEPT s_server.out
client localhost --ca ca.pem --send hello.txt --wait
check "s_server updates its keys" has out.txt after-update after-second
# TLS 1.2 only: refused by whoever notices first.
free_port
openssl s_server -accept "127.0.0.1:$port" -tls1_2 -cert ecdsa.pem -key ecdsa.key -www \
  >s_server.out 2>"$log" </dev/null &
peer=$!
pids+=($peer)
wait_for is_open
client localhost --ca ca.pem
check "a server with TLS 1.2 only" has out.txt "protocol_version"
stop "$peer"

# --- our client against gnutls-serv ---------------------------------------------------------------

gnutls_server() { # PRIORITY FLAGS...
  local priority=$1
  shift
  [[ -n $peer ]] && stop "$peer"
  free_port
  log=gnutls.log
  gnutls-serv --port "$port" --priority "$priority" "$@" >gnutls.out 2>"$log" </dev/null &
  peer=$!
  pids+=($peer)
  wait_for is_open || echo "gnutls-serv does not listen"
}
for cipher in AES-128-GCM AES-256-GCM CHACHA20-POLY1305; do
  gnutls_server "$base:-CIPHER-ALL:+$cipher" --http --x509certfile ecdsa.pem --x509keyfile ecdsa.key
  rm -f g.session
  client localhost --ca ca.pem --send get.txt --session g.session
  check "gnutls-serv $cipher" has out.txt "suite=TLS" "HTTP/1.0 200"
  client localhost --ca ca.pem --send get.txt --session g.session
  check "gnutls-serv resumes $cipher" has out.txt resumed=yes "HTTP/1.0 200"
done
gnutls_server "$base:-GROUP-ALL:+GROUP-SECP256R1" --http \
  --x509certfile ed25519.pem --x509keyfile ed25519.key
client localhost --ca ca.pem --send get.txt
check "gnutls-serv Ed25519, retry" has out.txt group=secp256r1 "HTTP/1.0 200"
gnutls_server "$base" --http --x509certfile ecdsa.pem --x509keyfile ecdsa.key --require-client-cert
client localhost --ca ca.pem --send get.txt
check "gnutls-serv that insists on a certificate" grep -aq "failed" out.txt
stop "$peer"

# --- our client against nginx ----------------------------------------------------------------------

free_port
cat >nginx.conf <<END
daemon off;
user $(id -un) $(id -gn);
pid $dir/nginx.pid;
error_log $dir/nginx.log;
events {}
http {
  access_log off;
  client_body_temp_path $dir/t1; proxy_temp_path $dir/t2; fastcgi_temp_path $dir/t3;
  uwsgi_temp_path $dir/t4; scgi_temp_path $dir/t5;
  server {
    listen 127.0.0.1:$port ssl;
    ssl_certificate $dir/ecdsa.pem; ssl_certificate_key $dir/ecdsa.key;
    ssl_certificate $dir/ed25519.pem; ssl_certificate_key $dir/ed25519.key;
    ssl_protocols TLSv1.3;
    ssl_ecdh_curve prime256v1;
    root $dir;
  }
}
END
chmod 755 "$dir"
log=nginx.log
/usr/sbin/nginx -e "$dir/nginx.log" -c "$dir/nginx.conf" >nginx.out 2>&1 &
peer=$!
pids+=($peer)
check "nginx listens" wait_for is_open
rm -f n.session
client localhost --ca ca.pem --alpn http/1.1 --wait --send get_big.txt --out out.bin --session n.session
check "nginx large download" test "$(tail -c 6000000 out.bin | sha256sum)" = "$big_sum"
check "nginx, retry to secp256r1" has out.txt group=secp256r1 alpn=http/1.1 resumed=no
client localhost --ca ca.pem --alpn http/1.1 --wait --send get_big.txt --out out.bin --session n.session
check "nginx resumes" has out.txt resumed=yes
check "nginx large download, resumed" test "$(tail -c 6000000 out.bin | sha256sum)" = "$big_sum"

echo "$checks checks, $failures failed"
[[ $failures -eq 0 && $checks -gt 60 ]]
