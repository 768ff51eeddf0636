#include "cli/workcopy/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PIECE_LEN 16384
#define PATH_LEN 4352

static so_status status_of(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return so_status_make(SO_NOT_FOUND, (uint16_t)error);
    case EACCES:
    case EPERM:
    case EROFS:
      return so_status_make(SO_DENIED, (uint16_t)error);
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return so_status_make(SO_LIMIT, (uint16_t)error);
    default:
      return so_status_make(SO_IO, (uint16_t)error);
  }
}

static so_status read_all(int fd, so_buf *out) {
  uint8_t piece[PIECE_LEN];
  for (;;) {
    const ssize_t n = read(fd, piece, sizeof piece);
    if (n < 0 && errno != EINTR) {
      return status_of(errno);
    }
    if (n == 0) {
      so_bytes all;
      return so_buf_end(out, &all);
    }
    so_buf_append(out, so_bytes_of(piece, n < 0 ? 0 : (size_t)n));
  }
}

so_status cli_file_read(const char *path, so_buf *out) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return status_of(errno);
  }
  const so_status status = read_all(fd, out);
  close(fd);
  return status;
}

static so_status write_all(int fd, so_bytes content) {
  while (content.len != 0) {
    const ssize_t n = write(fd, content.ptr, content.len);
    if (n < 0 && errno != EINTR) {
      return status_of(errno);
    }
    content = so_bytes_from(content, n < 0 ? 0 : (size_t)n);
  }
  return so_done();
}

so_status cli_file_replace(const char *path, so_bytes content) {
  char temporary[PATH_LEN];
  snprintf(temporary, sizeof temporary, "%s.new", path);
  const int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) {
    return status_of(errno);
  }
  so_status status = write_all(fd, content);
  if (close(fd) != 0 && so_ok(status)) {
    status = status_of(errno);
  }
  if (so_ok(status) && rename(temporary, path) != 0) {
    status = status_of(errno);
  }
  if (!so_ok(status)) {
    unlink(temporary);
  }
  return status;
}

// step goes from directory `fd` (which it closes) into `name`.
static int step(int fd, const char *name, bool make) {
  if (make && mkdirat(fd, name, 0777) != 0 && errno != EEXIST) {
    const int error = errno;
    close(fd);
    errno = error;
    return -1;
  }
  const int next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  const int error = errno;
  close(fd);
  errno = error;
  return next;
}

int cli_dir_open(int root_fd, const char *path, bool make, const char **out_name) {
  char segment[PATH_LEN];
  int fd = fcntl(root_fd, F_DUPFD_CLOEXEC, 0);
  const char *slash;
  while (fd >= 0 && (slash = strchr(path, '/')) != NULL) {
    const size_t len = (size_t)(slash - path);
    memcpy(segment, path, len);
    segment[len] = '\0';
    fd = step(fd, segment, make);
    path = slash + 1;
  }
  *out_name = path;
  return fd;
}

void cli_dir_prune(int root_fd, const char *path) {
  char parent[PATH_LEN];
  snprintf(parent, sizeof parent, "%s", path);
  for (char *slash = strrchr(parent, '/'); slash != NULL; slash = strrchr(parent, '/')) {
    *slash = '\0';
    const char *name;
    const int fd = cli_dir_open(root_fd, parent, false, &name);
    if (fd < 0) {
      continue;  // Gone already.
    }
    const int removed = unlinkat(fd, name, AT_REMOVEDIR);
    close(fd);
    if (removed != 0) {
      return;
    }
  }
}
