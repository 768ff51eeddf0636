"""Tests that are scripts which run programs of ours."""

def so_program_test(name, srcs, programs, args = [], data = [], tags = [], size = "large"):
    """A script that gets the paths of `programs` as its first arguments, in this order, and then `args`."""
    native.sh_test(
        name = name,
        size = size,
        srcs = srcs,
        args = ["$(location %s)" % p for p in programs] + args,
        data = data + programs,
        tags = tags,
        target_compatible_with = ["@platforms//os:linux"],
    )
