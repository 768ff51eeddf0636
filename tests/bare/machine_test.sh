#!/bin/bash
# What the processor forbids, each broken once by an image in QEMU, and the report that comes of it; then time,
# memory and fibers. usage: machine_test.sh IMAGE [x86_64|arm64|armv7]
set -uo pipefail
image=$1 arch=${2:-x86_64}
bad=0 count=0
case $arch in
  x86_64) qemu=qemu-system-x86_64 usual=microvm cpu=max memory_mib=16 ;;
  arm64) qemu=qemu-system-aarch64 usual=virt cpu=cortex-a57 memory_mib=32 ;;
  armv7) qemu=qemu-system-arm usual=virt,highmem=off cpu=cortex-a7 memory_mib=32 ;;
esac
if ! command -v $qemu >/dev/null; then
  echo "SKIPPED: this needs $qemu (./safeos setup installs it)"
  exit 0
fi

# run MACHINE LINE: the console, without what the serial port adds.
run() {
  timeout 60 $qemu -M "$1" -accel tcg -cpu $cpu -m "${memory:-$memory_mib}" -nodefaults -no-user-config \
    -display none -serial stdio -no-reboot -kernel "$image" -append "$2" </dev/null 2>&1 | tr -d '\r'
}

# expect LINE PATTERN...: every pattern is there, in the console of a run.
expect() {
  local line=$1 out pattern
  shift
  out=$(run "${machine:-$usual}" "$line")
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

# How wide an address is shown, the line of registers, the name of __builtin_trap, and where a device is.
case $arch in
  x86_64) at='[0-9a-f]{16}' pc=rip trap='invalid instruction, or a broken invariant' device=00000000d0000000 ;;
  arm64) at='[0-9a-f]{16}' pc=pc trap='a broken invariant' device=0000000009000000 ;;
  armv7) at='[0-9a-f]{8}' pc=pc trap='a broken invariant' device=09000000 ;;
esac
address() { printf '%0*x' "$([[ $arch == armv7 ]] && echo 8 || echo 16)" "$1"; }
report=('^build id: [0-9a-f]{40}$' '^in fiber main of violations$' "^$pc +$at  (rsp|sp) " '^backtrace:$')
never='^after$|and an(other)? (exception|panic) while'
expect read-null "${report[@]}" '^panic: page fault$' "^reading $(address 16): the null page\$" \
  "^  $at read_null\+" "^  $at so_main\+" "^  $at run_first\+"
expect write-null "${report[@]}" '^panic: page fault$' "^writing $(address 4092): the null page\$" ' write_null\+'
expect call-null "${report[@]}" '^panic: page fault$' "^executing $(address 0): the null page\$" ' so_main\+'
expect write-code "${report[@]}" "^writing $at: code is read-only\$" ' write_code\+'
expect write-constant "${report[@]}" "^writing $at: constants are read-only\$"
expect run-data "${report[@]}" "^executing $at: data is not executable\$" ' so_main\+'
expect run-stack "${report[@]}" "^executing $at: data is not executable\$"
expect run-heap "${report[@]}" "^executing $at: data is not executable\$"
expect run-device "${report[@]}" "^executing $device: data is not executable\$"
expect overflow '^build id' '^panic: page fault$' '^in fiber deep of violations$' \
  '^stack overflow: the fiber ran into its guard page$' ' deeper\+' '^  \.\.\. [0-9]+ more of these$' ' fiber_entry\+' \
  "^writing $at: nothing is mapped there\$"
expect smash "${report[@]/#^$pc*/^panic}" '^panic: stack smashed' ' smash\+'
expect trap "${report[@]}" "^panic: $trap" ' trap\+'
# ARM divides by zero without a word: the result is 0 (DDI 0487, UDIV).
[[ $arch != x86_64 ]] || expect divide "${report[@]}" '^panic: division by zero$' ' divide\+'
expect free-twice "${report[@]}" "^panic: $trap" ' give\+'

never='panic|^violations: ended'
expect sleep '^slept long enough$' '^and not too long$' '^after$'
if [[ $arch == x86_64 ]]; then
  machine=microvm,pit=off,pic=off expect sleep '^slept long enough$' '^and not too long$' '^after$'
  machine=pc expect sleep '^slept long enough$' '^and not too long$' '^after$'
  machine=q35 expect sleep '^slept long enough$' '^and not too long$' '^after$'
  expect memory '^memory is refused, and comes back$'
  memory=3 expect memory '^memory is refused, and comes back$'
else
  # QEMU puts the device tree at 128 MiB or half of less, so less has no half in one piece.
  memory=512 expect memory '^memory is refused, and comes back$'
fi
[[ $arch == armv7 ]] || memory=6144 expect much-memory '^memory is refused, and comes back$'
expect fibers '^fibers come and go$' '^and leave memory as it was$'
expect numbers '^numbers survive$'
now=$(date +%s)
expect time "^unix time ($(seq -s '|' "$((now - 1))" "$((now + 60))"))\$"

# Deeper than a stack is, unless it is asked for; and how deep it was.
never='deep enough'
expect deep '^panic: page fault$' '^stack overflow'
never='panic'
expect 'stack=256 log=debug deep' '^deep enough$' 'stacks of 256 KiB, at most [0-9]+ fibers$' \
  '^violations: setting stack=256$' 'used at most: [0-9]+ KiB of memory, [0-9]+ of it heap; 1[0-9]{5} bytes of a stack$'
expect 'log=debug seed=0011223344556677889900112233445566778899001122334455667788990011 time' 'setting seed=.not shown.'

# Settings that are refused, each with a word about what to do.
never='panic|^before$'
expect 'seed=12 time' 'seed= wants 64 hexadecimal digits' 'ended with code 71'
expect 'ip=192.0.2.300/24 time' 'this setting of the network is not understood: ip=192.0.2.300/24'
expect "ip='192.0.2.1/24 192.0.2.300/24' time" 'this setting of the network is not understood: ip=192.0.2.300/24'
expect 'ip=192.0.2.1/24 time' 'ip= was given, but the machine has none'
expect 'log=loud time' 'log= wants normal or debug, not: loud'
expect 'stack=8 time' 'stack= wants KiB from 16 to 1024, not: 8'
expect '"time' 'a quote is not closed at: "time'
never=
echo "$count runs"
exit $bad
