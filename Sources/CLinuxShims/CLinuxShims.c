#define _GNU_SOURCE
#include "CLinuxShims.h"

#include <errno.h>
#include <string.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

// Numbers of the kernel's interface that older C libraries do not name.
#define FILE_CLOEXEC 0x1u
#define FILE_ALLOW_SEALING 0x2u
#define FILE_NOEXEC_SEAL 0x8u
#define COMMAND_ADD_SEALS 1033
#define COMMAND_GET_SEALS 1034

static inline int negated(int result) { return result < 0 ? -errno : result; }

int bb_memory_file(const char *name) {
  unsigned flags = FILE_CLOEXEC | FILE_ALLOW_SEALING;
  int descriptor = (int)syscall(SYS_memfd_create, name, flags | FILE_NOEXEC_SEAL);
  // Kernels before 6.3 refuse the flag that they do not know.
  if (descriptor < 0 && errno == EINVAL) {
    descriptor = (int)syscall(SYS_memfd_create, name, flags);
  }
  return negated(descriptor);
}

int bb_add_seals(int descriptor, unsigned seals) {
  return negated(fcntl(descriptor, COMMAND_ADD_SEALS, seals));
}

int bb_get_seals(int descriptor) {
  return negated(fcntl(descriptor, COMMAND_GET_SEALS));
}

int bb_allocate(int descriptor, int64_t offset, int64_t length) {
  return negated(fallocate(descriptor, 0, (off_t)offset, (off_t)length));
}

int bb_punch_hole(int descriptor, int64_t offset, int64_t length) {
  return negated(fallocate(
      descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)length));
}

ssize_t bb_process_read(pid_t pid, void *local, uintptr_t remote, size_t length) {
  struct iovec here = {.iov_base = local, .iov_len = length};
  struct iovec there = {.iov_base = (void *)remote, .iov_len = length};
  ssize_t copied = process_vm_readv(pid, &here, 1, &there, 1, 0);
  return copied < 0 ? -errno : copied;
}

ssize_t bb_process_write(pid_t pid, const void *local, uintptr_t remote, size_t length) {
  struct iovec here = {.iov_base = (void *)local, .iov_len = length};
  struct iovec there = {.iov_base = (void *)remote, .iov_len = length};
  ssize_t copied = process_vm_writev(pid, &here, 1, &there, 1, 0);
  return copied < 0 ? -errno : copied;
}

int bb_futex_wait(const void *word, uint32_t expected, uint64_t deadline) {
  struct timespec time = {
      .tv_sec = (time_t)(deadline / 1000000000u), .tv_nsec = (long)(deadline % 1000000000u)};
  return negated((int)syscall(
      SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected,
      deadline == UINT64_MAX ? NULL : &time, NULL, FUTEX_BITSET_MATCH_ANY));
}

void bb_futex_wake(const void *word, int count) {
  syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, count, NULL, NULL, 0);
}

int bb_pin_thread(int cpu) {
  if (cpu < 0 || cpu >= CPU_SETSIZE) return -EINVAL;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  return negated(sched_setaffinity(0, sizeof set, &set));
}

int bb_unpin_thread(void) {
  cpu_set_t set;
  memset(&set, 0xFF, sizeof set);
  return negated(sched_setaffinity(0, sizeof set, &set));
}
