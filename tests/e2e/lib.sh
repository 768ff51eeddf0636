# Shared by the end-to-end tests: a server in a folder of its own, requests with curl, checks that
# print their name when they fail. Source it; it needs STORED (the program) in the environment or
# as $1 of server_init.

set -u
WORK="${TEST_TMPDIR:-$(mktemp -d)}/e2e.$$"
mkdir -p "$WORK"
DATA="$WORK/data.db"
BODY="$WORK/body"
HEAD="$WORK/head"
SERVER_PID=
FAILED=0
CHECKS=0

# runfile finds a program given as an argument of the test.
runfile() {
  case "$1" in /*) echo "$1"; return ;; esac
  if [ -x "$1" ]; then echo "$PWD/$1"; else echo "${TEST_SRCDIR:-.}/${TEST_WORKSPACE:-.}/$1"; fi
}

# server_start starts the server and waits, a bounded time, until it says where it listens.
server_start() {
  : >"$WORK/log"
  "$STORED" --data "$DATA" --init --listen 127.0.0.1:0 "$@" >"$WORK/log" 2>&1 &
  SERVER_PID=$!
  local i
  for i in $(seq 600); do
    URL=$(sed -n 's/^listening //p' "$WORK/log")
    if [ -n "$URL" ]; then
      PORT="${URL##*:}"
      TOKEN=$(cat "$DATA.token")
      return 0
    fi
    kill -0 "$SERVER_PID" 2>/dev/null || break
    sleep 0.05
  done
  echo "the server did not start:"
  cat "$WORK/log"
  exit 1
}

# server_stop ends it politely, server_kill as a power cut would. Both wait for its end.
server_stop() {
  [ -n "$SERVER_PID" ] || return 0
  kill -TERM "$SERVER_PID" 2>/dev/null
  wait "$SERVER_PID" 2>/dev/null
  SERVER_STATUS=$?
  SERVER_PID=
}

server_kill() {
  kill -KILL "$SERVER_PID" 2>/dev/null
  wait "$SERVER_PID" 2>/dev/null
  SERVER_PID=
}

cleanup() {
  [ -z "$SERVER_PID" ] || server_kill
  rm -rf "$WORK"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# curl_tls is curl that trusts this server alone, over TLS 1.3.
curl_tls() {
  curl -sS --noproxy '*' --tlsv1.3 --http1.1 --max-time 60 --path-as-is --cacert "$DATA.crt" "$@"
}

# raw METHOD PATH [curl arguments]: a request without a token. Sets STATUS; fills $BODY and $HEAD.
raw() {
  local method="$1" path="$2"
  shift 2
  : >"$BODY"
  : >"$HEAD"
  if [ "$method" = HEAD ]; then
    STATUS=$(curl_tls -I -o "$BODY" -D "$HEAD" -w '%{http_code}' "$@" "$URL$path" 2>"$WORK/curl.err")
  else
    STATUS=$(curl_tls -X "$method" -o "$BODY" -D "$HEAD" -w '%{http_code}' "$@" "$URL$path" \
      2>"$WORK/curl.err")
  fi
}

# req is raw with the administrator's token; req_as takes the token first.
req() { raw "$@" -H "Authorization: Bearer $TOKEN"; }
req_as() {
  local token="$1"
  shift
  raw "$@" -H "Authorization: Bearer $token"
}

# post PATH JSON and put PATH JSON send a JSON body.
post() {
  local path="$1" json="$2"
  shift 2
  req POST "$path" -H 'Content-Type: application/json' --data-binary "$json" "$@"
}
put() {
  local path="$1" json="$2"
  shift 2
  req PUT "$path" -H 'Content-Type: application/json' --data-binary "$json" "$@"
}

fail() {
  FAILED=$((FAILED + 1))
  echo "FAILED: $1"
  shift
  [ $# -eq 0 ] || echo "  $*"
}

# show prints what the last request got, for a check that failed.
show() {
  echo "  status $STATUS"
  sed 's/^/  | /' "$HEAD" | head -20
  head -c 1500 "$BODY" | tr -d '\000' | sed 's/^/  | /'
  echo
  [ ! -s "$WORK/curl.err" ] || sed 's/^/  curl: /' "$WORK/curl.err"
}

# want NAME STATUS [JQ]: the last request got this status, and the expression holds of its body.
want() {
  CHECKS=$((CHECKS + 1))
  if [ "$STATUS" != "$2" ]; then
    fail "$1" "wanted status $2"
    show
  elif [ $# -ge 3 ] && ! jq -e "$3" "$BODY" >/dev/null 2>&1; then
    fail "$1" "this does not hold: $3"
    show
  fi
}

# same NAME A B: two texts are equal.
same() {
  CHECKS=$((CHECKS + 1))
  [ "$2" = "$3" ] || fail "$1" "'$2' is not '$3'"
}

# same_files NAME A B
same_files() {
  CHECKS=$((CHECKS + 1))
  cmp -s "$2" "$3" || fail "$1" "the files differ"
}

# field NAME: a field of the last answer's head.
field() { tr -d '\r' <"$HEAD" | awk -v n="$1" -F': ' 'tolower($1)==tolower(n){print substr($0,length($1)+3)}' | tail -1; }

# get JQ: something of the last answer's body.
get() { jq -r "$1" "$BODY"; }

# fsck checks the database with storectl, when the test was given one.
fsck() {
  [ -n "${STORECTL:-}" ] || return 0
  CHECKS=$((CHECKS + 1))
  "$STORECTL" fsck --data "$DATA" >"$WORK/fsck" 2>&1 || {
    fail "fsck finds nothing"
    sed 's/^/  | /' "$WORK/fsck" | head -40
  }
}

finish() {
  echo "$CHECKS checks, $FAILED failed"
  [ "$FAILED" -eq 0 ]
  exit $?
}
