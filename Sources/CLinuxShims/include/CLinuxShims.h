// The Linux calls and constants that Swift's C importer does not show.
//
// Every name is our own (`bb_`), so this header needs no feature macro: only the .c file defines
// `_GNU_SOURCE`. A header that defined it would change what glibc shows to every importer.
//
// A function that can fail returns its result, or the negated errno. None retries, all are safe to
// call from any thread.

#ifndef CLINUXSHIMS_H
#define CLINUXSHIMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "Decompress.h"
#include "Hosting.h"

// madvise(2): back a range with writable pages now. Linux 5.14; older C libraries do not name it.
static const int bb_MADV_POPULATE_WRITE = 23;

// fcntl(2) seals of a memory file, as bits to combine.
static const unsigned bb_SEAL_SEAL = 0x1;
static const unsigned bb_SEAL_SHRINK = 0x2;
static const unsigned bb_SEAL_GROW = 0x4;
static const unsigned bb_SEAL_WRITE = 0x8;
static const unsigned bb_SEAL_FUTURE_WRITE = 0x10;

// A new memory file: empty, close-on-exec, sealable, and not executable where the kernel can say
// so (Linux 6.3). Returns the descriptor.
int bb_memory_file(const char *_Nonnull name);

int bb_add_seals(int descriptor, unsigned seals);
int bb_get_seals(int descriptor);

// Puts memory behind a part of a file, all or nothing.
int bb_allocate(int descriptor, int64_t offset, int64_t length);
// Gives back the memory of a part of a file; its length stays.
int bb_punch_hole(int descriptor, int64_t offset, int64_t length);
// Takes back flags such as "immutable" that somebody gave the file.
int bb_clear_file_flags(int descriptor);

// Copies from another process (or this one, by its own pid), as far as both sides are mapped.
// Returns the number of bytes copied, short at the first page that cannot be reached.
ssize_t bb_process_read(
    pid_t pid, void *_Nonnull local, uintptr_t remote, size_t length);

// The same, ended with -ETIMEDOUT when the monotonic clock passes `deadline`, in nanoseconds, however
// long the memory would block. Costs a process of its own: the memory must allow being read by a
// child of this process.
ssize_t bb_process_read_until(
    pid_t pid, void *_Nonnull local, uintptr_t remote, size_t length, uint64_t deadline);

// A descriptor of a process (pidfd, close-on-exec), and the number of the process behind one.
int bb_process_open(pid_t pid);
pid_t bb_process_id(int process);

// Whether the process behind a descriptor still has its memory. `pid` is its number, and `address`
// any address. If it is true after a copy by number, the copy was of that very process, alive.
bool bb_process_lives(int process, pid_t pid, uintptr_t address);

// The same descriptor, or a copy in its place when it is one of the standard ones (0 to 2), which
// others write to without asking. Negative numbers pass through.
int bb_above_standard(int descriptor);

// An event that can be polled for, neither inherited by programs that are started nor waited for;
// another descriptor of it; raising and clearing it, which never wait. Negative errno on failure.
int bb_event_make(void);
int bb_event_copy(int event);
void bb_event_raise(int event);
void bb_event_clear(int event);
void bb_event_close(int event);

// Tells a forked child from its parent: the word lies in a page that fork leaves empty.
extern const uint64_t *_Nonnull bb_fork_word;
// The number of this process, given at the first call; differs from those of its ancestors.
uint64_t bb_fork_number(void);
// Whether `number` is that of another process, an ancestor: two loads.
static inline bool bb_is_inherited(uint64_t number) {
  return __atomic_load_n(bb_fork_word, __ATOMIC_RELAXED) != number;
}

// Sleeps while the word holds `expected`, until woken or the monotonic clock passes `deadline`, in
// nanoseconds; UINT64_MAX: no deadline. Returns 0, -EAGAIN when the word was another, -EINTR, or
// -ETIMEDOUT.
int bb_futex_wait(const void *_Nonnull word, uint32_t expected, uint64_t deadline);
// Wakes up to `count` threads that sleep on the word. Only its address is used.
void bb_futex_wake(const void *_Nonnull word, int count);

// Tells the processor that this thread spins.
static inline void bb_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
  __asm__ volatile("pause");
#elif defined(__aarch64__)
  __asm__ volatile("isb");
#endif
}

// Writes to a byte without changing it, whoever else does so at the same time.
static inline void bb_touch(void *_Nonnull address) {
  __atomic_fetch_or((unsigned char *)address, 0, __ATOMIC_RELAXED);
}

// Copies bytes that somebody else may be changing: each is read once, and what the copy holds stays.
static inline void bb_copy_once(void *_Nonnull to, const void *_Nonnull from, size_t length) {
  __builtin_memcpy(to, from, length);
  // What was copied may not be read from where it came from again.
  __asm__ volatile("" : : "r"(to) : "memory");
}

// Begins to fetch the cache line at an address, to be written soon.
static inline void bb_prefetch_to_write(const void *_Nonnull address) {
#if defined(__x86_64__)
  // The builtin makes it a fetch to read, unless the target is known to have more than the least.
  __asm__ volatile("prefetchw %0" : : "m"(*(const char *)address));
#else
  __builtin_prefetch(address, 1);
#endif
}

// Keeps the calling thread on one CPU.
int bb_pin_thread(int cpu);
// Lets it run on every CPU again.
int bb_unpin_thread(void);

#include "BinderProtocol.h"

#endif
