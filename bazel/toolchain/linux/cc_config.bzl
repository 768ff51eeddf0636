"""Debian's clang for Linux on another processor, over the libraries of Debian's cross compiler."""

load("@bazel_tools//tools/cpp:cc_toolchain_config_lib.bzl", "feature", "flag_group", "flag_set", "tool_path")
load("@bazel_tools//tools/build_defs/cc:action_names.bzl", "ACTION_NAMES")

_COMPILE = [
    ACTION_NAMES.c_compile,
    ACTION_NAMES.cpp_compile,
    ACTION_NAMES.assemble,
    ACTION_NAMES.preprocess_assemble,
]

_LINK = [
    ACTION_NAMES.cpp_link_executable,
    ACTION_NAMES.cpp_link_dynamic_library,
]

_TOOLS = {
    "gcc": "/usr/bin/clang",
    "cpp": "/usr/bin/clang-cpp",
    "ld": "/usr/bin/ld.lld",
    "ar": "/usr/bin/ar",
    "nm": "/usr/bin/nm",
    "objdump": "/usr/bin/objdump",
    "strip": "/usr/bin/strip",
    "gcov": "/usr/bin/gcov",
    "objcopy": "/usr/bin/objcopy",
    "dwp": "/usr/bin/dwp",
}

def _flags(actions, flags):
    return flag_set(actions = actions, flag_groups = [flag_group(flags = flags)])

def _impl(ctx):
    target = ["--target=" + ctx.attr.triple] + ctx.attr.copts

    # Static, so that an emulator needs no root directory of that system.
    link = target + ["-static", "-fuse-ld=lld", "-lstdc++", "-lm", "-lpthread"]
    return cc_common.create_cc_toolchain_config_info(
        ctx = ctx,
        toolchain_identifier = ctx.label.name,
        host_system_name = "local",
        target_system_name = ctx.attr.triple,
        target_cpu = ctx.attr.cpu,
        target_libc = "glibc",
        compiler = "clang",
        abi_version = "none",
        abi_libc_version = "none",
        tool_paths = [tool_path(name = n, path = p) for n, p in _TOOLS.items()],
        features = [
            feature(name = "default_flags", enabled = True, flag_sets = [
                _flags(_COMPILE, target + ["-fstack-protector-strong"]),
                _flags(_LINK, link),
            ]),
            feature(name = "opt", flag_sets = [_flags(_COMPILE, ["-O2", "-DNDEBUG"])]),
        ],
        cxx_builtin_include_directories = [
            "/usr/lib/llvm-14",
            "/usr/%s/include" % ctx.attr.triple,
            "/usr/lib/gcc-cross/%s" % ctx.attr.triple,
        ],
    )

linux_cc_config = rule(
    implementation = _impl,
    provides = [CcToolchainConfigInfo],
    attrs = {
        "triple": attr.string(),
        "cpu": attr.string(),
        "copts": attr.string_list(),
    },
)
