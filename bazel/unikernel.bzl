"""Programs with nothing underneath: bootable images out of so_main, a processor and a device family."""

load("//bazel:cc.bzl", "so_binary")

# A target is a processor and a device family.
_PROCESSORS = {
    "x86_64": struct(
        machine = "//kernel/x86",
        emulation = "elf_x86_64",
        scripts = {"xen": "//kernel/x86:image.lds", "virtio": "//kernel/x86:image.lds"},
        raw = False,
    ),
    "arm64": struct(
        machine = "//arm/machine",
        emulation = "aarch64elf",
        scripts = {"xen": "//arm/arm64:image.lds", "virtio": "//arm/arm64:image.lds"},
        raw = True,
    ),
    "armv7": struct(
        machine = "//arm/machine",
        emulation = "armelf",
        scripts = {"xen": "//arm/armv7:xen.lds", "virtio": "//arm/armv7:virtio.lds"},
        raw = True,
    ),
}

_DEVICES = {"xen": "//kernel/xen:devices", "virtio": "//kernel/virtio:devices"}

BARE_TARGETS = [d + "_" + p for p in _PROCESSORS for d in _DEVICES]

_ALL = ["unix_socket", "unix_tap"] + BARE_TARGETS

# What an image may do without: the function that puts it into a host, or the member of so_bare_parts.
_HOST_PARTS = ["ipv6", "datagrams", "names", "dhcp", "clock", "metrics"]
_MACHINE_PARTS = {
    "disks": "open_block = so_bare_open_block, .seed_disk = so_bare_seed_disk",
    "metrics": "metrics = so_bare_metrics_each",
}

ALL_PARTS = _HOST_PARTS + ["disks"]

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

def so_program_parts(name, program, parts = ALL_PARTS, visibility = None):
    """The library that tells kernel/bare what the program is called and what the image holds."""
    for part in parts:
        if part not in ALL_PARTS:
            fail("%s: there is no part %s, only %s" % (program, part, ", ".join(ALL_PARTS)))
    host = [p for p in _HOST_PARTS if p in parts]
    if "ipv6" in parts and "metrics" in parts:
        host.append("ipv6_metrics")
    members = [".program = \"%s\"" % program, ".host = host"]
    members += ["." + m for p, m in _MACHINE_PARTS.items() if p in parts]
    lines = ["#include \"kernel/bare/parts.h\"", "static void host(so_host_config *c) {", "(void)c;"]
    lines += ["so_host_config_%s(c);" % p for p in host]
    lines += ["}", "const so_bare_parts so_bare_image = {%s};" % ", ".join(members)]
    native.genrule(
        name = name + "_source",
        outs = [name + ".c"],
        cmd = "\n".join(["echo '%s' >> $@" % line for line in lines]),
    )
    native.cc_library(
        name = name,
        srcs = [name + ".c"],
        linkstatic = 1,
        visibility = visibility,
        target_compatible_with = ["@platforms//os:none"],
        deps = ["//kernel/bare"] + ["//net/host:" + p for p in host],
    )

def so_target_image(name, target, deps, devices = None, visibility = None, testonly = 0, tags = []):
    """An image for one of the targets. `devices` replaces the target's device family."""
    family, _, processor = target.partition("_")
    p = _PROCESSORS[processor]
    so_image(
        name = name,
        testonly = testonly,
        tags = tags,
        platform = "//bazel/platforms:bare_" + processor,
        emulation = p.emulation,
        raw = p.raw,
        script = p.scripts[family],
        visibility = visibility,
        deps = deps + [
            p.machine,
            devices or _DEVICES[family],
            "//kernel/bare",
            "//kernel/lib:mem",
        ],
    )

def unikernel(name, app, targets = _ALL, parts = ALL_PARTS, visibility = None):
    """A program on every target: `:unix_socket`, `:unix_tap`, `:xen_x86_64`, `:virtio_arm64`, ...

    Args:
      name: the program's name, argv[0].
      app: the labels of the libraries that make so_main.
      targets: which ones.
      parts: what its images hold besides IPv4, ICMP and TCP, out of ALL_PARTS; as a Unix process it has
        everything. A setting that needs another part is refused with the name of that part.
      visibility: of all of them.
    """
    visibility = visibility or ["//bazel/layers:uses_apps"]
    unix = {"unix_socket": "//kernel/unix:main", "unix_tap": "//apps/lib/tap_main"}
    if [t for t in targets if t in BARE_TARGETS]:
        so_program_parts(name = name + "_parts", program = name, parts = parts)
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
                deps = app + [":" + name + "_parts"],
                # Built when named, or when a test wants them: four more compilations of everything.
                tags = ["manual"] if "arm" in target else [],
                visibility = visibility,
            )
