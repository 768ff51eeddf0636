// Worker threads for system calls that cannot be waited for with epoll.

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/assert.h"
#include "kernel/unix/internal.h"

static void push_finished(so_unix *u, unix_job *job) {
  job->next = u->workers.finished;
  u->workers.finished = job;
  const uint64_t one = 1;
  while (write(u->finished.fd, &one, sizeof one) < 0 && errno == EINTR) {
  }
}

static void *work(void *arg) {
  so_unix *const u = arg;
  unix_workers *const w = &u->workers;
  pthread_mutex_lock(&w->lock);
  while (!w->quit) {
    unix_job *const job = w->queue_first;
    if (job == NULL) {
      w->idle_count++;
      pthread_cond_wait(&w->more, &w->lock);
      w->idle_count--;
      continue;
    }
    w->queue_first = job->next;
    pthread_mutex_unlock(&w->lock);
    job->run(job->arg);
    pthread_mutex_lock(&w->lock);
    push_finished(u, job);
  }
  pthread_mutex_unlock(&w->lock);
  return NULL;
}

// enqueue hands `job` over; false when no thread exists and none can be made.
static bool enqueue(so_unix *u, unix_job *job) {
  unix_workers *const w = &u->workers;
  pthread_mutex_lock(&w->lock);
  if (w->idle_count == 0 && w->thread_count < UNIX_WORKERS_MAX &&
      pthread_create(&w->threads[w->thread_count], NULL, work, u) == 0) {
    w->thread_count++;
  }
  const bool accepted = w->thread_count != 0;
  if (accepted) {
    if (w->queue_first == NULL) {
      w->queue_first = job;
    } else {
      w->queue_last->next = job;
    }
    w->queue_last = job;
    pthread_cond_signal(&w->more);
  }
  pthread_mutex_unlock(&w->lock);
  return accepted;
}

void unix_offload(so_unix *u, void (*run)(void *arg), void *arg) {
  unix_job job = {.run = run, .arg = arg};
  if (!enqueue(u, &job)) {
    run(arg);
    return;
  }
  // The job lies on this stack: not even a stopping scheduler may let the fiber go on before it.
  const bool before = so_fiber_wake_on_stop(&u->sched, false);
  while (!job.done) {
    const so_status s = so_event_wait(&u->sched, &job.finished, SO_NEVER);
    SO_ASSERT(so_ok(s));
  }
  (void)so_fiber_wake_on_stop(&u->sched, before);
}

void unix_workers_collect(so_unix *u) {
  uint64_t count;
  while (read(u->finished.fd, &count, sizeof count) < 0 && errno == EINTR) {
  }
  pthread_mutex_lock(&u->workers.lock);
  unix_job *job = u->workers.finished;
  u->workers.finished = NULL;
  pthread_mutex_unlock(&u->workers.lock);
  while (job != NULL) {
    unix_job *const next = job->next;
    job->done = true;
    so_event_signal(&u->sched, &job->finished);
    job = next;
  }
}

bool unix_workers_init(so_unix *u) {
  pthread_mutex_init(&u->workers.lock, NULL);
  pthread_cond_init(&u->workers.more, NULL);
  const int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  return fd >= 0 && so_ok(unix_watch_add(u, &u->finished, fd));
}

void unix_workers_release(so_unix *u) {
  unix_workers *const w = &u->workers;
  pthread_mutex_lock(&w->lock);
  w->quit = true;
  pthread_cond_broadcast(&w->more);
  pthread_mutex_unlock(&w->lock);
  for (unsigned i = 0; i < w->thread_count; i++) {
    pthread_join(w->threads[i], NULL);
  }
  pthread_cond_destroy(&w->more);
  pthread_mutex_destroy(&w->lock);
  if (u->finished.fd >= 0) {
    (void)close(u->finished.fd);
  }
}
