// The disks of the machine, as a part of an image.

#include "base/fmt.h"
#include "kernel/bare/internal.h"

// What the device family says of it stands behind: it knows what to do.
static void say_no_disk(const bare *b, so_bytes name, so_status s, const char *why) {
  const bool none = so_is(s, SO_NOT_FOUND);
  bare_say(b, "no disk%s%.*s: %s%s%s", name.len != 0 ? " " : "", SO_FMT(name),
           none && name.len != 0 ? "the machine has none of that name"
           : none                ? "the machine has none"
                                 : "",
           none && why != NULL ? ": " : "",
           why != NULL ? why
           : none      ? ""
                       : so_code_name((so_code)s.code));
}

// `data` is the disk that the setting names, or the first one.
so_status so_bare_open_block(void *ctx, so_bytes name, bool create, so_block *out) {
  const bare *const b = ctx;
  const char *why = NULL;
  (void)create;  // Disks are there or not.
  if (so_bytes_equal(name, so_str(so_setting_key(SO_SETTING_DATA)))) {
    name = so_bytes_of(NULL, 0);
    (void)so_command_line_get(&b->command_line, SO_SETTING_DATA, &name);
  }
  const so_status s = so_devices_block(name, out, &why);
  if (!so_ok(s)) {
    say_no_disk(b, name, s, why);
  }
  return s;
}
