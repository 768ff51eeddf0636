// Folders to read, and small files read whole.

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/unix/internal.h"

#define READ_LEN 16384

typedef struct unix_folder {
  int fd;
} unix_folder;

static so_status folder_error(int error) {
  // A link where a file or directory should be.
  return error == ELOOP ? so_status_make(SO_DENIED, ELOOP) : unix_error(error);
}

// next_segment takes the next segment of `*path` as a string. MALFORMED, LIMIT.
static so_status next_segment(so_bytes *path, char out[UNIX_PATH_CAP]) {
  const so_bytes segment = so_bytes_first(*path, so_bytes_find(*path, '/'));
  const bool has_more = segment.len < path->len;
  *path = so_bytes_from(*path, segment.len + has_more);
  SO_TRY(unix_path(segment, out));
  const bool dots = strcmp(out, ".") == 0 || strcmp(out, "..") == 0;
  return dots || (has_more && path->len == 0) ? so_status_make(SO_MALFORMED, 0) : so_done();
}

// open_beneath walks segment by segment, so that no link is followed on the way.
static so_status open_beneath(int root, so_bytes path, int *out_fd) {
  char name[UNIX_PATH_CAP];
  int at = root;
  so_status status = so_done();
  while (so_ok(status) && path.len != 0) {
    status = next_segment(&path, name);
    if (!so_ok(status)) {
      break;
    }
    const int kind = path.len != 0 ? O_PATH | O_DIRECTORY : O_RDONLY | O_NONBLOCK | O_NOCTTY;
    const int next = openat(at, name, kind | O_NOFOLLOW | O_CLOEXEC);
    if (next < 0) {
      status = folder_error(errno);
    }
    if (at != root) {
      (void)close(at);
    }
    at = next;
  }
  if (!so_ok(status)) {
    if (at >= 0 && at != root) {
      (void)close(at);
    }
    return status;
  }
  *out_fd = at;
  return so_done();
}

static void fill_info(const struct stat *st, so_folder_info *out) {
  out->is_directory = S_ISDIR(st->st_mode);
  out->size = out->is_directory ? 0 : (uint64_t)st->st_size;
  out->version[0] = (uint64_t)st->st_ino;
  out->version[1] = (uint64_t)st->st_size;
  out->version[2] = (uint64_t)st->st_mtim.tv_sec * SO_NS_PER_S + (uint64_t)st->st_mtim.tv_nsec;
  out->version[3] = (uint64_t)st->st_ctim.tv_sec * SO_NS_PER_S + (uint64_t)st->st_ctim.tv_nsec;
}

static so_status folder_open(void *ctx, so_bytes path, so_folder_info *info, void **out_file) {
  const unix_folder *const f = ctx;
  struct stat st;
  int fd = f->fd;
  *out_file = NULL;
  SO_TRY(open_beneath(f->fd, path, &fd));
  if (fstat(fd, &st) != 0) {
    const so_status status = unix_error(errno);
    if (fd != f->fd) {
      (void)close(fd);
    }
    return status;
  }
  fill_info(&st, info);
  int *const file = S_ISREG(st.st_mode) ? malloc(sizeof *file) : NULL;
  if (file != NULL) {
    *file = fd;
    *out_file = file;
    return so_done();
  }
  if (fd != f->fd) {
    (void)close(fd);
  }
  if (S_ISREG(st.st_mode)) {
    return so_status_make(SO_LIMIT, ENOMEM);
  }
  return info->is_directory ? so_done() : so_status_make(SO_NOT_FOUND, 0);
}

static so_status folder_read(void *ctx, void *file, uint64_t offset, uint8_t *buf, size_t cap,
                             size_t *out_len) {
  (void)ctx;
  for (;;) {
    const ssize_t n = pread(*(const int *)file, buf, cap, (off_t)offset);
    if (n >= 0) {
      *out_len = (size_t)n;
      return so_done();
    }
    if (errno != EINTR) {
      return unix_error(errno);
    }
  }
}

static void folder_close_file(void *ctx, void *file) {
  (void)ctx;
  (void)close(*(int *)file);
  free(file);
}

static void folder_close(void *ctx) {
  unix_folder *const f = ctx;
  (void)close(f->fd);
  free(f);
}

so_status unix_open_folder(void *ctx, so_bytes name, so_folder *out) {
  static const so_folder_ops ops = {folder_open, folder_read, folder_close_file, folder_close};
  char path[UNIX_PATH_CAP];
  (void)ctx;
  SO_TRY(unix_path(name, path));
  unix_folder *const f = malloc(sizeof *f);
  if (f == NULL) {
    return so_status_make(SO_LIMIT, ENOMEM);
  }
  f->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (f->fd < 0) {
    const so_status status = unix_error(errno);
    free(f);
    return status;
  }
  *out = (so_folder){&ops, f};
  return so_done();
}

so_status unix_sidecar_read(void *ctx, so_bytes name, so_buf *out) {
  char path[UNIX_PATH_CAP];
  (void)ctx;
  SO_TRY(unix_path(name, path));
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return unix_error(errno);
  }
  ssize_t n = 1;
  so_status status = so_done();
  while (so_ok(status) && n != 0) {
    uint8_t *const room = so_buf_reserve(out, READ_LEN);
    n = room == NULL ? 0 : read(fd, room, READ_LEN);
    if (room == NULL) {
      status = so_status_make(SO_LIMIT, 0);
    } else if (n > 0) {
      so_buf_commit(out, (size_t)n);
    } else if (n < 0 && errno != EINTR) {
      status = unix_error(errno);
    }
  }
  (void)close(fd);
  return status;
}
