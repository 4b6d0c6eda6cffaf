// What a host of other programs needs of the system: seccomp's user notifications, memory and
// descriptors of other processes, and a mapping made in another process.
//
// As in CLinuxShims.h, every function returns its result or the negated errno, none keeps state,
// and all are safe to call from any thread.

#ifndef HOSTING_H
#define HOSTING_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// How far a program came before it could not be started.
enum bb_launch_stage {
  bb_launch_prepare,     // socket, fork
  bb_launch_privileges,  // PR_SET_NO_NEW_PRIVS
  bb_launch_filter,      // seccomp
  bb_launch_listener,    // handing the listener over
  bb_launch_exec,        // execvp
};

struct bb_launch {
  pid_t child;    // 0 when there is none
  int listener;   // the seccomp listener; the caller closes it
  int stage;      // of the failure
};

// Starts a program whose Binder calls, and those of all it starts, are notified to the listener.
// Returns 0 when it runs. In a child of fork: nothing but C runs until exec.
// `own_group`: the program leads a process group of its own.
// `tracer`: a process that may look into the program although it is no ancestor; 0 for none.
int bb_host_launch(
    char *_Nullable const *_Nonnull arguments, int own_group, pid_t tracer,
    struct bb_launch *_Nonnull launch);

// The next connection of a listening socket, close-on-exec.
int bb_accept(int socket);
// Hands a descriptor over a Unix socket, with some bytes, and takes one.
int bb_send_descriptor(int socket, int descriptor, const void *_Nonnull bytes, size_t length);
ssize_t bb_receive_descriptor(
    int socket, void *_Nonnull bytes, size_t length, int *_Nonnull descriptor);

// A notified system call, the same for all spellings of it.
enum bb_call_kind {
  bb_call_other,      // of no interest
  bb_call_ioctl,      // descriptor, request, argument
  bb_call_open,       // directory, path, flags
  bb_call_open_how,   // directory, path, struct open_how, its size
  bb_call_map,        // address, length, protection, flags, descriptor, offset
  bb_call_access,     // directory, path
  bb_call_stat,       // directory, path, struct stat, flags
  bb_call_statx,      // directory, path, struct statx, flags
  bb_call_set_flags,  // descriptor, file status flags
  bb_call_duplicate,  // some descriptor becomes another
  bb_call_poll,       // struct pollfd, 1, milliseconds
  bb_call_poll_time,  // struct pollfd, 1, struct timespec
  bb_call_foreign,    // of a 32-bit program: one of the above, for all we know
};

struct bb_call {
  uint64_t id;
  pid_t thread;
  int kind;
  uint64_t arguments[6];
};

// Whether this kernel has what a host needs: 0, -ENOSYS, -EINVAL.
int bb_call_supported(void);
// Waits for the next call. -ENOENT: it was interrupted before it could be taken.
int bb_call_receive(int listener, struct bb_call *_Nonnull call);
// Lets it return `value`, or fail with `error` (positive) when that is not 0. -ENOENT: it is over.
int bb_call_answer(int listener, uint64_t id, int64_t value, int error);
// Lets the kernel do it.
int bb_call_continue(int listener, uint64_t id);
// 0 while the caller waits for the answer, else -ENOENT.
int bb_call_valid(int listener, uint64_t id);
// Puts a copy of a descriptor into the caller. `at`: its number there, or -1 for the lowest free.
// `answer`: the call returns that number. Returns the number.
int bb_call_add_descriptor(int listener, uint64_t id, int descriptor, int at, int close_on_exec,
                           int answer);
// Wakes the other side on the same processor, from Linux 6.6 on.
int bb_call_wake_synchronously(int listener);

// Signals that came to a stopped thread, to be given to it when it goes on.
struct bb_held_signals { int numbers[8], count; };

// Makes this thread of ours the tracer of one that waits for an answer; the next two need it.
// -EPERM: it is traced by somebody else, or may not be.
int bb_remote_seize(pid_t thread);
// Gives that up; a pending call of the thread is made again.
void bb_remote_release(pid_t thread);
// Makes mmap(address, length, PROT_READ, flags, descriptor, 0) happen in a seized thread that waits
// for the answer to its own mmap, and closes `descriptor` there. The thread's call then returns the
// result, which `mapped` gets too: an address, or a negated errno. The call is then no longer
// pending; the thread stays stopped until it is let go, whatever is returned.
int bb_remote_map(
    pid_t thread, uint64_t address, uint64_t length, uint64_t flags, int descriptor,
    int64_t *_Nonnull mapped, struct bb_held_signals *_Nonnull kept);
// Lets such a thread go on, with the signals that came meanwhile.
void bb_remote_let_go(pid_t thread, const struct bb_held_signals *_Nonnull kept);
// Closes descriptors in a thread that waits for an answer, not seized. When that is done the kernel
// makes its call again.
int bb_remote_close(pid_t thread, const int *_Nonnull numbers, int count);

// One piece of a copy between this process and another.
struct bb_part {
  void *_Nullable local;
  uintptr_t remote;
  size_t length;
};
// Copies all parts in one call; fewer bytes when one of them cannot be reached. At most 16 parts.
ssize_t bb_process_read_parts(pid_t pid, const struct bb_part *_Nonnull parts, int count);
ssize_t bb_process_write_parts(pid_t pid, const struct bb_part *_Nonnull parts, int count);

// open(2): a place in the file system, which cannot be read.
static const int bb_O_PATH = 0x200000;

int bb_pidfd_open(pid_t pid);
// Whether a process has a thread of that number now.
int bb_thread_exists(pid_t process, pid_t thread);
int bb_pidfd_get(int pidfd, int descriptor);
int bb_become_subreaper(void);
// The status of a child that has ended, which is gone then; returns its pid, 0 when there is none.
// Leaves the stops of children that other threads have stopped alone.
pid_t bb_reap(int *_Nonnull status);
// Counts what is written to it, and can be polled; not waited for.
int bb_wakeup_new(void);

// Tells when the last copy of an open read-only file goes: descriptors and mappings.
int bb_watch_new(void);
// `descriptor`: any descriptor of the file. Returns the watch.
int bb_watch_add(int watcher, int descriptor);
int bb_watch_remove(int watcher, int watch);
// The watches that had an event; does not wait. Returns how many; 0 for none.
int bb_watch_read(int watcher, int *_Nonnull watches, int capacity);

// A file that can be polled and made readable: `own` is for reading and writing, `given` to be
// handed out.
int bb_signal_file(int *_Nonnull own, int *_Nonnull given, int is_nonblocking);

// `struct stat` or `struct statx` of a character device that everybody may use. Returns its size.
size_t bb_device_stat(int is_statx, unsigned minor, void *_Nonnull buffer, size_t capacity);
// The device and inode number that identify an open file: `number` within the open directory
// `directory`, a /proc/PID/fd.
int bb_file_identity(int directory, int number, uint64_t *_Nonnull device, uint64_t *_Nonnull inode);
// The effective uid of the process whose /proc/PID directory that is.
int bb_process_euid(int directory, uid_t *_Nonnull uid);

#endif
