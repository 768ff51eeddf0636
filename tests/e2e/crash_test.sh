#!/bin/bash
# The server is killed at random moments while clients write; what it acknowledged must be there
# afterwards. Usage: crash_test.sh STORED STORECTL [ROUNDS [SEED]]
. "$(dirname "$0")/lib.sh"
STORED=$(runfile "$1")
STORECTL=$(runfile "$2")
ROUNDS="${3:-200}"
SEED="${4:-$(date +%s)}"
WRITERS=2
WRITES_EACH=60
RANDOM=$((SEED % 32768))
echo "seed $SEED"

R=/v1/repos/docs
ACKNOWLEDGED="$WORK/acknowledged"
: >"$ACKNOWLEDGED"

# write_config ROUND WRITER: what one client does on one connection: many values, each at a path of
# its own; the answer to each says its number.
write_config() {
  local i path
  for i in $(seq $WRITES_EACH); do
    path="w$2/r$1/n$i"
    [ "$i" = 1 ] || echo next
    echo "url = \"$URL$R/tree/main/$path\""
    echo "cacert = \"$DATA.crt\""
    echo "header = \"Authorization: Bearer $TOKEN\""
    echo "request = PUT"
    echo "data-binary = \"value of $path\""
    echo "output = /dev/null"
    echo "write-out = \"%{http_code} $path\\n\""
    echo "max-time = 30"
    echo "fail-early"
  done
}

# load ROUND: starts the clients. Sets CLIENTS.
load() {
  local w
  CLIENTS=()
  for w in $(seq $WRITERS); do
    write_config "$1" "$w" >"$WORK/config.$w"
    curl -s --noproxy '*' --http1.1 --fail-early -K "$WORK/config.$w" >"$WORK/answers.$w" 2>/dev/null &
    CLIENTS+=($!)
  done
}

# collect adds what was acknowledged in this round.
collect() {
  wait "${CLIENTS[@]}" 2>/dev/null
  local w
  for w in $(seq $WRITERS); do
    sed -n 's/^20[01] //p' "$WORK/answers.$w" >>"$ACKNOWLEDGED"
    REFUSED=$((REFUSED + $(grep -Ec '^[1345][0-9][0-9] ' "$WORK/answers.$w")))
  done
}

# present NAME: every acknowledged path is listed.
present() {
  : >"$WORK/listed"
  local after='' pages=0
  while [ $pages -lt 1000 ]; do
    req GET "$R/list/main?limit=1000$after"
    [ "$STATUS" = 200 ] || { want "$1: the listing" 200; break; }
    get '.entries[].path' >>"$WORK/listed"
    [ "$(get .next)" != null ] || break
    after="&after=$(get .next)"
    pages=$((pages + 1))
  done
  local lost
  lost=$(comm -23 <(LC_ALL=C sort "$ACKNOWLEDGED") <(LC_ALL=C sort "$WORK/listed") | head -5)
  same "$1: what was acknowledged and is lost" "$lost" ""
}

# values_hold: every acknowledged value is what was written, all read on one connection.
values_hold() {
  local path
  while read -r path; do
    [ ! -s "$WORK/read.config" ] || echo next >>"$WORK/read.config"
    printf 'url = "%s%s/tree/main/%s"\ncacert = "%s"\nheader = "Authorization: Bearer %s"\nwrite-out = "\\n"\n' \
      "$URL" "$R" "$path" "$DATA.crt" "$TOKEN" >>"$WORK/read.config"
    echo "value of $path" >>"$WORK/wanted"
  done <"$ACKNOWLEDGED"
  curl -s --noproxy '*' --http1.1 -K "$WORK/read.config" >"$WORK/found" 2>/dev/null
  same_files "every acknowledged value is as written" "$WORK/found" "$WORK/wanted"
}

REFUSED=0
LOADED=0
server_start --quiet
req PUT $R
want "a repository is made" 201
post $R/commits '{"branch":"main","expected":null,"operations":[{"op":"put","path":"first","value":"value of first"}]}'
want "a first commit" 201
echo first >>"$ACKNOWLEDGED"
for round in $(seq "$ROUNDS"); do
  before=$(wc -l <"$ACKNOWLEDGED")
  load "$round"
  sleep "0.$(printf %03d $((RANDOM % 400)))"
  server_kill
  collect
  [ "$(wc -l <"$ACKNOWLEDGED")" = "$before" ] || LOADED=$((LOADED + 1))
  server_start --quiet
  [ $((round % 20)) -ne 0 ] || present "after round $round"
  [ "$FAILED" -eq 0 ] || break
done
present "at the end"
values_hold
same "writes that were refused" "$REFUSED" 0
CHECKS=$((CHECKS + 1))
[ "$LOADED" -ge $((ROUNDS / 4)) ] ||
  fail "enough rounds were under load" "only $LOADED of $ROUNDS acknowledged anything"
server_stop
fsck
echo "$ROUNDS kills, $LOADED of them after writes of the round were acknowledged;" \
  "$(wc -l <"$ACKNOWLEDGED") acknowledged commits, all there"
finish
