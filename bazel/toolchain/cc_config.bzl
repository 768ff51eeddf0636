"""A cross toolchain around Debian's clang for targets without an operating system."""

load("@bazel_tools//tools/cpp:cc_toolchain_config_lib.bzl", "feature", "flag_group", "flag_set", "tool_path")
load("@bazel_tools//tools/build_defs/cc:action_names.bzl", "ACTION_NAMES")

_COMPILE = [
    ACTION_NAMES.c_compile,
    ACTION_NAMES.cpp_compile,
    ACTION_NAMES.assemble,
    ACTION_NAMES.preprocess_assemble,
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

def _impl(ctx):
    compile_flags = flag_set(
        actions = _COMPILE,
        flag_groups = [flag_group(flags = ctx.attr.copts)],
    )
    optimise = flag_set(
        actions = _COMPILE,
        # Images are to be small; what has hot loops asks for more (bazel/cc.bzl).
        flag_groups = [flag_group(flags = ["-Os", "-DNDEBUG"])],
    )
    return cc_common.create_cc_toolchain_config_info(
        ctx = ctx,
        toolchain_identifier = ctx.label.name,
        host_system_name = "local",
        target_system_name = ctx.attr.triple,
        target_cpu = ctx.attr.cpu,
        target_libc = "none",
        compiler = "clang",
        abi_version = "none",
        abi_libc_version = "none",
        tool_paths = [tool_path(name = n, path = p) for n, p in _TOOLS.items()],
        features = [
            feature(name = "default_compile", enabled = True, flag_sets = [compile_flags]),
            feature(name = "opt", flag_sets = [optimise]),
        ],
        cxx_builtin_include_directories = ["/usr/lib/llvm-14"],
    )

cc_config = rule(
    implementation = _impl,
    provides = [CcToolchainConfigInfo],
    attrs = {
        "triple": attr.string(),
        "cpu": attr.string(),
        "copts": attr.string_list(),
    },
)
