#include "cli/workcopy/scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/workcopy/workcopy.h"

#define DEPTH_MAX 1024

typedef struct item {
  char *name;
  bool is_dir;
} item;

// A directory being walked: its entries, sorted as the map sorts, and how far we are.
typedef struct level {
  int fd;
  size_t path_len;  // Of the directory's path with its slash, in cli_scan.path.
  item *items;
  size_t count;
  size_t next;
} level;

struct cli_scan {
  cli_scan_filter filter;
  level levels[DEPTH_MAX];
  size_t depth;
  char path[CLI_PATH_LEN];
  size_t others;
  char other[CLI_PATH_LEN];
};

// compare_items orders siblings as their full paths are ordered: a directory counts with its slash.
static int compare_items(const void *a, const void *b) {
  const item *x = a, *y = b;
  const size_t x_len = strlen(x->name), y_len = strlen(y->name);
  const size_t common = x_len < y_len ? x_len : y_len;
  const int order = memcmp(x->name, y->name, common);
  if (order != 0) {
    return order;
  }
  const unsigned x_next = x_len > common ? (unsigned char)x->name[common] : x->is_dir ? '/' : 0;
  const unsigned y_next = y_len > common ? (unsigned char)y->name[common] : y->is_dir ? '/' : 0;
  return x_next < y_next ? -1 : x_next > y_next;
}

static bool is_dir(int fd, const struct dirent *e) {
  struct stat s;
  if (e->d_type != DT_UNKNOWN) {
    return e->d_type == DT_DIR;
  }
  return fstatat(fd, e->d_name, &s, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(s.st_mode);
}

static bool is_special(const char *name) {
  return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, CLI_DIR) == 0;
}

static so_status read_items(level *l, DIR *dir) {
  size_t cap = 0;
  for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
    if (is_special(e->d_name)) {
      continue;
    }
    if (l->count == cap) {
      cap = cap == 0 ? 64 : cap * 2;
      item *grown = realloc(l->items, cap * sizeof *grown);
      if (grown == NULL) {
        return so_status_make(SO_LIMIT, 0);
      }
      l->items = grown;
    }
    char *name = strdup(e->d_name);
    if (name == NULL) {
      return so_status_make(SO_LIMIT, 0);
    }
    l->items[l->count++] = (item){name, is_dir(l->fd, e)};
  }
  qsort(l->items, l->count, sizeof *l->items, compare_items);
  return so_done();
}

// enter takes over `fd`.
static so_status enter(cli_scan *s, int fd) {
  if (s->depth == DEPTH_MAX) {
    close(fd);
    return so_status_make(SO_LIMIT, 0);
  }
  level *l = &s->levels[s->depth++];
  const level start = {.fd = fd, .path_len = strlen(s->path)};
  *l = start;
  const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  DIR *dir = copy < 0 ? NULL : fdopendir(copy);
  if (dir == NULL) {
    return so_status_make(SO_IO, (uint16_t)errno);
  }
  rewinddir(dir);
  const so_status status = read_items(l, dir);
  closedir(dir);
  return status;
}

static void leave(cli_scan *s) {
  level *l = &s->levels[--s->depth];
  for (size_t i = 0; i < l->count; i++) {
    free(l->items[i].name);
  }
  free(l->items);
  close(l->fd);
}

so_status cli_scan_open(int root_fd, const cli_scan_filter *filter, cli_scan **out) {
  cli_scan *s = calloc(1, sizeof *s);
  const int fd = fcntl(root_fd, F_DUPFD_CLOEXEC, 0);
  if (s == NULL || fd < 0) {
    free(s);
    return so_status_make(SO_LIMIT, 0);
  }
  s->filter = *filter;
  const so_status status = enter(s, fd);
  if (!so_ok(status)) {
    cli_scan_close(s);
    return status;
  }
  *out = s;
  return status;
}

static bool skipped(const cli_scan *s, bool dir) {
  return s->filter.skip != NULL && s->filter.skip(s->filter.ctx, so_str(s->path), dir);
}

static so_status enter_named(cli_scan *s, const level *l, const char *name) {
  const int fd = openat(l->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) {
    return errno == ENOENT ? so_done()
                           : so_status_make(errno == EACCES ? SO_DENIED : SO_IO, (uint16_t)errno);
  }
  const size_t len = strlen(s->path);
  if (len + 2 > sizeof s->path) {
    close(fd);
    return so_status_make(SO_LIMIT, 0);
  }
  s->path[len] = '/';
  s->path[len + 1] = '\0';
  return enter(s, fd);
}

// give looks at one file. AGAIN: it is nothing to give.
static so_status give(cli_scan *s, const level *l, const char *name, cli_scan_file *out) {
  if (fstatat(l->fd, name, &out->stat, AT_SYMLINK_NOFOLLOW) != 0) {
    return so_status_make(errno == ENOENT ? SO_AGAIN : SO_IO, (uint16_t)errno);
  }
  if (skipped(s, false)) {
    return so_status_make(SO_AGAIN, 0);
  }
  if (!S_ISREG(out->stat.st_mode) && !S_ISLNK(out->stat.st_mode)) {
    if (s->others++ == 0) {
      memcpy(s->other, s->path, sizeof s->other);
    }
    return so_status_make(SO_AGAIN, 0);
  }
  out->path = so_str(s->path);
  return so_done();
}

so_status cli_scan_next(cli_scan *s, cli_scan_file *out) {
  while (s->depth != 0) {
    level *l = &s->levels[s->depth - 1];
    if (l->next == l->count) {
      leave(s);
      continue;
    }
    const item *i = &l->items[l->next++];
    const size_t name_len = strlen(i->name);
    if (l->path_len + name_len >= sizeof s->path) {
      return so_status_make(SO_LIMIT, 0);
    }
    memcpy(s->path + l->path_len, i->name, name_len + 1);
    if (i->is_dir) {
      if (!skipped(s, true)) {
        SO_TRY(enter_named(s, l, i->name));
      }
      continue;
    }
    const so_status status = give(s, l, i->name, out);
    if (!so_is(status, SO_AGAIN)) {
      return status;
    }
  }
  return so_status_make(SO_NOT_FOUND, 0);
}

const char *cli_scan_where(const cli_scan *s) { return s->path; }

size_t cli_scan_others(const cli_scan *s, const char **out_example) {
  *out_example = s->other;
  return s->others;
}

void cli_scan_close(cli_scan *s) {
  while (s->depth != 0) {
    leave(s);
  }
  free(s);
}
