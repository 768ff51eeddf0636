#!/bin/bash
# What the processor forbids, each broken once by an image in QEMU, and the report that comes of it; then time,
# memory and fibers. usage: machine_test.sh IMAGE
set -uo pipefail
image=$1
bad=0 count=0
if ! command -v qemu-system-x86_64 >/dev/null; then
  echo "SKIPPED: this needs QEMU (./safeos setup installs it)"
  exit 0
fi

# run MACHINE LINE: the console, without what the serial port adds.
run() {
  timeout 60 qemu-system-x86_64 -M "$1" -accel tcg -cpu max -m "${memory:-16}" -nodefaults -no-user-config \
    -display none -serial stdio -no-reboot -kernel "$image" -append "$2" </dev/null 2>&1 | tr -d '\r'
}

# expect LINE PATTERN...: every pattern is there, in the console of a run.
expect() {
  local line=$1 out pattern
  shift
  out=$(run "${machine:-microvm}" "$line")
  count=$((count + 1))
  for pattern in "$@"; do
    if ! grep -Eq -- "$pattern" <<<"$out"; then
      printf 'FAILED %s: no %s in:\n%s\n' "$line" "$pattern" "$out"
      bad=1
      return
    fi
  done
  if [[ -n ${never:-} ]] && grep -Eq -- "$never" <<<"$out"; then
    printf 'FAILED %s: %s in:\n%s\n' "$line" "$never" "$out"
    bad=1
  fi
}

report=('^build id: [0-9a-f]{40}$' '^in fiber main of violations$' '^rip [0-9a-f]{16}  rsp ' '^backtrace:$')
never='^after$|and an exception while'
expect read-null "${report[@]}" '^panic: page fault$' '^reading 0000000000000010: the null page$' \
  '^  [0-9a-f]{16} read_null\+' '^  [0-9a-f]{16} so_main\+' '^  [0-9a-f]{16} run_first\+'
expect write-null "${report[@]}" '^writing 0000000000000ffc: the null page$' ' write_null\+'
expect call-null "${report[@]}" '^executing 0000000000000000: the null page$' ' so_main\+'
expect write-code "${report[@]}" '^writing [0-9a-f]{16}: code is read-only$' ' write_code\+'
expect write-constant "${report[@]}" '^writing [0-9a-f]{16}: constants are read-only$'
expect run-data "${report[@]}" '^executing [0-9a-f]{16}: data is not executable$' ' so_main\+'
expect run-stack "${report[@]}" '^executing [0-9a-f]{16}: data is not executable$'
expect run-heap "${report[@]}" '^executing [0-9a-f]{16}: data is not executable$'
expect run-device "${report[@]}" '^executing 00000000d0000000: data is not executable$'
expect overflow '^build id' '^panic: page fault$' '^in fiber deep of violations$' \
  '^stack overflow: the fiber ran into its guard page$' ' deeper\+' '^  \.\.\. [0-9]+ more of these$' ' fiber_entry\+' '^writing [0-9a-f]{16}: nothing is mapped there$'
expect smash "${report[@]/#^rip*/^panic}" '^panic: stack smashed' ' smash\+'
expect trap "${report[@]}" '^panic: invalid instruction, or a broken invariant' ' trap\+'
expect divide "${report[@]}" '^panic: division by zero$' ' divide\+'
expect free-twice "${report[@]}" '^panic: invalid instruction, or a broken invariant' ' give\+'

never='panic|^violations: ended'
expect sleep '^slept long enough$' '^and not too long$' '^after$'
machine=microvm,pit=off,pic=off expect sleep '^slept long enough$' '^and not too long$' '^after$'
machine=pc expect sleep '^slept long enough$' '^and not too long$' '^after$'
machine=q35 expect sleep '^slept long enough$' '^and not too long$' '^after$'
expect memory '^memory is refused, and comes back$'
memory=3 expect memory '^memory is refused, and comes back$'
memory=6144 expect much-memory '^memory is refused, and comes back$'
expect fibers '^fibers come and go$'
expect numbers '^numbers survive$'
now=$(date +%s)
expect time "^unix time ($(seq -s '|' "$((now - 1))" "$((now + 60))"))\$"

# Settings that are refused, each with a word about what to do.
never='panic|^before$'
expect 'seed=12 time' 'seed= wants 64 hexadecimal digits' 'ended with code 71'
expect 'ip=192.0.2.300/24 time' 'this setting of the network is not understood: ip=192.0.2.300/24'
expect 'ip=192.0.2.1/24 time' 'ip= was given, but the machine has none'
expect '"time' 'a quote is not closed at: "time'
never=
echo "$count runs"
exit $bad
