"""A boolean build setting, so that BUILD files can select on a .bazelrc config."""

def _impl(_ctx):
    return []

bool_flag = rule(
    implementation = _impl,
    build_setting = config.bool(flag = True),
)
