// A copy out of another process that can be ended.
//
// A thread that copies memory which does not answer (userfaultfd, a stuck file server) sleeps where
// only a deadly signal reaches it, and that is deadly to its whole process. So the copy is made by a
// process of its own that shares this one's memory: it can be killed alone.

#define _GNU_SOURCE
#include "CLinuxShims.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdalign.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000
#endif

enum { STACK_SIZE = 16 << 10 };

typedef struct {
  pid_t pid;
  struct iovec here, there;
  ssize_t result;
} copy_job;

// Runs in the helper, with the parent's thread-local storage, while the parent only waits: makes
// nothing but plain system calls.
#if defined(__clang__)
__attribute__((no_sanitize("address", "thread", "undefined")))
#endif
static int make_copy(void *argument) {
  copy_job *job = argument;
  syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0L, 0L, 0L);
  long copied = syscall(SYS_process_vm_readv, job->pid, &job->here, 1L, &job->there, 1L, 0L);
  job->result = copied < 0 ? -errno : copied;
  return 0;
}

static uint64_t monotonic(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

// Whether the process behind the descriptor ended before the deadline.
static bool ends_before(int process, uint64_t deadline) {
  for (;;) {
    uint64_t now = monotonic();
    uint64_t left = deadline > now ? deadline - now : 0;
    struct timespec time = {
        .tv_sec = (time_t)(left / 1000000000u), .tv_nsec = (long)(left % 1000000000u)};
    struct pollfd exit = {.fd = process, .events = POLLIN};
    int count = ppoll(&exit, 1, &time, NULL);
    if (count > 0) return true;
    if (count == 0 || errno != EINTR) return false;
  }
}

ssize_t bb_process_read_until(
    pid_t pid, void *local, uintptr_t remote, size_t length, uint64_t deadline) {
  alignas(16) char stack[STACK_SIZE];
  copy_job job = {
      .pid = pid,
      .here = {.iov_base = local, .iov_len = length},
      .there = {.iov_base = (void *)remote, .iov_len = length},
      // What it is if somebody else kills the helper: to be tried again.
      .result = -EINTR,
  };
  // A handler of this process must not run in the helper, which shares its memory.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int process = -1;
  // No signal tells that it ended, so that waits of others for their children do not see it.
  int helper = clone(
      make_copy, stack + STACK_SIZE, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_PIDFD, &job,
      &process);
  int error = errno;
  bool ended = true;
  if (helper > 0) {
    ended = ends_before(process, deadline);
    if (!ended) syscall(SYS_pidfd_send_signal, process, SIGKILL, NULL, 0);
    while (waitpid(helper, NULL, __WALL) < 0 && errno == EINTR) {
    }
    close(process);
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (helper < 0) return -error;
  // It may have come to an end just when its time was up.
  return ended || job.result != -EINTR ? job.result : -ETIMEDOUT;
}
