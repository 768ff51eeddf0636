// A plugin for QEMU's user emulation (QEMU 6 or later): counts the instructions that a program executes, exactly, and
// prints the number on standard error when it ends. Debian has QEMU with the interface but without its header, so
// what is used of it is declared here: QEMU's docs/devel/tcg-plugins.rst, interface version 1.

#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_info;

#define INLINE_ADD_U64 0

typedef void translated_callback(plugin_id id, struct qemu_plugin_tb *block);
typedef void end_callback(plugin_id id, void *context);

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, translated_callback *callback);
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *block, int op, void *counter,
                                              uint64_t amount);
void qemu_plugin_register_atexit_cb(plugin_id id, end_callback *callback, void *context);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);

int qemu_plugin_install(plugin_id id, const struct qemu_info *info, int argc, char **argv);

extern int qemu_plugin_version;
int qemu_plugin_version = 1;

static uint64_t executed;

// A block runs from its start to its end, or not at all.
static void on_translated(plugin_id id, struct qemu_plugin_tb *block) {
  (void)id;
  qemu_plugin_register_vcpu_tb_exec_inline(block, INLINE_ADD_U64, &executed,
                                           qemu_plugin_tb_n_insns(block));
}

static void on_end(plugin_id id, void *context) {
  (void)id;
  (void)context;
  fprintf(stderr, "instructions %" PRIu64 "\n", executed);
}

int qemu_plugin_install(plugin_id id, const struct qemu_info *info, int argc, char **argv) {
  (void)info;
  (void)argc;
  (void)argv;
  qemu_plugin_register_vcpu_tb_trans_cb(id, on_translated);
  qemu_plugin_register_atexit_cb(id, on_end, NULL);
  return 0;
}
