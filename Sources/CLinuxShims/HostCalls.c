// Notified calls: taking, answering, and what is seen and put in the caller meanwhile.

#define _GNU_SOURCE
#include "HostFilter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <linux/stat.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

// Newer than some headers that this is built with.
#ifndef SECCOMP_ADDFD_FLAG_SEND
#define SECCOMP_ADDFD_FLAG_SEND 2
#endif
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif

static inline int negated(int result) { return result < 0 ? -errno : result; }

// Newer kernels may write a longer record than these headers know.
union taken {
  struct seccomp_notif notification;
  char room[512];
};
union answer {
  struct seccomp_notif_resp response;
  char room[128];
};

int bb_call_supported(void) {
  struct seccomp_notif_sizes sizes;
  if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes)) return -errno;
  if (sizes.seccomp_notif > sizeof(union taken) || sizes.seccomp_notif_resp > sizeof(union answer))
    return -EINVAL;
  unsigned action = SECCOMP_RET_USER_NOTIF;
  return negated((int)syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action));
}

int bb_call_receive(int listener, struct bb_call *call) {
  union taken taken;
  memset(&taken, 0, sizeof taken);
  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &taken.notification)) return -errno;
  call->id = taken.notification.id;
  call->thread = (pid_t)taken.notification.pid;
  bb_classify(&taken.notification.data, call);
  return 0;
}

static int send_answer(int listener, uint64_t id, int64_t value, int error, unsigned flags) {
  union answer answer;
  memset(&answer, 0, sizeof answer);
  answer.response.id = id;
  answer.response.val = value;
  answer.response.error = -error;
  answer.response.flags = flags;
  return negated(ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer.response));
}

int bb_call_answer(int listener, uint64_t id, int64_t value, int error) {
  return send_answer(listener, id, error ? 0 : value, error, 0);
}

int bb_call_continue(int listener, uint64_t id) {
  return send_answer(listener, id, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
}

int bb_call_valid(int listener, uint64_t id) {
  return negated(ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id));
}

int bb_call_add_descriptor(
    int listener, uint64_t id, int descriptor, int at, int close_on_exec, int answer) {
  struct seccomp_notif_addfd add = {
      .id = id,
      .flags = (at >= 0 ? SECCOMP_ADDFD_FLAG_SETFD : 0) | (answer ? SECCOMP_ADDFD_FLAG_SEND : 0),
      .srcfd = (unsigned)descriptor,
      .newfd = at >= 0 ? (unsigned)at : 0,
      .newfd_flags = close_on_exec ? O_CLOEXEC : 0};
  return negated(ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add));
}

int bb_call_wake_synchronously(int listener) {
  return negated(ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, 1ull));
}

enum { most_parts = 16 };

static ssize_t move_parts(pid_t pid, const struct bb_part *parts, int count, int to_process) {
  struct iovec here[most_parts], there[most_parts];
  if (count > most_parts) return -EINVAL;
  for (int i = 0; i < count; i++) {
    here[i] = (struct iovec){parts[i].local, parts[i].length};
    there[i] = (struct iovec){(void *)parts[i].remote, parts[i].length};
  }
  ssize_t moved = to_process
      ? process_vm_writev(pid, here, (unsigned)count, there, (unsigned)count, 0)
      : process_vm_readv(pid, here, (unsigned)count, there, (unsigned)count, 0);
  return moved < 0 ? -errno : moved;
}

ssize_t bb_process_read_parts(pid_t pid, const struct bb_part *parts, int count) {
  return move_parts(pid, parts, count, 0);
}

ssize_t bb_process_write_parts(pid_t pid, const struct bb_part *parts, int count) {
  return move_parts(pid, parts, count, 1);
}

int bb_thread_exists(pid_t process, pid_t thread) {
  return !syscall(SYS_tgkill, process, thread, 0) || errno == EPERM;
}

int bb_pidfd_open(pid_t pid) { return negated((int)syscall(SYS_pidfd_open, pid, 0)); }

int bb_pidfd_get(int pidfd, int descriptor) {
  return negated((int)syscall(SYS_pidfd_getfd, pidfd, descriptor, 0));
}

int bb_wakeup_new(void) { return negated(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }

int bb_watch_new(void) { return negated(inotify_init1(IN_CLOEXEC | IN_NONBLOCK)); }

int bb_watch_add(int watcher, int descriptor) {
  char path[32];
  snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
  return negated(inotify_add_watch(watcher, path, IN_CLOSE_NOWRITE));
}

int bb_watch_remove(int watcher, int watch) { return negated(inotify_rm_watch(watcher, watch)); }

int bb_watch_read(int watcher, int *watches, int capacity) {
  _Alignas(struct inotify_event) char buffer[4096];
  size_t room = (size_t)capacity * sizeof(struct inotify_event);
  ssize_t got = read(watcher, buffer, room < sizeof buffer ? room : sizeof buffer);
  if (got < 0) return errno == EAGAIN ? 0 : -errno;
  int count = 0;
  for (ssize_t at = 0; at < got;) {
    struct inotify_event *event = (struct inotify_event *)(buffer + at);
    at += (ssize_t)(sizeof *event + event->len);
    if (event->mask & IN_CLOSE_NOWRITE) watches[count++] = event->wd;
    else if (event->mask & IN_Q_OVERFLOW) watches[count++] = -1;
  }
  return count;
}

int bb_signal_file(int *own, int *given, int is_nonblocking) {
  int ends[2];
  char path[32];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK)) return -errno;
  snprintf(path, sizeof path, "/proc/self/fd/%d", ends[0]);
  // Opened again, so that each side is an open file of its own and the last close of the one that
  // is given away can be seen.
  *own = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
  int error = errno;
  *given = *own < 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC | (is_nonblocking ? O_NONBLOCK : 0));
  if (*own >= 0) error = errno;
  close(ends[0]);
  close(ends[1]);
  if (*given >= 0) return 0;
  if (*own >= 0) close(*own);
  return -error;
}

enum { misc_major = 10 };

size_t bb_device_stat(int is_statx, unsigned minor_number, void *buffer, size_t capacity) {
  if (is_statx) {
    struct statx result;
    if (capacity < sizeof result) return 0;
    memset(&result, 0, sizeof result);
    result.stx_mask = STATX_BASIC_STATS;
    result.stx_blksize = 4096;
    result.stx_nlink = 1;
    result.stx_mode = S_IFCHR | 0666;
    result.stx_ino = 1000 + minor_number;
    result.stx_rdev_major = misc_major;
    result.stx_rdev_minor = minor_number;
    memcpy(buffer, &result, sizeof result);
    return sizeof result;
  }
  struct stat result;
  if (capacity < sizeof result) return 0;
  memset(&result, 0, sizeof result);
  result.st_blksize = 4096;
  result.st_nlink = 1;
  result.st_mode = S_IFCHR | 0666;
  result.st_ino = 1000 + minor_number;
  result.st_rdev = makedev(misc_major, minor_number);
  memcpy(buffer, &result, sizeof result);
  return sizeof result;
}

int bb_file_identity(int directory, int number, uint64_t *device, uint64_t *inode) {
  char name[16];
  struct stat status;
  snprintf(name, sizeof name, "%d", number);
  if (fstatat(directory, name, &status, 0)) return -errno;
  *device = (uint64_t)status.st_dev;
  *inode = (uint64_t)status.st_ino;
  return 0;
}

int bb_process_euid(int directory, uid_t *uid) {
  struct stat status;
  if (fstat(directory, &status)) return -errno;
  *uid = status.st_uid;
  return 0;
}
