"""The only C and C++ macros that BUILD files use."""

_WARN = [
    "-Wall",
    "-Wextra",
    "-Wshadow",
    "-Wconversion",
    "-Wsign-conversion",
    "-Wstrict-prototypes",
    "-Wmissing-prototypes",
    "-Wswitch-enum",
    "-Wvla",
    "-Wframe-larger-than=8192",
    "-Werror",
    "-fno-common",
]

# Hides libc headers but keeps the compiler's own: stdint, stddef, stdbool, stdarg, limits.
_PURE = ["-ffreestanding", "-nostdlibinc"]

# Where time goes into loops: optimized for speed in images too, which are otherwise made small.
_FAST_PACKAGES = [
    "crypto/",
    "net/checksum",
]

def _speed():
    package = native.package_name()
    return ["-O2"] if [p for p in _FAST_PACKAGES if package.startswith(p)] else []

# Sanitizers make frames larger than the ones that ship.
_FRAME = select({
    "//bazel:is_sanitized": ["-Wno-frame-larger-than"],
    "//conditions:default": [],
})

def so_pure_library(name, srcs = [], hdrs = [], deps = [], copts = [], visibility = None, testonly = 0):
    """A sans-IO library: freestanding headers only, no mutable globals, no calls out."""
    native.cc_library(
        name = name,
        testonly = testonly,
        srcs = srcs,
        hdrs = hdrs,
        copts = _WARN + _PURE + select({
            "@platforms//os:none": _speed(),
            "//conditions:default": [],
        }) + copts + _FRAME,
        linkstatic = 1,
        tags = ["pure"],
        visibility = visibility,
        deps = deps,
    )
    if [s for s in srcs if s.endswith(".c") or s.endswith(".S")]:
        # A cc_library's runfiles omit its archive; a filegroup's include it.
        native.filegroup(name = name + "_archive", testonly = testonly, srcs = [":" + name])
        native.sh_test(
            name = name + "_purity_test",
            size = "small",
            srcs = ["//bazel:purity_test.sh"],
            args = ["$(locations :%s_archive)" % name],
            data = [":" + name + "_archive"],
            tags = ["purity"],
            target_compatible_with = ["@platforms//os:linux"],
        )

def so_effect_library(name, srcs = [], hdrs = [], deps = [], copts = [], linkopts = [], visibility = None, testonly = 0, target_compatible_with = ["@platforms//os:linux"]):
    """A library that touches the world: libc, system calls, devices."""
    native.cc_library(
        name = name,
        testonly = testonly,
        srcs = srcs,
        hdrs = hdrs,
        copts = _WARN + copts + _FRAME,
        linkopts = linkopts,
        linkstatic = 1,
        tags = ["effect"],
        target_compatible_with = target_compatible_with,
        visibility = visibility,
        deps = deps,
    )

def so_kernel_library(name, srcs = [], hdrs = [], deps = [], copts = [], visibility = None, target_compatible_with = []):
    """Effects of a target with nothing underneath: instructions, hypercalls, device registers.

    Only ever built for the kernel platforms; what can be pure belongs into an so_pure_library.
    """
    native.cc_library(
        name = name,
        srcs = srcs,
        hdrs = hdrs,
        copts = _WARN + _PURE + copts,
        linkstatic = 1,
        tags = ["effect"],
        target_compatible_with = ["@platforms//os:none"] + target_compatible_with,
        visibility = visibility,
        deps = deps,
    )

def so_binary(name, srcs = [], deps = [], data = [], linkopts = [], testonly = 0, visibility = None, tags = []):
    """A Unix program."""
    native.cc_binary(
        name = name,
        testonly = testonly,
        srcs = srcs,
        copts = _WARN + _FRAME,
        data = data,
        linkopts = linkopts,
        tags = tags,
        target_compatible_with = ["@platforms//os:linux"],
        visibility = visibility,
        deps = deps,
    )

def so_gtest(name, srcs, deps, data = [], size = "small", args = [], tags = [], linkopts = [], shard_count = None):
    """A GoogleTest binary. Skipped, not broken, on kernel platforms."""
    native.cc_test(
        name = name,
        size = size,
        srcs = srcs,
        args = args,
        copts = ["-Wall", "-Wextra", "-Werror"],
        data = data,
        linkopts = linkopts,
        shard_count = shard_count,
        tags = tags,
        target_compatible_with = ["@platforms//os:linux"],
        visibility = ["//tests/arm:__pkg__"],
        deps = deps + ["@googletest//:gtest_main"],
    )

    # What it is made of, to be compiled together with others for another processor (bazel/foreign.bzl).
    native.filegroup(
        name = name + "_srcs",
        testonly = 1,
        srcs = srcs,
        visibility = ["//tests/arm:__pkg__"],
    )
    native.cc_library(
        name = name + "_parts",
        testonly = 1,
        data = data,
        tags = ["manual"],
        target_compatible_with = ["@platforms//os:linux"],
        textual_hdrs = srcs,
        visibility = ["//tests/arm:__pkg__"],
        deps = deps,
    )

def so_fuzz(name, srcs, deps, corpus):
    """A fuzz target: `NAME` replays and mutates its corpus as a test; with --config=fuzz it is libFuzzer.

    corpus: files listed by glob(["testdata/fuzz/foo/*"]); it must not be empty.
    """
    if not corpus:
        fail("so_fuzz(%s): the corpus is empty" % name)
    native.cc_test(
        name = name,
        size = "medium",
        srcs = srcs,
        args = ["$(location %s)" % c for c in corpus],
        copts = ["-Wall", "-Wextra", "-Werror"],
        data = corpus,
        linkopts = select({
            "//bazel:is_fuzzing": ["-fsanitize=fuzzer"],
            "//conditions:default": [],
        }),
        tags = ["fuzz"],
        target_compatible_with = ["@platforms//os:linux"],
        deps = deps + select({
            "//bazel:is_fuzzing": [],
            "//conditions:default": ["//bazel:corpus_main"],
        }),
    )
