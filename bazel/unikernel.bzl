"""Programs with nothing underneath: bootable images out of so_main, a processor and a device family."""

load("//bazel:cc.bzl", "so_binary")

# A target is a processor and a device family.
_TARGETS = {
    "xen_x86_64": struct(
        platform = "//bazel/platforms:bare_x86_64",
        machine = "//kernel/x86",
        devices = "//kernel/xen:devices",
        script = "//kernel/x86:image.lds",
        emulation = "elf_x86_64",
        raw = False,
    ),
    "virtio_x86_64": struct(
        platform = "//bazel/platforms:bare_x86_64",
        machine = "//kernel/x86",
        devices = "//kernel/virtio:devices",
        script = "//kernel/x86:image.lds",
        emulation = "elf_x86_64",
        raw = False,
    ),
    "xen_arm64": struct(
        platform = "//bazel/platforms:bare_arm64",
        machine = "//arm/machine",
        devices = "//kernel/xen:devices",
        script = "//arm/arm64:image.lds",
        emulation = "aarch64elf",
        raw = True,
    ),
    "virtio_arm64": struct(
        platform = "//bazel/platforms:bare_arm64",
        machine = "//arm/machine",
        devices = "//kernel/virtio:devices",
        script = "//arm/arm64:image.lds",
        emulation = "aarch64elf",
        raw = True,
    ),
    "xen_armv7": struct(
        platform = "//bazel/platforms:bare_armv7",
        machine = "//arm/machine",
        devices = "//kernel/xen:devices",
        script = "//arm/armv7:xen.lds",
        emulation = "armelf",
        raw = True,
    ),
    "virtio_armv7": struct(
        platform = "//bazel/platforms:bare_armv7",
        machine = "//arm/machine",
        devices = "//kernel/virtio:devices",
        script = "//arm/armv7:virtio.lds",
        emulation = "armelf",
        raw = True,
    ),
}

BARE_TARGETS = _TARGETS.keys()

_ALL = ["unix_socket", "unix_tap"] + BARE_TARGETS

# What is built for an image does not depend on how the rest is built (sanitizers, --config=...).
def _to_platform_impl(_settings, attr):
    return {
        "//command_line_option:platforms": [attr.platform],
        "//command_line_option:compilation_mode": "opt",
        "//command_line_option:copt": ["-g1", "-fno-omit-frame-pointer"],
        "//command_line_option:linkopt": [],
        "//bazel:sanitized": False,
        "//bazel:fuzzing": False,
    }

_to_platform = transition(
    implementation = _to_platform_impl,
    inputs = [],
    outputs = [
        "//command_line_option:platforms",
        "//command_line_option:compilation_mode",
        "//command_line_option:copt",
        "//command_line_option:linkopt",
        "//bazel:sanitized",
        "//bazel:fuzzing",
    ],
)

def _archives(deps):
    out = []
    for dep in deps:
        for input in dep[CcInfo].linking_context.linker_inputs.to_list():
            for library in input.libraries:
                archive = library.static_library or library.pic_static_library
                if archive and archive not in out:
                    out.append(archive)
    return out

def _link(ctx, archives, symbols, out):
    args = ctx.actions.args()
    args.add_all(["-m", ctx.attr.emulation, "-static", "-nostdlib", "--gc-sections", "-n"])
    args.add_all(["--build-id=sha1", "--fatal-warnings", "-O2", "--icf=safe"])
    args.add_all(["-z", "norelro", "-z", "noexecstack", "--no-undefined"])
    args.add("-T", ctx.file.script)
    args.add("--start-group")
    args.add_all(archives)
    args.add("--end-group")
    args.add_all(["--format=binary", symbols, "--format=elf"])
    args.add("-o", out)
    ctx.actions.run(
        executable = "/usr/bin/ld.lld",
        arguments = [args],
        inputs = archives + [symbols, ctx.file.script],
        outputs = [out],
        mnemonic = "ImageLink",
    )

# The table of symbols lies behind the code, so the code does not move when it grows from nothing.
def _image_impl(ctx):
    archives = _archives(ctx.attr.deps)
    name = ctx.label.name
    none = ctx.actions.declare_file(name + ".empty/symbols.bin")
    first = ctx.actions.declare_file(name + ".first.elf")
    table = ctx.actions.declare_file(name + ".table/symbols.bin")
    full = ctx.actions.declare_file(name + ".sym")
    image = ctx.actions.declare_file(name)
    ctx.actions.write(none, "")
    _link(ctx, archives, none, first)
    ctx.actions.run_shell(
        command = "exec \"$1\" \"$2\" > \"$3\"",
        arguments = [ctx.executable._symbols.path, first.path, table.path],
        inputs = [first],
        outputs = [table],
        tools = [ctx.executable._symbols],
        mnemonic = "ImageSymbols",
    )
    _link(ctx, archives, table, full)
    ctx.actions.run(
        executable = "/usr/bin/llvm-objcopy",
        arguments = (["-O", "binary"] if ctx.attr.raw else ["--strip-all"]) + [full.path, image.path],
        inputs = [full],
        outputs = [image],
        mnemonic = "ImageStrip",
    )
    return [DefaultInfo(
        files = depset([image, full]),
        runfiles = ctx.runfiles([image, full]),
    )]

so_image = rule(
    implementation = _image_impl,
    doc = "Links an image: NAME is what a loader takes, NAME.sym has symbols.",
    attrs = {
        "deps": attr.label_list(cfg = _to_platform, providers = [CcInfo]),
        "platform": attr.string(mandatory = True),
        "emulation": attr.string(mandatory = True),
        # ARM's loaders know no ELF: NAME is the bytes as they lie in memory, with the header of entry.S.
        "raw": attr.bool(),
        "script": attr.label(allow_single_file = True, mandatory = True),
        "_symbols": attr.label(
            default = "//kernel/lib:symbols_tool",
            executable = True,
            cfg = "exec",
        ),
        "_allowlist_function_transition": attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
    },
)

def so_program_name(name, program, visibility = None):
    """The library that tells kernel/bare what the program is called."""
    native.genrule(
        name = name + "_source",
        outs = [name + ".c"],
        cmd = "echo 'extern const char so_bare_program[];' > $@; " +
              "echo 'const char so_bare_program[] = \"%s\";' >> $@" % program,
    )
    native.cc_library(
        name = name,
        srcs = [name + ".c"],
        linkstatic = 1,
        visibility = visibility,
    )

def so_target_image(name, target, deps, devices = None, visibility = None, testonly = 0, tags = []):
    """An image for one of the targets. `devices` replaces the target's device family."""
    t = _TARGETS[target]
    so_image(
        name = name,
        testonly = testonly,
        tags = tags,
        platform = t.platform,
        emulation = t.emulation,
        raw = t.raw,
        script = t.script,
        visibility = visibility,
        deps = deps + [
            t.machine,
            devices or t.devices,
            "//kernel/bare",
            "//kernel/lib:mem",
        ],
    )

def unikernel(name, app, targets = _ALL, visibility = None):
    """A program on every target: `:unix_socket`, `:unix_tap`, `:xen_x86_64`, `:virtio_arm64`, ...

    Args:
      name: the program's name, argv[0].
      app: the labels of the libraries that make so_main.
      targets: which ones.
      visibility: of all of them.
    """
    visibility = visibility or ["//bazel/layers:uses_apps"]
    unix = {"unix_socket": "//kernel/unix:main", "unix_tap": "//apps/lib/tap_main"}
    if [t for t in targets if t in _TARGETS]:
        so_program_name(name = name + "_name", program = name)
    for target in targets:
        if target in unix:
            so_binary(
                name = target,
                visibility = visibility,
                deps = app + [unix[target]],
            )
        else:
            so_target_image(
                name = target,
                target = target,
                deps = app + [":" + name + "_name"],
                # Built when named, or when a test wants them: four more compilations of everything.
                tags = ["manual"] if "arm" in target else [],
                visibility = visibility,
            )
