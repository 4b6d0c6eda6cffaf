// This process's own resources: how many it has, and how many it may have.

#define _GNU_SOURCE
#include "CTestPeer.h"

#include <dirent.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

int peer_descriptor_count(const char *name) {
  DIR *directory = opendir("/proc/self/fd");
  if (!directory) return -1;
  int count = 0;
  struct dirent *entry;
  while ((entry = readdir(directory))) {
    char path[4096];
    ssize_t length = readlinkat(dirfd(directory), entry->d_name, path, sizeof path - 1);
    if (length < 0) continue;
    path[length] = 0;
    count += strstr(path, name) != NULL;
  }
  closedir(directory);
  return count;
}

int peer_mapping_count(const char *name) {
  FILE *maps = fopen("/proc/self/maps", "re");
  if (!maps) return -1;
  int count = 0;
  char line[4096];
  while (fgets(line, sizeof line, maps)) count += strstr(line, name) != NULL;
  fclose(maps);
  return count;
}

static int lower(int resource, rlim_t value) {
  struct rlimit limit;
  if (getrlimit(resource, &limit) != 0) return errno;
  limit.rlim_cur = value;
  return setrlimit(resource, &limit) == 0 ? 0 : errno;
}

int peer_limit_descriptors(int count) { return lower(RLIMIT_NOFILE, (rlim_t)count); }

int peer_refuse_allocating_file_memory(void) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fallocate, 0, 3),
      // The low half of the mode, which has no high one: 0 to allocate. Holes are still punched.
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOMEM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) != 0) return errno;
  return prctl(PR_SET_SECCOMP, (long)SECCOMP_MODE_FILTER, &program) == 0 ? 0 : errno;
}

int peer_limit_address_space_growth(size_t bytes) {
  FILE *statistics = fopen("/proc/self/statm", "re");
  if (!statistics) return errno;
  unsigned long pages = 0;
  int fields = fscanf(statistics, "%lu", &pages);
  fclose(statistics);
  if (fields != 1) return EIO;
  return lower(RLIMIT_AS, (rlim_t)pages * 4096 + bytes);
}

int peer_has_thread_sanitizer(void) {
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
  return 1;
#endif
#endif
  return 0;
}

int peer_has_address_sanitizer(void) {
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
  return 1;
#endif
#endif
  return 0;
}
