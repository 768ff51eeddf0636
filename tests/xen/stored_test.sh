#!/bin/bash
# stored as a guest of Xen in 32 MB, with its data on a disk of its own: clone, push and merge from the host, a long
# history, `xl destroy` in the middle of a push, save and restore, the disk taken away and given back, and the disk read
# by the host's programs. Arguments: stored (for this machine), storectl, the architecture, the number of commits.

. tests/xen/lib.sh
COMMITS="${4:-5000}"
MAKE="$RUNFILES/tests/cli/make_history.py"
cd "$WORK" || exit 1
truncate -s 2G data
xen_boot --disk data
must dom0_put "$(guest_image stored)" /guest/stored
must guest_config stored /guest/stored 32 \
  "ip=$GUEST/24 gw=10.0.2.2 data=xvda -- --data data --init --listen $GUEST:8443 --quiet" vda,xvda,w
URL=https://$GUEST:8443

must guest_create stored
guest_says stored '^listening ' || exit 1
from_console stored data.token "$DATA.token"
from_console stored data.crt "$DATA.crt"
TOKEN=$(cat "$DATA.token")
same "a token is printed" "$(wc -l <"$DATA.token")" 1
must storectl login "$URL" --cacert "$DATA.crt" --token-file "$DATA.token"
req GET /healthz
want "curl over HTTPS" 200

# --- clone, push, merge -------------------------------------------------------------------------------
must storectl init "$URL/notes"
must storectl clone "$URL/notes" a
(
  cd a || exit 1
  head -c 3000000 /dev/urandom >big
  seq 1 2000 >numbers
  must storectl commit -m "All of it"
  must storectl push
) || exit 1
must storectl clone "$URL/notes" b
holds "the clone is the same" diff -r -x .storectl a b
(
  cd b || exit 1
  sed -i '1s/.*/first by b/' numbers
  must storectl commit -m "The first line"
  must storectl push
  cd ../a || exit 1
  sed -i '2000s/.*/last by a/' numbers
  must storectl commit -m "The last line"
  run 3 storectl push
  must storectl pull
  must storectl push
  cd ../b || exit 1
  must storectl pull
) || exit 1
holds "merged, both are the same" diff -r -x .storectl a b
same "the merge has both" "$(sed -n '1p;2000p' a/numbers | tr '\n' ,)" "first by b,last by a,"
req GET /v1/repos/notes/tree/main/numbers
want "curl gets a value" 200
same_files "what curl got" "$BODY" a/numbers

# --- a long history -------------------------------------------------------------------------------------
must storectl init "$URL/history"
must storectl clone "$URL/history" long
must git init -q --bare -b main first.git
python3 "$MAKE" 20 "$COMMITS" | git -C first.git fast-import --quiet --done
git -C first.git fast-export --all --signed-tags=strip >first.stream
(cd long && must storectl import-git ../first.stream) || exit 1
begun=$SECONDS
(cd long && must storectl push --all --tags) || exit 1
pushed=$SECONDS
must storectl clone "$URL/history" again
echo "$COMMITS commits: push $((pushed - begun)) s, clone $((SECONDS - pushed)) s"
(cd long && storectl export-git) >long.export
for branch in $(git -C first.git for-each-ref --format='%(refname:lstrip=2)' refs/heads | grep -vx main); do
  (cd again && must storectl branch "$branch" "origin/$branch") || exit 1
done
(cd again && storectl export-git) >again.export
same_files "every commit came back" long.export again.export
same "all of them" "$(grep -ac '^commit refs/' again.export)" "$COMMITS"

# --- the end of a domain in mid-push --------------------------------------------------------------------
# A small push is acknowledged, then the guest is destroyed while a large one runs.
(
  cd a || exit 1
  echo acknowledged >kept
  must storectl commit -m "Acknowledged"
  must storectl push
  head -c 40000000 /dev/urandom >large
  must storectl commit -m "Cut off"
) || exit 1
(cd a && storectl push >"$WORK/cut" 2>&1) &
pushing=$!
sectors() { awk '{print $7}' <<<"$(dom0 'cat /sys/block/vda/stat')"; }
start=$(sectors)
for _ in $(seq 200); do
  [ "$(sectors)" -lt $((start + 4096)) ] || break
  sleep 0.1
done
kill -0 "$pushing" 2>/dev/null || fail "the push is still running when the guest ends"
must dom0 'xl destroy stored'
wait "$pushing" && fail "a push that was cut off says so"
guest_ends stored
run 0 storectl fsck --data data
must guest_create stored
guest_says stored '^listening ' || exit 1
from_console stored data.token again.token
same "no second token" "$(wc -c <again.token)" 0
must storectl clone "$URL/notes" c
same "what was acknowledged is there" "$(cat c/kept)" acknowledged
[ ! -e c/large ] || fail "what was cut off is not there"
(cd a && must storectl push) || exit 1
(cd c && must storectl pull) || exit 1
same_files "the push went on" a/large c/large

# --- save and restore -----------------------------------------------------------------------------------
can_save && run 0 dom0 'xl save stored /tmp/saved && xl restore /tmp/saved; rm -f /tmp/saved'
(
  cd c || exit 1
  echo restored >after
  must storectl commit -m "After a restore"
  must storectl push
) || exit 1
must storectl clone "$URL/notes" d
holds "data is as it was, and grows" diff -r -x .storectl c d

# --- the disk is taken away, and given back -------------------------------------------------------------
run 0 dom0 'xl block-detach stored xvda'
guest_says stored 'xen: vbd/51712: the back end closed'
(
  cd c || exit 1
  echo "without a disk" >without
  must storectl commit -m "While the disk is away"
) || exit 1
(cd c && storectl push >"$WORK/waits" 2>&1) &
pushing=$!
sleep 2
kill -0 "$pushing" 2>/dev/null || fail "a push waits for the disk" "$(cat "$WORK/waits")"
run 0 dom0 'xl block-attach stored phy:/dev/vda,xvda,w'
guest_says stored 'xen: vbd/51712: connected again'
wait "$pushing" || fail "the push goes on when the disk is back" "$(cat "$WORK/waits")"
must storectl clone "$URL/notes" e
holds "it has what was pushed meanwhile" diff -r -x .storectl c e

# --- the end, and the disk ------------------------------------------------------------------------------
run 0 dom0 'xl shutdown stored'
guest_says stored 'asked to power off'
guest_ends stored
run 0 storectl fsck --data data
kill -TERM "$XEN_PID"
wait "$XEN_PID" 2>/dev/null
XEN_PID=
# The same disk, served by a process of this host.
ln data "$DATA"
server_start
req GET /v1/repos/notes/tree/main/after
want "the host's stored opens the disk" 200
same "and reads it" "$(cat "$BODY")" restored
server_stop
finish
