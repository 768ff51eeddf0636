// Block devices on files, and small files written whole.

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "kernel/unix/internal.h"

// A regular file may grow up to this.
#define FILE_CAPACITY (UINT64_C(1) << 40)
// What a disk below the file system does not tear.
#define FILE_UNIT_LEN 512u

typedef struct unix_file {
  int fd;
  so_unix *u;  // NULL: no scheduler, flush blocks the thread.
  uint64_t capacity;
  bool failed;  // A flush failed: what the page cache holds may be lost, for good.
  // Flushes run one at a time and are shared: each covers all who asked before it began. So the
  // one error that the kernel reports reaches all of them.
  uint64_t flushes_begun;
  uint64_t flushes_done;
  bool flushing;
  int flush_error;
  so_event flushed;
} unix_file;

so_status unix_error(int error) {
  so_code code;
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      code = SO_NOT_FOUND;
      break;
    case EACCES:
    case EPERM:
    case EROFS:
      code = SO_DENIED;
      break;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
    case ENAMETOOLONG:
      code = SO_LIMIT;
      break;
    case EADDRINUSE:
    case EWOULDBLOCK:
      code = SO_CONFLICT;
      break;
    case EISDIR:
      code = SO_UNSUPPORTED;
      break;
    default:
      code = SO_IO;
  }
  return so_status_make(code, (uint16_t)error);
}

so_status unix_path(so_bytes path, char out[UNIX_PATH_CAP]) {
  if (path.len == 0 || so_bytes_find(path, 0) != path.len) {
    return so_status_make(SO_MALFORMED, 0);
  }
  if (path.len >= UNIX_PATH_CAP) {
    return so_status_make(SO_LIMIT, ENAMETOOLONG);
  }
  memcpy(out, path.ptr, path.len);
  out[path.len] = '\0';
  return so_done();
}

so_status unix_sync_parent(const char *path) {
  char parent[UNIX_PATH_CAP];
  const char *const slash = strrchr(path, '/');
  const size_t len = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
  memcpy(parent, path, len);
  parent[len] = '\0';
  const int fd = open(len == 0 ? "." : parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) {
    return unix_error(errno);
  }
  const int error = fsync(fd) == 0 ? 0 : errno;
  (void)close(fd);
  return error == 0 ? so_done() : unix_error(error);
}

// --- reading and writing ----------------------------------------------------------------------

static so_status check_range(const unix_file *f, uint64_t offset, size_t len) {
  const bool fits = offset % FILE_UNIT_LEN == 0 && len % FILE_UNIT_LEN == 0 &&
                    offset <= f->capacity && len <= f->capacity - offset;
  return fits ? so_done() : so_status_make(SO_LIMIT, 0);
}

static so_status file_read(void *ctx, uint64_t offset, uint8_t *out, size_t len) {
  const unix_file *const f = ctx;
  SO_TRY(check_range(f, offset, len));
  while (len != 0) {
    const ssize_t n = pread(f->fd, out, len, (off_t)offset);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return so_status_make(SO_IO, (uint16_t)errno);
    }
    if (n == 0) {  // The end of the file: what was never written reads as zeros.
      memset(out, 0, len);
      return so_done();
    }
    out += n;
    offset += (uint64_t)n;
    len -= (size_t)n;
  }
  return so_done();
}

static so_status write_fully(int fd, uint64_t offset, so_bytes bytes) {
  while (bytes.len != 0) {
    const ssize_t n = pwrite(fd, bytes.ptr, bytes.len, (off_t)offset);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n <= 0) {
      const so_status s = unix_error(n == 0 ? ENOSPC : errno);
      return so_is(s, SO_LIMIT) ? s : so_status_make(SO_IO, s.detail);
    }
    bytes = so_bytes_from(bytes, (size_t)n);
    offset += (uint64_t)n;
  }
  return so_done();
}

static so_status file_write(void *ctx, uint64_t offset, so_bytes bytes) {
  const unix_file *const f = ctx;
  SO_TRY(check_range(f, offset, bytes.len));
  if (f->failed) {
    return so_status_make(SO_IO, (uint16_t)f->flush_error);
  }
  return write_fully(f->fd, offset, bytes);
}

// --- flushing ---------------------------------------------------------------------------------

static void sync_data(void *arg) {
  unix_file *const f = arg;
  f->flush_error = 0;
  while (fdatasync(f->fd) != 0) {
    if (errno != EINTR) {
      f->flush_error = errno;
      return;
    }
  }
}

static void flush_once(unix_file *f) {
  f->flushing = true;
  f->flushes_begun++;
  if (f->u != NULL) {
    unix_offload(f->u, sync_data, f);
  } else {
    sync_data(f);
  }
  f->flushing = false;
  f->flushes_done = f->flushes_begun;
  f->failed = f->failed || f->flush_error != 0;
  if (f->u != NULL) {
    so_event_signal(&f->u->sched, &f->flushed);
  }
}

static void wait_for_flush(unix_file *f) {
  const bool before = so_fiber_wake_on_stop(&f->u->sched, false);
  const so_status s = so_event_wait(&f->u->sched, &f->flushed, SO_NEVER);
  SO_ASSERT(so_ok(s));
  (void)so_fiber_wake_on_stop(&f->u->sched, before);
}

static so_status file_flush(void *ctx) {
  unix_file *const f = ctx;
  const uint64_t mine = f->flushes_begun + 1;  // A flush already under way may not cover our writes.
  while (!f->failed && f->flushes_done < mine) {
    if (f->flushing) {
      wait_for_flush(f);
    } else {
      flush_once(f);
    }
  }
  return f->failed ? so_status_make(SO_IO, (uint16_t)f->flush_error) : so_done();
}

static void file_close(void *ctx) {
  unix_file *const f = ctx;
  SO_ASSERT(!f->flushing);
  (void)close(f->fd);  // Releases the lock too.
  free(f);
}

// --- opening ----------------------------------------------------------------------------------

// open_or_create sets `*fd`; a file that it made is in its directory for good.
static so_status open_or_create(const char *path, bool create, int *fd) {
  *fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (*fd >= 0 || errno != ENOENT || !create) {
    return *fd >= 0 ? so_done() : unix_error(errno);
  }
  *fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (*fd < 0) {
    return unix_error(errno);
  }
  const so_status s = unix_sync_parent(path);
  if (!so_ok(s)) {
    (void)close(*fd);
    (void)unlink(path);
  }
  return s;
}

static so_status measure(int fd, uint64_t *capacity) {
  struct stat st;
  if (fstat(fd, &st) != 0) {
    return unix_error(errno);
  }
  if (S_ISREG(st.st_mode)) {
    const uint64_t len = ((uint64_t)st.st_size + FILE_UNIT_LEN - 1) / FILE_UNIT_LEN * FILE_UNIT_LEN;
    *capacity = len > FILE_CAPACITY ? len : FILE_CAPACITY;
    return so_done();
  }
  if (!S_ISBLK(st.st_mode)) {
    return so_status_make(SO_UNSUPPORTED, 0);
  }
  if (ioctl(fd, BLKGETSIZE64, capacity) != 0) {
    return unix_error(errno);
  }
  *capacity -= *capacity % FILE_UNIT_LEN;
  return so_done();
}

static so_status adopt(so_unix *u, int fd, so_block *out) {
  static const so_block_ops ops = {file_read, file_write, file_flush, file_close};
  uint64_t capacity;
  SO_TRY(measure(fd, &capacity));
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    return unix_error(errno);
  }
  unix_file *const f = calloc(1, sizeof *f);
  if (f == NULL) {
    return so_status_make(SO_LIMIT, ENOMEM);
  }
  f->fd = fd;
  f->u = u;
  f->capacity = capacity;
  *out = (so_block){&ops, f, capacity, FILE_UNIT_LEN, false};
  return so_done();
}

so_status unix_open_block(so_unix *u, so_bytes path, bool create, so_block *out) {
  char name[UNIX_PATH_CAP];
  int fd;
  SO_TRY(unix_path(path, name));
  SO_TRY(open_or_create(name, create, &fd));
  const so_status s = adopt(u, fd, out);
  if (!so_ok(s)) {
    (void)close(fd);
  }
  return s;
}

so_status so_unix_open_block(so_bytes path, bool create, so_block *out) {
  return unix_open_block(NULL, path, create, out);
}

// --- small files ------------------------------------------------------------------------------

static so_status fill_file(int fd, so_bytes bytes) {
  SO_TRY(write_fully(fd, 0, bytes));
  return fsync(fd) == 0 ? so_done() : so_status_make(SO_IO, (uint16_t)errno);
}

so_status so_unix_write_file(so_bytes path, so_bytes bytes) {
  char name[UNIX_PATH_CAP];
  char temporary[UNIX_PATH_CAP + 8];
  SO_TRY(unix_path(path, name));
  (void)snprintf(temporary, sizeof temporary, "%s.XXXXXX", name);
  const int fd = mkostemp(temporary, O_CLOEXEC);  // Mode 0600.
  if (fd < 0) {
    return unix_error(errno);
  }
  so_status s = fill_file(fd, bytes);
  (void)close(fd);
  if (so_ok(s) && rename(temporary, name) != 0) {
    s = unix_error(errno);
  }
  if (!so_ok(s)) {
    (void)unlink(temporary);
    return s;
  }
  return unix_sync_parent(name);
}
