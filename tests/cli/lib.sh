# Shared by the tests of storectl: a server and a home of their own. $1 of the test is stored, $2 is
# storectl. Everything is written below $WORK, which the end-to-end library removes at the end.

# shellcheck source=tests/e2e/lib.sh
. tests/e2e/lib.sh
STORED=$(runfile "$1")
STORECTL=$(runfile "$2")
export HOME="$WORK/home"
mkdir -p "$HOME" "$WORK/bin"
cp "$STORECTL" "$WORK/bin/storectl"
export PATH="$WORK/bin:$PATH"
export STORECTL_USER='Tess Ter <tess@example.org>'
export GIT_CONFIG_GLOBAL="$WORK/gitconfig" GIT_CONFIG_NOSYSTEM=1
export LC_ALL=C.UTF-8 TZ=UTC
unset http_proxy https_proxy XDG_CONFIG_HOME XDG_CACHE_HOME GIT_DIR GIT_WORK_TREE

# login remembers the server that server_start started.
login() { storectl login "$URL" --cacert "$DATA.crt" --token-file "$DATA.token" >/dev/null; }

# run CODE COMMAND...: the command ends with this exit code. Its output, both streams, is in $OUT.
OUT="$WORK/out"
run() {
  local want="$1" got=0
  shift
  "$@" >"$OUT" 2>&1 </dev/null || got=$?
  CHECKS=$((CHECKS + 1))
  if [ "$got" != "$want" ]; then
    fail "$*" "exit code $got instead of $want"
    sed 's/^/  | /' "$OUT" | head -20
    return 1
  fi
}

# must COMMAND...: like run 0, and without it the test cannot go on.
must() { run 0 "$@" || exit 1; }

# says NAME REGEX: the last output has a line like this.
says() {
  CHECKS=$((CHECKS + 1))
  grep -qE -- "$2" "$OUT" && return 0
  fail "$1" "the output does not say: $2"
  sed 's/^/  | /' "$OUT" | head -20
}

# holds NAME COMMAND...: the command succeeds.
holds() {
  local name="$1"
  shift
  CHECKS=$((CHECKS + 1))
  "$@" >"$WORK/holds" 2>&1 && return 0
  fail "$name" "$*"
  head -20 "$WORK/holds" | sed 's/^/  | /'
}
