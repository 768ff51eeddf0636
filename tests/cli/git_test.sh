#!/bin/bash
# From git into storectl, to a server, back by a clone, and into git again: every commit keeps its
# tree, people, times and message, under every branch and tag. Arguments: stored, storectl, the number
# of commits, then folders whose texts the history is made of (none: random ones).

. tests/cli/lib.sh
COMMITS="${3:-400}"
MAKE="$PWD/tests/cli/make_history.py"
cd "$WORK" || exit 1
git config --global core.quotePath false

must git init -q --bare -b main first.git
python3 "$MAKE" 20 "$COMMITS" "${@:4}" | git -C first.git fast-import --quiet --done || {
  echo "the history could not be made"
  exit 1
}
must git -C first.git fsck --strict
same "commits made" "$(git -C first.git rev-list --all --count)" "$COMMITS"
MERGES=$(git -C first.git rev-list --all --min-parents=2 --count)
[ "$MERGES" -ge $((COMMITS / 20)) ] || fail "the history merges" "$MERGES merges"

server_start
login
must storectl init "$URL/history"
must storectl clone "$URL/history" copy
SECONDS=0
git -C first.git fast-export --all --signed-tags=strip >first.stream || exit 1
(cd copy && must storectl import-git ../first.stream) || exit 1
IMPORTED=$SECONDS
(cd copy && must storectl push --all --tags) || exit 1
PUSHED=$SECONDS
must storectl clone "$URL/history" again
CLONED=$SECONDS
for branch in $(git -C first.git for-each-ref --format='%(refname:lstrip=2)' refs/heads | grep -vx main); do
  (cd again && must storectl branch "$branch" "origin/$branch") || exit 1
done
echo "$COMMITS commits, $MERGES merges: import $IMPORTED s, push $((PUSHED - IMPORTED)) s," \
  "clone $((CLONED - PUSHED)) s"

# history FOLDER prints what every branch and tag of a git repository means.
history() {
  local ref
  git -C "$1" for-each-ref --format='%(refname) %(objecttype)' | while read -r ref kind; do
    echo "== $ref $kind"
    [ "$kind" != tag ] || git -C "$1" cat-file tag "$ref" | sed '1d'
    # A tag is on history that a branch has, or the hash of its parents says the same.
    git -C "$1" log --topo-order $([ "${ref#refs/tags/}" = "$ref" ] || echo -1) --format='%T %P|%an|%ae|%ad|%cn|%ce|%cd|%B' --date=raw "$ref"
  done
}

# back FOLDER NAME exports a working copy into a new git repository and compares.
back() {
  must git init -q --bare -b main "$2.git"
  (cd "$1" && storectl export-git) >"$WORK/$2.stream" 2>"$WORK/$2.err" || {
    fail "export-git from $1"
    cat "$WORK/$2.err"
    return
  }
  git -C "$2.git" fast-import --quiet <"$WORK/$2.stream" >"$OUT" 2>&1 || {
    fail "git reads the export of $1"
    head -30 "$OUT"
  }
  holds "git finds nothing wrong" git -C "$2.git" fsck --strict
  history first.git >"$WORK/want"
  history "$2.git" >"$WORK/$2.got"
  holds "the history of $1 is that of git" diff "$WORK/want" "$WORK/$2.got"
}
back copy imported
back again cloned

# The files of the clone are those of git's own checkout.
must git clone -q first.git checkout
rm -rf checkout/.git
mv again/.storectl "$WORK/again.storectl"
holds "the files are those of git" diff -r --no-dereference checkout again
find_modes() { (cd "$1" && find . ! -type d -printf '%p %y %m %l\n' | sort | sed 's/ [0-7]*\([0-7]\)\([0-7]\)\([0-7]\) / \1 /'); }
same "modes and links" "$(find_modes checkout)" "$(find_modes again)"
mv "$WORK/again.storectl" again/.storectl
run 0 sh -c 'cd again && storectl status'
run 0 sh -c 'cd again && storectl fsck'
server_stop
fsck
finish
