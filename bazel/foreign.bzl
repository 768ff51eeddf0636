"""Unit tests of this processor, compiled for another one and run by QEMU's user emulation."""

def _to_platform_impl(_settings, attr):
    return {"//command_line_option:platforms": [attr.platform]}

_to_platform = transition(
    implementation = _to_platform_impl,
    inputs = [],
    outputs = ["//command_line_option:platforms"],
)

# Every test of this shard runs, whatever those before it said; what a failed one prints is shown.
_RUN = """#!/bin/bash
set -u
index=0 failed=0
[ -n "${TEST_SHARD_STATUS_FILE-}" ] && touch "$TEST_SHARD_STATUS_FILE"
shard=${TEST_SHARD_INDEX-0} shards=${TEST_TOTAL_SHARDS-1}
unset TEST_SHARD_INDEX TEST_TOTAL_SHARDS TEST_SHARD_STATUS_FILE XML_OUTPUT_FILE GTEST_OUTPUT
for test in TESTS; do
  index=$((index + 1))
  [ $((index % shards)) = "$shard" ] || continue
  if output=$(EMULATOR "$test" 2>&1); then
    echo "passed: $test: $(grep -c '^\\[       OK' <<<"$output") cases"
  else
    printf '%s\\n' "$output" | tail -50
    echo "FAILED: $test"
    failed=1
  fi
done
exit $failed
"""

def _foreign_test_impl(ctx):
    names = []
    runfiles = ctx.runfiles()
    for test in ctx.attr.tests:
        names.append(test[DefaultInfo].files_to_run.executable.short_path)
        runfiles = runfiles.merge(test[DefaultInfo].default_runfiles)
    script = ctx.actions.declare_file(ctx.label.name)
    text = _RUN.replace("TESTS;", " ".join(names) + ";").replace("EMULATOR", ctx.attr.emulator)
    ctx.actions.write(script, text, is_executable = True)
    return [DefaultInfo(executable = script, runfiles = runfiles)]

so_foreign_test = rule(
    implementation = _foreign_test_impl,
    test = True,
    attrs = {
        "tests": attr.label_list(cfg = _to_platform, mandatory = True),
        "platform": attr.string(mandatory = True),
        "emulator": attr.string(mandatory = True),
        "_allowlist_function_transition": attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
    },
)
