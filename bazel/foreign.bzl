"""Unit tests of this processor, compiled for another one and run by QEMU's user emulation."""

def so_joined_tests(name, tests, apart = []):
    """One program of many so_gtest targets: compiling and linking them one by one takes ten times as long.

    tests: those whose sources can share a translation unit; bazel/join_tests.sh says how.
    apart: those that cannot, because they open a namespace of their own.
    """
    native.genrule(
        name = name + "_source",
        testonly = 1,
        srcs = [t + "_srcs" for t in tests],
        outs = [name + ".cc"],
        cmd = "$(location //bazel:join_tests.sh) $(SRCS) >$@",
        tags = ["manual"],
        tools = ["//bazel:join_tests.sh"],
    )
    native.cc_binary(
        name = name,
        testonly = 1,
        srcs = [name + ".cc"] + [t + "_srcs" for t in apart],
        # A test's PrintTo for a type of C is not seen from its namespace: values are then printed as bytes.
        copts = ["-Wall", "-Wextra", "-Werror", "-Wno-unused-function"],
        tags = ["manual"],
        target_compatible_with = ["@platforms//os:linux"],
        deps = [t + "_parts" for t in tests + apart] + ["@googletest//:gtest_main"],
    )

def _to_platform_impl(_settings, attr):
    return {"//command_line_option:platforms": [attr.platform]}

_to_platform = transition(
    implementation = _to_platform_impl,
    inputs = [],
    outputs = ["//command_line_option:platforms"],
)

# Every program runs, whatever those before it said; what a failed one prints is shown. Shards divide the cases of each
# program, which GoogleTest does itself when it is told.
_RUN = """#!/bin/bash
set -u
all=0 failed=0
[ -n "${TEST_SHARD_STATUS_FILE-}" ] && touch "$TEST_SHARD_STATUS_FILE"
export GTEST_SHARD_INDEX=${TEST_SHARD_INDEX-0} GTEST_TOTAL_SHARDS=${TEST_TOTAL_SHARDS-1}
unset TEST_SHARD_STATUS_FILE GTEST_SHARD_STATUS_FILE XML_OUTPUT_FILE GTEST_OUTPUT
for test in TESTS; do
  start=$SECONDS
  output=$(EMULATOR "$test" 2>&1) && good=1 || good=0
  cases=$(grep -c '^\\[       OK' <<<"$output")
  all=$((all + cases))
  if [ $good = 1 ]; then
    echo "passed: $test: $cases cases in $((SECONDS - start)) s"
  else
    grep -v '^\\[ RUN\\|^\\[       OK\\|^\\[------' <<<"$output" | tail -100
    echo "FAILED: $test"
    failed=1
  fi
done
[ $all -gt 0 ] || { echo "FAILED: not one case ran"; failed=1; }
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

def _foreign_program_impl(ctx):
    out = ctx.actions.declare_file(ctx.label.name)
    program = ctx.attr.program[0][DefaultInfo].files_to_run.executable
    ctx.actions.symlink(output = out, target_file = program, is_executable = True)
    return [DefaultInfo(executable = out)]

# A program of ours, compiled for another platform: for what runs it in an emulator itself.
so_foreign_program = rule(
    implementation = _foreign_program_impl,
    executable = True,
    attrs = {
        "program": attr.label(cfg = _to_platform, mandatory = True),
        "platform": attr.string(mandatory = True),
        "_allowlist_function_transition": attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
    },
)
