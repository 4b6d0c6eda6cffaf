// Which calls of a hosted program are notified: a seccomp filter.

#define _GNU_SOURCE
#include "HostFilter.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#define FOREIGN_ARCH AUDIT_ARCH_I386
#define FOREIGN_IOCTL 54
#define FOREIGN_OPEN 5
#define FOREIGN_OPENAT 295
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#define FOREIGN_ARCH AUDIT_ARCH_ARM
#define FOREIGN_IOCTL 54
#define FOREIGN_OPEN 5
#define FOREIGN_OPENAT 322
#endif

#ifdef NATIVE_ARCH
#define LOW(field) ((unsigned)offsetof(struct seccomp_data, field))
#define ARGUMENT(n) (LOW(args) + 8 * (n))  // the low half, on a little-endian machine
#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (offset))
#define SKIP_UNLESS(value, count) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (count))
#define SKIP_UNLESS_ANY(bits, count) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (bits), 0, (count))
#define NOTIFY BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF)
#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

// Each rule begins with the call's number loaded, and ends for that call.
#define ALWAYS(number) SKIP_UNLESS((number), 1), NOTIFY
#define IF_ARGUMENT(number, n, value) \
  SKIP_UNLESS((number), 4), LOAD(ARGUMENT(n)), SKIP_UNLESS((value), 1), NOTIFY, ALLOW
#define UNLESS_BITS(number, n, bits) \
  SKIP_UNLESS((number), 4), LOAD(ARGUMENT(n)), SKIP_UNLESS_ANY((bits), 1), ALLOW, NOTIFY

static struct sock_filter filter[] = {
    LOAD(LOW(arch)),
    SKIP_UNLESS(NATIVE_ARCH, 2),
    LOAD(LOW(nr)),
    BPF_JUMP(BPF_JMP | BPF_JA, 14, 0, 0),
    // A 32-bit program: what may be meant for Binder, to say that it cannot be.
    SKIP_UNLESS(FOREIGN_ARCH, 12),
    LOAD(LOW(nr)),
    SKIP_UNLESS(FOREIGN_OPEN, 1), NOTIFY,
    SKIP_UNLESS(FOREIGN_OPENAT, 1), NOTIFY,
    SKIP_UNLESS(FOREIGN_IOCTL, 5),
    LOAD(ARGUMENT(1)),
    BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xFF00),
    SKIP_UNLESS('b' << 8, 1), NOTIFY,
    ALLOW,
    ALLOW,
    ALLOW,

    // ioctl: Binder's own, and the one that switches O_NONBLOCK.
    SKIP_UNLESS(SYS_ioctl, 8),
    LOAD(ARGUMENT(1)),
    BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xFF00),
    SKIP_UNLESS('b' << 8, 1), NOTIFY,
    LOAD(ARGUMENT(1)),
    SKIP_UNLESS(FIONBIO, 1), NOTIFY,
    ALLOW,

    UNLESS_BITS(SYS_mmap, 3, MAP_ANONYMOUS),

    SKIP_UNLESS(SYS_fcntl, 8),
    LOAD(ARGUMENT(1)),
    SKIP_UNLESS(F_SETFL, 1), NOTIFY,
    SKIP_UNLESS(F_DUPFD, 1), NOTIFY,
    SKIP_UNLESS(F_DUPFD_CLOEXEC, 1), NOTIFY,
    ALLOW,

    ALWAYS(SYS_openat),
    ALWAYS(SYS_openat2),
    ALWAYS(SYS_faccessat),
    ALWAYS(SYS_faccessat2),
    ALWAYS(SYS_dup),
    ALWAYS(SYS_dup3),
    UNLESS_BITS(SYS_newfstatat, 3, AT_EMPTY_PATH),
    UNLESS_BITS(SYS_statx, 2, AT_EMPTY_PATH),
    IF_ARGUMENT(SYS_ppoll, 1, 1),
#ifdef __x86_64__
    ALWAYS(SYS_open),
    ALWAYS(SYS_access),
    ALWAYS(SYS_stat),
    ALWAYS(SYS_lstat),
    ALWAYS(SYS_dup2),
    IF_ARGUMENT(SYS_poll, 1, 1),
#endif
    ALLOW,
};

int bb_install_filter(void) {
  struct sock_fprog program = {.len = sizeof filter / sizeof *filter, .filter = filter};
  return (int)syscall(
      SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

void bb_classify(const struct seccomp_data *data, struct bb_call *call) {
  const uint64_t *a = (const uint64_t *)data->args;
  uint64_t *to = call->arguments;
  const uint64_t here = (uint64_t)(int64_t)AT_FDCWD;
  for (int i = 0; i < 6; i++) to[i] = a[i];
  call->kind = bb_call_other;
  if (data->arch != NATIVE_ARCH) {
    call->kind = bb_call_foreign;
    // So that a path is where it is in an open: the second argument.
    if (data->nr == FOREIGN_OPEN) to[0] = here, to[1] = a[0];
    else if (data->nr == FOREIGN_IOCTL) to[1] = 0;
    return;
  }
  switch (data->nr) {
  case SYS_ioctl: call->kind = bb_call_ioctl; break;
  case SYS_mmap: call->kind = bb_call_map; break;
  case SYS_fcntl:
    call->kind = (int)a[1] == F_SETFL ? bb_call_set_flags : bb_call_duplicate;
    to[1] = a[2];
    break;
  case SYS_openat: call->kind = bb_call_open; break;
  case SYS_openat2: call->kind = bb_call_open_how; break;
  case SYS_faccessat:
  case SYS_faccessat2: call->kind = bb_call_access; break;
  case SYS_dup:
  case SYS_dup3: call->kind = bb_call_duplicate; break;
  case SYS_newfstatat: call->kind = bb_call_stat; break;
  case SYS_statx:
    call->kind = bb_call_statx;
    to[2] = a[4], to[3] = a[2];
    break;
  case SYS_ppoll: call->kind = bb_call_poll_time; break;
#ifdef __x86_64__
  case SYS_open:
    call->kind = bb_call_open;
    to[0] = here, to[1] = a[0], to[2] = a[1];
    break;
  case SYS_access:
    call->kind = bb_call_access;
    to[0] = here, to[1] = a[0];
    break;
  case SYS_stat:
  case SYS_lstat:
    call->kind = bb_call_stat;
    to[0] = here, to[1] = a[0], to[2] = a[1], to[3] = 0;
    break;
  case SYS_dup2: call->kind = bb_call_duplicate; break;
  case SYS_poll: call->kind = bb_call_poll; break;
#endif
  }
}
#else
#include <errno.h>
int bb_install_filter(void) { errno = ENOSYS; return -1; }
void bb_classify(const struct seccomp_data *data, struct bb_call *call) {
  (void)data;
  call->kind = bb_call_other;
}
#endif
