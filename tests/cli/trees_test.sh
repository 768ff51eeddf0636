#!/bin/bash
# Real folders of thousands of files: committed, pushed and cloned, they are the same, with their modes
# and symbolic links. Arguments: stored, storectl, folders (default: /usr/include and /usr/share/doc).

. tests/cli/lib.sh
FOLDERS=("${@:3}")
[ ${#FOLDERS[@]} -gt 0 ] || FOLDERS=(/usr/include /usr/share/doc)
cd "$WORK" || exit 1
server_start
login
umask 022

# modes FOLDER lists kind, whether it may be executed, and where links lead, of all but directories.
modes() {
  (cd "$1" && find . -name .storectl -prune -o ! -type d -printf '%y %m %l %p\n' |
    awk '{ if ($1 == "f") $2 = $2 % 1000 >= 100 && substr($2, 1, 1) % 2 ? "x" : "-"; print }' | LC_ALL=C sort)
}

for folder in "${FOLDERS[@]}"; do
  [ -d "$folder" ] || continue
  name=$(basename "$folder")
  must storectl init "$URL/$name"
  must storectl clone "$URL/$name" "$name"
  cp -a "$folder/." "$name/"
  find "$name" -name .storectl -prune -o -type d -empty -print0 | xargs -0 -r rmdir  # Only files are kept.
  # An executable file, one without content, a link to nowhere and a name that is hard to print.
  mkdir -p "$name/odd names"
  cp /bin/true "$name/odd names/run me"
  : >"$name/odd names/empty"
  ln -s "no where" "$name/odd names/link"
  printf x >"$name/odd names/"$'tab\there "ü"'
  files=$(find "$name" -name .storectl -prune -o ! -type d -print | wc -l)
  bytes=$(du -sb --exclude=.storectl "$name" | cut -f1)
  SECONDS=0
  (cd "$name" && run 1 storectl status && must storectl commit -m "All of $name") || exit 1
  committed=$SECONDS
  (cd "$name" && run 0 storectl status && must storectl push) || exit 1
  pushed=$SECONDS
  must storectl clone "$URL/$name" "$name.clone"
  echo "$folder: $files files, $bytes bytes: commit $committed s, push $((pushed - committed)) s," \
    "clone $((SECONDS - pushed)) s"
  holds "$name is the same" diff -r --no-dereference -x .storectl "$name" "$name.clone"
  modes "$name" >want
  modes "$name.clone" >got
  holds "modes and links of $name are the same" diff want got
  [ "$(wc -l <got)" -eq "$files" ] || fail "every file of $name was looked at"
  run 0 sh -c 'cd "$1" && storectl status' - "$name.clone"

  # A small change in a large tree arrives, and so does the removal of a directory.
  (cd "$name" && echo more >>"odd names/empty" && chmod -x "odd names/run me" && rm "odd names/link" &&
    must storectl commit -m "A little" && must storectl push) || exit 1
  (cd "$name.clone" && must storectl pull) || exit 1
  holds "$name is the same after a pull" diff -r --no-dereference -x .storectl "$name" "$name.clone"
  modes "$name" >want
  modes "$name.clone" >got
  holds "modes of $name are the same after a pull" diff want got
  run 0 sh -c 'cd "$1" && storectl fsck' - "$name.clone"
  rm -rf "$name" "$name.clone"
done
[ "$CHECKS" -gt 0 ] || fail "one of the folders is there: ${FOLDERS[*]}"
server_stop
fsck
finish
