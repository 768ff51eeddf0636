#include <string.h>

#include "cli/commands/commands.h"

static const cli_command commands[] = {
    {"init", "init [-b BRANCH] [DIR | https://HOST:PORT/REPO]",
     "make a working copy here, or an empty repository on a server", "", cli_init},
    {"clone", "clone https://HOST:PORT/REPO [DIR]", "get a repository and its files",
     "A clone that broke off goes on when the same command is run again.\n", cli_clone},
    {"status", "status", "what has changed since the last commit",
     "Exit code 1 when there is something to commit.\n", cli_status},
    {"commit", "commit -m TEXT [PATH...]", "record everything that has changed (or these paths)",
     "There is no staging area. --allow-empty makes a commit without changes.\n", cli_commit},
    {"log", "log [-n N] [--oneline] [--path PATH] [REF]", "history, newest first", "", cli_log},
    {"diff", "diff [--path PATH] [FROM [TO]]", "differences as a unified diff",
     "Without refs: between the last commit and the files. Exit code 1 when there are any.\n",
     cli_diff},
    {"show", "show [REF]", "one commit and what it changed", "", cli_show},
    {"branch", "branch [-a] | branch NAME [REF] | branch -d NAME", "list, make or delete branches",
     "", cli_branch},
    {"switch", "switch [-f] REF | switch -c NAME [REF]", "go to another branch or commit",
     "Refuses to overwrite changes that are not committed, unless -f.\n", cli_switch},
    {"merge", "merge [-m TEXT] [--ff-only] REF | merge --abort", "merge another branch into this one",
     "Conflicts are left in the files between markers; exit code 1.\n", cli_merge},
    {"resolve", "resolve PATH...", "say that a conflict is settled as the file is now", "",
     cli_resolve},
    {"pull", "pull [--ff-only] [REMOTE [BRANCH]]", "fetch, then merge the server's branch", "",
     cli_pull},
    {"push", "push [--force] [--all] [--tags] [REMOTE [BRANCH]]", "send commits, then move the server's branch",
     "A push that broke off loses nothing: run it again.\n", cli_push},
    {"fetch", "fetch [REMOTE]", "get what is new without touching files", "", cli_fetch},
    {"remote", "remote [add NAME URL | rm NAME]", "the servers of this working copy", "",
     cli_remote_command},
    {"login", "login https://HOST:PORT --cacert FILE --token-file FILE",
     "remember whom to trust and which token to use",
     "--fingerprint HEX trusts the one certificate with this SHA-256 instead of --cacert.\n",
     cli_login},
    {"token", "token list URL | token create URL [--name TEXT] [--repo NAME] [--access A] | token revoke URL ID",
     "the tokens of a server", "", cli_token},
    {"tag", "tag | tag [-m TEXT] NAME [REF] | tag -d NAME", "list, make or delete tags", "", cli_tag},
    {"cat", "cat [REF:]PATH", "print a value", "", cli_cat},
    {"ls", "ls [REF:][PREFIX]", "list values", "", cli_ls},
    {"get", "get [REF:]PATH [FILE]", "copy a value into a file", "", cli_get},
    {"put", "put [-m TEXT] PATH [FILE]", "commit one value from a file or standard input", "",
     cli_put},
    {"rm", "rm [-m TEXT] PATH", "commit the removal of one value", "", cli_rm},
    {"fsck", "fsck [--data FILE]", "check every stored object",
     "--data checks the file of a server that is stopped.\n", cli_fsck},
    {"deploy", "deploy xen [OPTION...] DIR|-",
     "write the configuration of a server that is a guest of Xen",
     "DIR/NAME.cfg is for `xl create`; with - it is printed. The commands to run next are printed too.\n"
     "  --name NAME       of the guest (stored)\n"
     "  --memory MIB      at least 32 (64)\n"
     "  --disk PATH       of the Xen host: a block device, or a file (/dev/vg0/NAME)\n"
     "  --arch ARCH       of the Xen host: x86_64, arm64 or armv7 (x86_64)\n"
     "  --kernel PATH     of the Xen host: the image (/etc/xen/NAME.elf; NAME.img on ARM)\n"
     "  --seed-disk PATH  of the Xen host: a small disk that keeps a seed for random numbers from one start\n"
     "                    to the next; ARM's processors give none (/dev/vg0/NAME-seed on ARM, else none)\n"
     "  --bridge BRIDGE   of the Xen host (xenbr0)\n"
     "  --ip ADDR/LEN     its address, or dhcp (dhcp); --ip6 ADDR/LEN one more\n"
     "  --gw ADDR --dns ADDR[,ADDR]   the router and name servers, when DHCP does not tell\n"
     "  --host NAME       the server's name, for its certificate\n"
     "  --port PORT       where it serves (8443)\n"
     "  --mac MAC         of its network card (a random one, kept in the file)\n"
     "  --public-read     anyone may read\n"
     "  --force           replace DIR/NAME.cfg\n",
     cli_deploy},
    {"import-git", "import-git [FILE]", "read a stream of `git fast-export`",
     "  git fast-export --all | storectl import-git\n", cli_import_git},
    {"export-git", "export-git [FILE]", "write a stream for `git fast-import`",
     "  storectl export-git | git fast-import\n", cli_export_git},
    {"version", "version", "print the version", "", cli_version},
    {"help", "help [COMMAND]", "print this, or the help of one command", "", cli_help},
};

#define COUNT (sizeof commands / sizeof *commands)

const cli_command *cli_command_table(size_t *out_count) {
  *out_count = COUNT;
  return commands;
}

int cli_version(cli *c) {
  (void)c;
  cli_printf("storectl " CLI_VERSION "\n");
  return CLI_DONE;
}

static int help_all(void) {
  cli_printf("usage: storectl COMMAND [ARGUMENTS]\n\n");
  for (size_t i = 0; i < COUNT; i++) {
    cli_printf("  %-11s %s\n", commands[i].name, commands[i].summary);
  }
  cli_printf(
      "\nEvery command takes --json (answers for programs), -q (no hints), and, where a server is\n"
      "asked, --cacert FILE, --token-file FILE, --fingerprint HEX. `storectl help COMMAND` says more.\n"
      "A REF is a branch, a tag, a hash or its first digits, HEAD, and then ~N, ^N or @{TIME}.\n"
      "Exit codes: 0 done, 1 differences or conflicts, 2 usage, 3 refused, 4 damaged data,\n"
      "5 network.\n");
  return CLI_DONE;
}

int cli_help(cli *c) {
  if (c->argc == 0) {
    return help_all();
  }
  for (size_t i = 0; i < COUNT; i++) {
    if (strcmp(commands[i].name, c->argv[0]) == 0) {
      cli_printf("usage: storectl %s\n\n%s.\n%s", commands[i].usage, commands[i].summary,
                 commands[i].text);
      return CLI_DONE;
    }
  }
  return cli_fail(CLI_USAGE, "there is no command '%s'; see `storectl help`", c->argv[0]);
}
