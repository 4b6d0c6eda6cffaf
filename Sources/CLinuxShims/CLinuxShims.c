#define _GNU_SOURCE
#include "CLinuxShims.h"

#include <errno.h>
#include <string.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
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
#define ADVICE_WIPEONFORK 18
#define ADVICE_COLD 20

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

int bb_clear_file_flags(int descriptor) {
  int flags = 0;
  return negated(ioctl(descriptor, FS_IOC_SETFLAGS, &flags));
}

ssize_t bb_process_read(pid_t pid, void *local, uintptr_t remote, size_t length) {
  struct iovec here = {.iov_base = local, .iov_len = length};
  struct iovec there = {.iov_base = (void *)remote, .iov_len = length};
  ssize_t copied = process_vm_readv(pid, &here, 1, &there, 1, 0);
  return copied < 0 ? -errno : copied;
}

int bb_process_open(pid_t pid) { return negated((int)syscall(SYS_pidfd_open, pid, 0)); }

pid_t bb_process_id(int process) {
  char path[40], line[64];
  snprintf(path, sizeof path, "/proc/self/fdinfo/%d", process);
  FILE *file = fopen(path, "re");
  if (file == NULL) return -errno;
  int pid = -EINVAL;
  while (fgets(line, sizeof line, file) != NULL) {
    if (sscanf(line, "Pid: %d", &pid) == 1) break;
  }
  fclose(file);
  return pid == -1 ? -ESRCH : pid == 0 ? -EINVAL : pid;
}

bool bb_process_lives(int process, pid_t pid, uintptr_t address) {
  // Advice about no memory at all: the kernel looks for the memory of the process, nothing else.
  if (syscall(SYS_process_madvise, process, NULL, 0, ADVICE_COLD, 0) >= 0) return true;
  if (errno == ESRCH) return false;
  // Not every kernel and user may do that. In two steps: the number still has memory, and after
  // that the number is still that of the process.
  char byte;
  if (bb_process_read(pid, &byte, address, 1) == -ESRCH) return false;
  struct pollfd exit = {.fd = process, .events = POLLIN};
  return poll(&exit, 1, 0) == 0;
}

int bb_above_standard(int descriptor) {
  if (descriptor < 0 || descriptor > 2) return descriptor;
  int moved = negated(fcntl(descriptor, F_DUPFD_CLOEXEC, 3));
  close(descriptor);
  return moved;
}

int bb_event_make(void) {
  return bb_above_standard(negated(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)));
}

int bb_event_copy(int event) { return negated(fcntl(event, F_DUPFD_CLOEXEC, 3)); }

void bb_event_raise(int event) {
  uint64_t one = 1;
  while (write(event, &one, sizeof one) < 0 && errno == EINTR) {}
}

void bb_event_clear(int event) {
  uint64_t count;
  while (read(event, &count, sizeof count) < 0 && errno == EINTR) {}
}

void bb_event_close(int event) { close(event); }

// What fork_word points at when there is no page that a child finds empty.
static uint64_t everyProcess = 1;
const uint64_t *bb_fork_word = &everyProcess;
// Numbers that the processes before this one, parents first, have had. Copied by fork.
static uint64_t ancestors = 0;

uint64_t bb_fork_number(void) {
  uint64_t *word = (uint64_t *)bb_fork_word;
  uint64_t none = 0;
  // Threads of a child may come here at once; the first one's number stays.
  if (__atomic_load_n(word, __ATOMIC_ACQUIRE) == 0) {
    __atomic_compare_exchange_n(
        word, &none, __atomic_add_fetch(&ancestors, 1, __ATOMIC_RELAXED), false,
        __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
  }
  return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

__attribute__((constructor)) static void make_fork_word(void) {
  void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return;
  if (madvise(page, 4096, ADVICE_WIPEONFORK) == 0) {
    bb_fork_word = page;
  } else {
    munmap(page, 4096);
  }
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
