// System calls made in another process's thread, which waits for the answer to one of its own.
//
// Letting the kernel do an mmap as asked would map the number that the program named, privately;
// a private mapping can be made writable. So the thread is stopped, makes the mapping that we
// want, and goes on as if its own call had returned it.

#define _GNU_SOURCE
#include "Hosting.h"

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__x86_64__)
typedef struct user_regs_struct registers;
#define INSTRUCTION_LENGTH 2
static const unsigned char call_instruction[] = {0x0F, 0x05};
static uint64_t call_address(const registers *r) { return r->rip - INSTRUCTION_LENGTH; }
static void set_call(registers *r, uint64_t at, long number, const uint64_t a[6]) {
  r->rip = at;
  r->rax = (uint64_t)number;
  r->orig_rax = (uint64_t)-1;  // nothing to restart
  r->rdi = a[0], r->rsi = a[1], r->rdx = a[2], r->r10 = a[3], r->r8 = a[4], r->r9 = a[5];
}
static int64_t call_result(const registers *r) { return (int64_t)r->rax; }
// Whether it is to make that call again: it was stopped in it, and has not come further.
static int is_in_call(const registers *r, long number) {
  int64_t result = (int64_t)r->rax;
  return (long)r->orig_rax == number && result <= -512 && result >= -516;
}
static void set_returned(registers *r, uint64_t at, int64_t result) {
  r->rip = at + INSTRUCTION_LENGTH;
  r->rax = (uint64_t)result;
  r->orig_rax = (uint64_t)-1;
}
static void set_again(registers *r, uint64_t at) {
  r->rip = at;
  r->rax = r->orig_rax;
  r->orig_rax = (uint64_t)-1;
}
#elif defined(__aarch64__)
typedef struct user_regs_struct registers;
#define INSTRUCTION_LENGTH 4
static const unsigned char call_instruction[] = {0x01, 0x00, 0x00, 0xD4};
// The kernel has moved it back already, to restart the call.
static uint64_t call_address(const registers *r) { return r->pc; }
static void set_call(registers *r, uint64_t at, long number, const uint64_t a[6]) {
  r->pc = at;
  r->regs[8] = (uint64_t)number;
  for (int i = 0; i < 6; i++) r->regs[i] = a[i];
}
static int64_t call_result(const registers *r) { return (int64_t)r->regs[0]; }
static int is_in_call(const registers *r, long number) { return (long)r->regs[8] == number; }
static void set_returned(registers *r, uint64_t at, int64_t result) {
  r->pc = at + INSTRUCTION_LENGTH;
  r->regs[0] = (uint64_t)result;
}
static void set_again(registers *r, uint64_t at) { r->pc = at; }
#endif

#ifdef INSTRUCTION_LENGTH
static int get_registers(pid_t thread, registers *r) {
  struct iovec part = {r, sizeof *r};
  return ptrace(PTRACE_GETREGSET, thread, (void *)NT_PRSTATUS, &part) ? -errno : 0;
}
static int set_registers(pid_t thread, registers *r) {
  struct iovec part = {r, sizeof *r};
  return ptrace(PTRACE_SETREGSET, thread, (void *)NT_PRSTATUS, &part) ? -errno : 0;
}

// Waits for the stop of a system call (`wanted` SIGTRAP | 0x80) or of PTRACE_INTERRUPT (0).
static int await_stop(pid_t thread, int wanted, struct bb_held_signals *kept) {
  for (;;) {
    int status;
    if (waitpid(thread, &status, __WALL) < 0) {
      if (errno == EINTR) continue;
      return -errno;
    }
    if (!WIFSTOPPED(status)) return -ESRCH;
    int signal = WSTOPSIG(status), event = status >> 16;
    if (event == PTRACE_EVENT_STOP) {
      if (!wanted) return 0;
      signal = 0;
    } else if (wanted && signal == wanted) {
      return 0;
    } else if (kept->count < 8) {
      kept->numbers[kept->count++] = signal;
    }
    // At a signal's stop the signal is held back.
    if (ptrace(wanted ? PTRACE_SYSCALL : PTRACE_CONT, thread, 0, 0)) return -errno;
  }
}

// Lets the thread make one system call.
static int make_call(
    pid_t thread, registers *r, uint64_t at, long number, const uint64_t a[6],
    struct bb_held_signals *kept, int64_t *result) {
  set_call(r, at, number, a);
  int error = set_registers(thread, r);
  for (int half = 0; half < 2 && !error; half++) {
    if (ptrace(PTRACE_SYSCALL, thread, 0, 0)) return -errno;
    error = await_stop(thread, SIGTRAP | 0x80, kept);
  }
  if (!error) error = get_registers(thread, r);
  if (!error) *result = call_result(r);
  return error;
}

// Stops a seized thread at the call whose answer it waits for; the call is no longer pending.
static int stop(
    pid_t thread, long number, registers *before, uint64_t *at, struct bb_held_signals *kept) {
  if (ptrace(PTRACE_INTERRUPT, thread, 0, 0)) return -errno;
  int error = await_stop(thread, 0, kept);
  if (!error) error = get_registers(thread, before);
  if (error) return error;
  // A signal that it took before ended the call.
  if (!is_in_call(before, number)) return -ENOEXEC;
  *at = call_address(before);
  unsigned char there[INSTRUCTION_LENGTH];
  struct iovec here = {there, sizeof there}, remote = {(void *)*at, sizeof there};
  if (process_vm_readv(thread, &here, 1, &remote, 1, 0) != sizeof there) return -EFAULT;
  return memcmp(there, call_instruction, sizeof there) ? -ENOEXEC : 0;
}

void bb_remote_let_go(pid_t thread, const struct bb_held_signals *kept) {
  ptrace(PTRACE_DETACH, thread, 0, kept->count ? (void *)(uintptr_t)kept->numbers[0] : NULL);
  for (int i = 1; i < kept->count; i++) syscall(SYS_tkill, thread, kept->numbers[i]);
}

int bb_remote_seize(pid_t thread) {
  return ptrace(PTRACE_SEIZE, thread, 0, PTRACE_O_TRACESYSGOOD) ? -errno : 0;
}

void bb_remote_release(pid_t thread) {
  // Only a stopped thread can be let go.
  struct bb_held_signals kept = {.count = 0};
  if (!ptrace(PTRACE_INTERRUPT, thread, 0, 0) && !await_stop(thread, 0, &kept))
    bb_remote_let_go(thread, &kept);
}

int bb_remote_map(
    pid_t thread, uint64_t address, uint64_t length, uint64_t flags, int descriptor,
    int64_t *mapped, struct bb_held_signals *kept) {
  kept->count = 0;
  registers before, now;
  uint64_t at;
  int64_t closed;
  int result = stop(thread, SYS_mmap, &before, &at, kept);
  if (!result) {
    now = before;
    uint64_t map[6] = {address, length, PROT_READ, flags, (uint64_t)descriptor, 0};
    result = make_call(thread, &now, at, SYS_mmap, map, kept, mapped);
  }
  if (!result) {
    uint64_t number[6] = {(uint64_t)descriptor};
    result = make_call(thread, &now, at, SYS_close, number, kept, &closed);
  }
  if (!result) {
    set_returned(&before, at, *mapped);
    result = set_registers(thread, &before);
  }
  return result;
}

int bb_remote_close(pid_t thread, const int *numbers, int count) {
  int result = bb_remote_seize(thread);
  if (result) return result;
  struct bb_held_signals kept = {.count = 0};
  registers before, now;
  uint64_t at;
  result = stop(thread, SYS_ioctl, &before, &at, &kept);
  now = before;
  for (int i = 0; i < count && !result; i++) {
    int64_t closed;
    uint64_t number[6] = {(uint64_t)numbers[i]};
    result = make_call(thread, &now, at, SYS_close, number, &kept, &closed);
  }
  if (!result) {
    set_again(&before, at);
    result = set_registers(thread, &before);
  }
  bb_remote_let_go(thread, &kept);
  return result;
}
#else
int bb_remote_seize(pid_t thread) {
  (void)thread;
  return -ENOSYS;
}
void bb_remote_release(pid_t thread) { (void)thread; }
int bb_remote_map(
    pid_t thread, uint64_t address, uint64_t length, uint64_t flags, int descriptor,
    int64_t *mapped, struct bb_held_signals *kept) {
  (void)thread, (void)address, (void)length, (void)flags, (void)descriptor, (void)mapped, (void)kept;
  return -ENOSYS;
}
void bb_remote_let_go(pid_t thread, const struct bb_held_signals *kept) { (void)thread, (void)kept; }
int bb_remote_close(pid_t thread, const int *numbers, int count) {
  (void)thread, (void)numbers, (void)count;
  return -ENOSYS;
}
#endif
