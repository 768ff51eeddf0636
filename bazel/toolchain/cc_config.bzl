"""Debian's clang as a cross compiler: one definition for every system that is not this machine's."""

load("@bazel_tools//tools/cpp:cc_toolchain_config_lib.bzl", "feature", "flag_group", "flag_set", "tool_path")
load("@bazel_tools//tools/build_defs/cc:action_names.bzl", "ACTION_NAMES")

_C = [
    ACTION_NAMES.c_compile,
    ACTION_NAMES.assemble,
    ACTION_NAMES.preprocess_assemble,
]

_CPP = [ACTION_NAMES.cpp_compile]

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
    return [flag_set(actions = actions, flag_groups = [flag_group(flags = flags)])] if flags else []

def _impl(ctx):
    target = ["--target=" + ctx.attr.triple]
    return cc_common.create_cc_toolchain_config_info(
        ctx = ctx,
        toolchain_identifier = ctx.label.name,
        host_system_name = "local",
        target_system_name = ctx.attr.triple,
        target_cpu = ctx.attr.cpu,
        target_libc = ctx.attr.libc,
        compiler = "clang",
        abi_version = "none",
        abi_libc_version = "none",
        tool_paths = [tool_path(name = n, path = p) for n, p in _TOOLS.items()],
        features = [
            feature(
                name = "target",
                enabled = True,
                flag_sets = _flags(_C + _CPP, target + ctx.attr.copts) +
                            _flags(_LINK, target + ctx.attr.linkopts if ctx.attr.linkopts else []),
            ),
            feature(
                name = "opt",
                flag_sets = _flags(_C, [ctx.attr.c_level, "-DNDEBUG"]) +
                            _flags(_CPP, [ctx.attr.cpp_level, "-DNDEBUG"]),
            ),
        ],
        cxx_builtin_include_directories = ["/usr/lib/llvm-14"] + ctx.attr.include_directories,
    )

_cc_config = rule(
    implementation = _impl,
    provides = [CcToolchainConfigInfo],
    attrs = {
        "triple": attr.string(mandatory = True),
        "cpu": attr.string(mandatory = True),
        "libc": attr.string(mandatory = True),
        "copts": attr.string_list(),
        "linkopts": attr.string_list(),
        "c_level": attr.string(mandatory = True),
        "cpp_level": attr.string(mandatory = True),
        "include_directories": attr.string_list(),
    },
)

def cross_toolchain(name, triple, cpu, os, copts, libc = "none", c_level = "-Os", cpp_level = "-Os", linkopts = [], include_directories = []):
    """The toolchain NAME_toolchain for the platforms with this cpu and os.

    c_level, cpp_level: how --compilation_mode=opt optimizes C and C++.
    linkopts: none where linking is not the toolchain's matter (bazel/unikernel.bzl links images itself).
    include_directories: the system's headers, beside the compiler's own.
    """
    _cc_config(
        name = name + "_config",
        c_level = c_level,
        copts = copts,
        cpp_level = cpp_level,
        cpu = name,
        include_directories = include_directories,
        libc = libc,
        linkopts = linkopts,
        triple = triple,
    )
    native.cc_toolchain(
        name = name + "_cc",
        all_files = ":empty",
        compiler_files = ":empty",
        dwp_files = ":empty",
        linker_files = ":empty",
        objcopy_files = ":empty",
        strip_files = ":empty",
        supports_param_files = 1,
        toolchain_config = name + "_config",
    )
    native.toolchain(
        name = name + "_toolchain",
        exec_compatible_with = ["@platforms//os:linux"],
        target_compatible_with = [
            "@platforms//os:" + os,
            "@platforms//cpu:" + cpu,
        ],
        toolchain = name + "_cc",
        toolchain_type = "@bazel_tools//tools/cpp:toolchain_type",
    )
