#!/bin/bash
# What goes wrong, and what storectl says then: exit codes 1 to 5, messages that say what to do, and no
# file lost. Arguments: stored, storectl.

. tests/cli/lib.sh
cd "$WORK" || exit 1
server_start

# in_dir FOLDER CODE COMMAND...: run there.
in_dir() {
  local back="$PWD"
  cd "$1" || exit 1
  shift
  run "$@"
  cd "$back" || exit 1
}

# --- usage: 2 ------------------------------------------------------------------------------------
run 2 storectl frobnicate
says "an unknown command is named" "frobnicate.*help|help.*frobnicate"
run 2 storectl help frobnicate
run 2 storectl clone
run 2 storectl log --no-such-option
says "an unknown option is named" "no-such-option"
run 0 storectl help
run 0 storectl help push
run 0 storectl version
mkdir elsewhere
in_dir elsewhere 2 storectl status
says "no working copy: what to do" "init|clone"
run 2 storectl clone ftp://127.0.0.1/x there
[ ! -e there ] || fail "a bad address leaves nothing"

# --- trust, tokens and servers: 3 and 5 -----------------------------------------------------------
printf 'sos_wrongwrongwrongwrongwrongwrongwrongwrong' >wrong.token
run 3 storectl login "$URL" --cacert "$DATA.crt" --token-file wrong.token
says "a wrong token" "token"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout other.key -out other.crt \
  -days 2 -subj /CN=other -addext subjectAltName=IP:127.0.0.1 >/dev/null 2>&1
run 5 storectl login "$URL" --cacert other.crt --token-file "$DATA.token"
says "a wrong authority" "certificate|trust"
run 5 storectl login "$URL" --fingerprint "$(printf '%064d' 1)" --token-file "$DATA.token"
run 2 storectl login "$URL" --cacert "$DATA.crt" --token-file no.such.file
says "a token file that is not there is named" "no.such.file"
run 2 storectl login "$URL" --cacert no.such.crt --token-file "$DATA.token"
says "a certificate that is not there is named" "no.such.crt"
run 5 storectl login https://127.0.0.1:1 --cacert "$DATA.crt" --token-file "$DATA.token"
says "no server there" "127.0.0.1:1"
run 2 storectl clone "$URL/notes" early --cacert "$DATA.crt" --token-file wrong.file
login
run 3 storectl clone "$URL/notes" early
says "a repository that is not there" "no such repository"
[ ! -e early/.storectl/index ] || fail "a clone of nothing leaves nothing"
must storectl init "$URL/notes"
run 0 storectl init "$URL/notes"
says "a repository that is there already" "is there"

# --- a push that is not a fast-forward: 3; a conflict: 1 ------------------------------------------------
must storectl clone "$URL/notes" one
printf '1\n2\n3\n' >one/list
in_dir one 1 storectl status
in_dir one 0 storectl commit -m first
in_dir one 1 storectl commit -m again
says "nothing to commit" "nothing"
in_dir one 0 storectl push
must storectl clone "$URL/notes" two
printf '1\ntwo\n3\n' >two/list
in_dir two 0 storectl commit -m theirs
in_dir two 0 storectl push
printf '1\nzwei\n3\n' >one/list
in_dir one 0 storectl commit -m ours
in_dir one 3 storectl push
says "a refused push says what to do" "pull"
in_dir one 1 storectl pull
says "a conflict names the file" "list"
in_dir one 1 storectl commit -m unsettled
says "an unsettled conflict says what to do" "resolve|list"
in_dir one 0 storectl merge --abort
same "an aborted merge brings the file back" "$(cat one/list)" "$(printf '1\nzwei\n3')"

# --- changes that are not committed are not overwritten: 3 --------------------------------------------
in_dir one 0 storectl branch other HEAD~1
echo precious >one/list
in_dir one 3 storectl switch other
says "switch names the file in danger" "list"
same "switch left it alone" "$(cat one/list)" precious
in_dir one 3 storectl merge origin/main
same "merge left it alone" "$(cat one/list)" precious
in_dir one 3 storectl pull
same "pull left it alone" "$(cat one/list)" precious
in_dir one 0 storectl switch -f other
same "switch -f does not ask" "$(cat one/list)" "$(printf '1\n2\n3')"
in_dir one 0 storectl switch main
in_dir one 3 storectl switch no-such-branch
says "a branch that is not there is named" "no-such-branch"
mkdir -p two/dir
echo x >two/dir/new
in_dir two 0 storectl commit -m new
in_dir two 0 storectl push
in_dir one 0 storectl switch other
mkdir -p one/dir
echo mine >one/dir/new
in_dir one 3 storectl pull origin main
same "a file that is not tracked is left alone" "$(cat one/dir/new)" mine
rm -r one/dir

# --- no way out of the working copy ----------------------------------------------------------------------
in_dir one 2 storectl commit -m outside ../two/list
says "a path outside is named" "two/list|outside"
in_dir one 2 storectl commit -m outside /etc/passwd
in_dir one 2 storectl put -m evil ../evil wrong.token
in_dir one 2 storectl put -m evil .storectl/config wrong.token
mkdir trap_dir
ln -s ../trap_dir one/dir
in_dir one 3 storectl pull origin main
same "nothing was written through a link" "$(ls -A trap_dir)" ""
in_dir one 3 storectl switch origin/main
same "nothing was written through a link by switch" "$(ls -A trap_dir)" ""
in_dir one 0 storectl switch -f origin/main
same "nothing was written through a link by force" "$(ls -A trap_dir)" ""
same "the link gave way" "$(cat one/dir/new)" x
[ ! -L one/dir ] || fail "the link is still there"

# --- two commands at once -------------------------------------------------------------------------------
mkfifo stream
(cd one && exec storectl import-git ../stream) >"$WORK/first.out" 2>&1 &
FIRST=$!
exec 7>stream
for _ in $(seq 100); do
  (cd one && storectl log >/dev/null 2>&1) || break
  sleep 0.05
done
in_dir one 3 storectl log
says "a second command is refused" "another|use|lock"
exec 7>&-
wait "$FIRST"
in_dir one 0 storectl log

# --- a clone that breaks off goes on ------------------------------------------------------------------------
must storectl clone "$URL/notes" large
for i in $(seq 40); do head -c 1000000 /dev/urandom >"large/blob$i"; done
in_dir large 0 storectl commit -m large
in_dir large 0 storectl push
storectl clone "$URL/notes" broken >"$OUT" 2>&1 &
FIRST=$!
for _ in $(seq 400); do
  [ "$(stat -c %s broken/.storectl/store 2>/dev/null || echo 0)" -lt 3000000 ] || break
  sleep 0.01
done
kill -KILL "$FIRST"
wait "$FIRST" 2>/dev/null
run 0 storectl clone "$URL/notes" broken
holds "a clone that broke off is whole in the end" diff -r -x .storectl large broken
in_dir broken 0 storectl fsck
run 3 storectl clone "$URL/notes" broken
says "a folder that is no clone under way" "broken"

# --- a server that is gone: 5 ----------------------------------------------------------------------------------
server_stop
in_dir one 5 storectl fetch
says "a server that is gone is named" "127.0.0.1"
in_dir one 0 storectl log

# --- damage: 4 ------------------------------------------------------------------------------------------------
run 0 storectl fsck --data "$DATA"
python3 - "$DATA" two/.storectl/store <<'PY'
import os, sys
for name in sys.argv[1:]:
    with open(name, "r+b") as f:
        size = os.path.getsize(name)
        data = f.read()
        start = size // 4
        while not any(data[start:start + 64]):
            start += 64
        for at in range(start, start + 2000):
            f.seek(at)
            f.write(bytes([data[at] ^ 0x55]))
PY
run 4 storectl fsck --data "$DATA"
says "the damage is described" "damage|checksum|wrong|missing|unreadable"
in_dir two 4 storectl fsck
says "the damage is described" "damage|checksum|wrong|missing|unreadable"
printf 'no store at all, but long enough to look at' >two/.storectl/store
in_dir two 4 storectl log
finish
