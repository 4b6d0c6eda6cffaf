// What the tests need and cannot do in Swift: second processes (a forked child may not run Swift),
// limits of this process, and its own resources counted.
//
// Functions that can fail return 0 or an errno, never negated. Children only make system calls,
// end when the test process does, and are reaped by `peer_end`.

#ifndef CTESTPEER_H
#define CTESTPEER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// A second process. Zero it, start it in one of two ways, end it always.
typedef struct {
  pid_t pid;
  int control;
  // Where its memory is, in its own address space, and how long.
  uintptr_t address;
  size_t length;
} peer;

// Starts a process that holds a copy of `bytes` in writable memory of whole pages; the rest is 0.
int peer_start_holding(peer *_Nonnull peer, const void *_Nonnull bytes, size_t length);

// Starts a process with memory that blocks whoever touches it, for as long as it runs (userfaultfd).
// EPERM or ENOSYS where that cannot be had.
int peer_start_blocking(peer *_Nonnull peer, size_t length);

// A new descriptor of the process itself (pidfd), or -errno.
int peer_descriptor(const peer *_Nonnull peer);

// Starts a process that maps `length` bytes of a file read-only.
int peer_start_mapping(peer *_Nonnull peer, int descriptor, size_t length);

// The process copies bytes out of its memory and sends them.
int peer_read(peer *_Nonnull peer, size_t offset, void *_Nonnull bytes, size_t length);

// The process sets bytes of its memory.
int peer_fill(peer *_Nonnull peer, size_t offset, uint8_t value, size_t length);

// The process unmaps pages of its memory.
int peer_unmap(peer *_Nonnull peer, size_t offset, size_t length);

// What a process can do over and over, while others look at its memory.
typedef enum {
  // Turns every bit of the bytes over.
  peer_scribbles,
  // Unmaps the pages and maps others in their place.
  peer_flickers,
  // Reads a byte of every page.
  peer_sweeps,
} peer_activity;

// The process begins, and is at it until its next request.
int peer_begin(
    peer *_Nonnull peer, peer_activity activity, size_t offset, size_t length);
int peer_rest(peer *_Nonnull peer);

// The process exits, or is killed; when this returns it is a zombie, until `peer_end`.
int peer_exit(peer *_Nonnull peer);
int peer_kill(peer *_Nonnull peer);

// Kills the process if it still runs, reaps it, and closes the connection. May be called twice.
void peer_end(peer *_Nonnull peer);

// What a process could do with a descriptor of a region: for each attempt 0 if it went well, or
// the errno that refused it.
typedef struct {
  int map_read_only;
  // EBADMSG if the bytes are not as expected.
  int read_in_place;
  int map_writable;
  int raise_protection;
  // Through /proc/self/mem, and with process_vm_writev, into its own view.
  int write_through_proc;
  int write_as_debugger;
  // Punching a hole through its own view.
  int remove_mapped;
  int write;
  int punch_hole;
  int truncate;
  int grow;
  int add_seal;
  // Opening the file behind the descriptor again, for writing. A process of the same user can.
  int reopen_writable;
  // With that new descriptor; ENOTSUP if there is none.
  int reopened_map_writable;
  int reopened_write;
  int reopened_shrink;
} peer_attempts;

// A process of user `uid` (or of this user, if that is (uid_t)-1) tries everything with a
// descriptor. It expects `bytes` at `offset`. Becoming another user needs a privileged test run.
int peer_attempt(
    int descriptor, size_t region_length, size_t offset, const void *_Nonnull bytes,
    size_t length, uid_t uid, peer_attempts *_Nonnull attempts);

// Seals of a memory file, or -errno.
int peer_seals(int descriptor);

// Open descriptors, and mappings, of this process whose file has `name` in its path; -1 if that
// cannot be found out. (Not all of them: the runtime opens and maps when it likes.)
int peer_descriptor_count(const char *_Nonnull name);
int peer_mapping_count(const char *_Nonnull name);

// Lets this process open no descriptor numbered `count` or above.
int peer_limit_descriptors(int count);

// From now on the system has no memory when this process allocates the blocks of a file.
int peer_refuse_allocating_file_memory(void);

// Lets the address space of this process grow by no more than `bytes`.
int peer_limit_address_space_growth(size_t bytes);

// 1 if this is built with the thread sanitizer, which has limits of its own.
int peer_has_thread_sanitizer(void);

// 1 if this is built with the address sanitizer, which maps memory of its own at any time.
int peer_has_address_sanitizer(void);

#endif
