#!/bin/bash
# A history that begins in a working copy, with `storectl init`, and only then meets a server: pushed into
# an empty repository, pulled into an empty working copy, and refused where two histories meet.
# Arguments: stored, storectl.

. tests/cli/lib.sh
cd "$WORK" || exit 1
server_start
login

# Enough files that the map has several nodes, so that its shape depends on the salt.
mkdir mine
cd mine || exit 1
must storectl init
for i in $(seq 2000); do echo "content $i" >"file$i"; done
must storectl commit -m "began here"
must storectl init "$URL/mine"
must storectl remote add origin "$URL/mine"
must storectl push
echo more >>file7
must storectl commit -m "went on"
must storectl push
cd .. || exit 1
must storectl clone "$URL/mine" cloned
diff -r --exclude=.storectl mine cloned || fail "the clone has other files"

# An empty working copy takes over what the server has.
mkdir empty
cd empty || exit 1
must storectl init
must storectl remote add origin "$URL/mine"
must storectl pull
cd .. || exit 1
diff -r --exclude=.storectl mine empty || fail "the pull has other files"
cd empty || exit 1
echo again >file8
must storectl commit -m "from the other side"
must storectl push
cd ../mine || exit 1
must storectl pull
grep -qx again file8 || fail "what was pushed is not here"
cd .. || exit 1

# Two histories that began apart do not mix, either way, and nothing is lost.
mkdir apart
cd apart || exit 1
must storectl init
for i in $(seq 2000); do echo "apart $i" >"other$i"; done
must storectl commit -m "apart"
must storectl remote add origin "$URL/mine"
run 3 storectl push origin main
says "a push that is no fast-forward" "storectl pull"
run 3 storectl push --force origin main
says "a push of another history says what to do" "clone this one|empty repository"
run 3 storectl pull
says "a pull of another history says what to do" "clone it"
run 0 storectl status
[ "$(ls | wc -l)" = 2000 ] || fail "files were lost"
cd .. || exit 1
rm -rf again
must storectl clone "$URL/mine" again
diff -r --exclude=.storectl mine again || fail "the server's history changed"
finish
