#define _GNU_SOURCE
#include "CTestPeer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum operation { op_read, op_fill, op_unmap, op_exit, op_begin, op_rest };

struct request {
  enum operation operation;
  uint8_t value;  // of op_begin: the activity
  size_t offset;
  size_t length;
};

static int send_all(int socket, const void *bytes, size_t length) {
  const char *next = bytes;
  while (length > 0) {
    ssize_t sent = send(socket, next, length, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return errno ? errno : EPIPE;
    next += sent;
    length -= (size_t)sent;
  }
  return 0;
}

static int receive_all(int socket, void *bytes, size_t length) {
  char *next = bytes;
  while (length > 0) {
    ssize_t received = recv(socket, next, length, 0);
    if (received < 0 && errno == EINTR) continue;
    if (received < 0) return errno;
    if (received == 0) return EPIPE;
    next += received;
    length -= (size_t)received;
  }
  return 0;
}

// ---- In the child -------------------------------------------------------------------------------

// Waits for a request. Ends the child when the test process has ended: the parent-death signal
// would be wrong, since it comes when the *thread* that forked ends. Nor is the end of the
// connection seen for sure, since children forked later hold a copy of it.
static void await_request(int control, pid_t parent) {
  struct pollfd poll_control = {.fd = control, .events = POLLIN};
  while (poll(&poll_control, 1, 200) <= 0) {
    if (getppid() != parent) _exit(2);
  }
}

static int is_idle(int control) {
  struct pollfd poll_control = {.fd = control, .events = POLLIN};
  return poll(&poll_control, 1, 0) == 0;
}

// Does something over and over until the next request comes.
static void stay_busy(int control, pid_t parent, char *memory, struct request what) {
  char *bytes = memory + what.offset;
  volatile char sink = 0;
  while (is_idle(control)) {
    if (getppid() != parent) _exit(2);
    switch ((peer_activity)what.value) {
      case peer_scribbles:
        for (size_t i = 0; i < what.length; i++) bytes[i] = (char)~bytes[i];
        break;
      case peer_flickers:
        munmap(bytes, what.length);
        mmap(bytes, what.length, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        break;
      case peer_sweeps:
        for (size_t i = 0; i < what.length; i += 4096) sink = bytes[i];
        break;
    }
  }
  (void)sink;
}

static void serve(int control, pid_t parent, char *memory) {
  for (;;) {
    struct request request;
    await_request(control, parent);
    if (receive_all(control, &request, sizeof request) != 0) _exit(2);
    int result = 0;
    switch (request.operation) {
      case op_read: break;
      case op_fill: memset(memory + request.offset, request.value, request.length); break;
      case op_unmap:
        if (munmap(memory + request.offset, request.length) != 0) result = errno;
        break;
      case op_exit: _exit(0);
      case op_begin:
      case op_rest: break;
    }
    if (send_all(control, &result, sizeof result) != 0) _exit(2);
    if (request.operation == op_begin) stay_busy(control, parent, memory, request);
    if (request.operation == op_read) {
      if (send_all(control, memory + request.offset, request.length) != 0) _exit(2);
    }
  }
}

// ---- In the test process ------------------------------------------------------------------------

static size_t whole_pages(size_t length) { return (length + 4095) & ~(size_t)4095; }

// What a descriptor says when there is none: memory that blocks.
#define BLOCKING -2

// Memory whose pages nobody brings in. The descriptor that could stays open until the process ends.
static char *blocking_memory(size_t length) {
  int handler = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
  if (handler < 0) return MAP_FAILED;
  struct uffdio_api api = {.api = UFFD_API};
  if (ioctl(handler, UFFDIO_API, &api) != 0) return MAP_FAILED;
  char *memory =
      mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return memory;
  struct uffdio_register range = {
      .range = {(uintptr_t)memory, length}, .mode = UFFDIO_REGISTER_MODE_MISSING};
  return ioctl(handler, UFFDIO_REGISTER, &range) == 0 ? memory : MAP_FAILED;
}

// Forks. The child maps memory (of the file, or its own with a copy of `bytes`), tells where, and
// serves requests.
static int start(peer *peer, int descriptor, const void *bytes, size_t length) {
  int sockets[2];
  memset(peer, 0, sizeof *peer);
  peer->control = -1;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) return errno;
  pid_t parent = getpid();
  pid_t pid = fork();
  if (pid < 0) {
    int error = errno;
    close(sockets[0]);
    close(sockets[1]);
    return error;
  }
  if (pid == 0) {
    close(sockets[0]);
    char *memory =
        bytes
            ? mmap(NULL, whole_pages(length), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        : descriptor == BLOCKING
            ? blocking_memory(length)
            : mmap(NULL, length, PROT_READ, MAP_SHARED, descriptor, 0);
    int result = memory == MAP_FAILED ? errno : 0;
    if (result == 0 && bytes) memcpy(memory, bytes, length);
    if (send_all(sockets[1], &result, sizeof result) != 0) _exit(2);
    if (send_all(sockets[1], &memory, sizeof memory) != 0) _exit(2);
    serve(sockets[1], parent, memory);
  }
  close(sockets[1]);
  peer->pid = pid;
  peer->control = sockets[0];
  peer->length = length;
  int result = 0;
  int error = receive_all(peer->control, &result, sizeof result);
  if (error == 0) error = receive_all(peer->control, &peer->address, sizeof peer->address);
  if (error == 0) error = result;
  if (error != 0) peer_end(peer);
  return error;
}

int peer_start_holding(peer *peer, const void *bytes, size_t length) {
  return start(peer, -1, bytes, length);
}

int peer_start_blocking(peer *peer, size_t length) { return start(peer, BLOCKING, NULL, length); }

int peer_descriptor(const peer *peer) {
  int descriptor = (int)syscall(SYS_pidfd_open, peer->pid, 0);
  return descriptor < 0 ? -errno : descriptor;
}

int peer_start_mapping(peer *peer, int descriptor, size_t length) {
  return start(peer, descriptor, NULL, length);
}

static int request(peer *peer, struct request request) {
  int result = 0;
  int error = send_all(peer->control, &request, sizeof request);
  if (error == 0) error = receive_all(peer->control, &result, sizeof result);
  return error ? error : result;
}

int peer_read(peer *peer, size_t offset, void *bytes, size_t length) {
  int error = request(peer, (struct request){op_read, 0, offset, length});
  return error ? error : receive_all(peer->control, bytes, length);
}

int peer_fill(peer *peer, size_t offset, uint8_t value, size_t length) {
  return request(peer, (struct request){op_fill, value, offset, length});
}

int peer_unmap(peer *peer, size_t offset, size_t length) {
  return request(peer, (struct request){op_unmap, 0, offset, length});
}

int peer_begin(peer *peer, peer_activity activity, size_t offset, size_t length) {
  return request(peer, (struct request){op_begin, (uint8_t)activity, offset, length});
}

int peer_rest(peer *peer) { return request(peer, (struct request){op_rest, 0, 0, 0}); }

static int await_zombie(peer *peer) {
  siginfo_t info;
  while (waitid(P_PID, (id_t)peer->pid, &info, WEXITED | WNOWAIT) != 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

int peer_exit(peer *peer) {
  struct request request = {op_exit, 0, 0, 0};
  int error = send_all(peer->control, &request, sizeof request);
  return error ? error : await_zombie(peer);
}

int peer_kill(peer *peer) {
  if (kill(peer->pid, SIGKILL) != 0) return errno;
  return await_zombie(peer);
}

void peer_end(peer *peer) {
  if (peer->pid > 0) {
    kill(peer->pid, SIGKILL);
    while (waitpid(peer->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    close(peer->control);
  }
  peer->pid = 0;
  peer->control = -1;
}

// ---- Attempts on a region -----------------------------------------------------------------------

static int attempt_mapping(int descriptor, size_t length, int protection) {
  void *memory = mmap(NULL, length, protection, MAP_SHARED, descriptor, 0);
  if (memory == MAP_FAILED) return errno;
  munmap(memory, length);
  return 0;
}

static int outcome(long result) { return result < 0 ? errno : 0; }

// The path of an open descriptor of this process, written by hand: a child of a program with
// threads may not use stdio.
static void descriptor_path(int descriptor, char path[32]) {
  static const char prefix[] = "/proc/self/fd/";
  char digits[12];
  int count = 0;
  do {
    digits[count++] = (char)('0' + descriptor % 10);
    descriptor /= 10;
  } while (descriptor > 0);
  memcpy(path, prefix, sizeof prefix - 1);
  char *end = path + sizeof prefix - 1;
  while (count > 0) *end++ = digits[--count];
  *end = 0;
}

// Writes to this process's own memory through its file in /proc, which heeds no protection where
// the kernel allows it.
static int attempt_proc_write(char *view) {
  const char zero = 0;
  int memory = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
  if (memory < 0) return errno;
  int result = outcome(pwrite(memory, &zero, 1, (off_t)(uintptr_t)view));
  close(memory);
  return result;
}

static void attempt_all(
    int descriptor, size_t region_length, size_t offset, const void *bytes, size_t length,
    peer_attempts *attempts) {
  const char zero = 0;
  char *view = mmap(NULL, region_length, PROT_READ, MAP_SHARED, descriptor, 0);
  if (view == MAP_FAILED) {
    attempts->map_read_only = errno;
  } else {
    attempts->read_in_place = memcmp(view + offset, bytes, length) == 0 ? 0 : EBADMSG;
    attempts->raise_protection =
        outcome(mprotect(view, region_length, PROT_READ | PROT_WRITE));
    attempts->write_through_proc = attempt_proc_write(view);
    struct iovec source = {.iov_base = (void *)&zero, .iov_len = 1};
    struct iovec target = {.iov_base = view, .iov_len = 1};
    attempts->write_as_debugger =
        outcome(process_vm_writev(getpid(), &source, 1, &target, 1, 0));
    attempts->remove_mapped = outcome(madvise(view, 4096, MADV_REMOVE));
  }
  attempts->map_writable = attempt_mapping(descriptor, region_length, PROT_READ | PROT_WRITE);
  attempts->write = outcome(pwrite(descriptor, &zero, 1, 0));
  attempts->punch_hole = outcome(
      fallocate(descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
  attempts->truncate = outcome(ftruncate(descriptor, 0));
  attempts->grow = outcome(ftruncate(descriptor, (off_t)region_length * 2));
  attempts->add_seal = outcome(fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK));

  char path[32];
  descriptor_path(descriptor, path);
  int again = open(path, O_RDWR | O_CLOEXEC);
  attempts->reopen_writable = outcome(again);
  if (again < 0) {
    attempts->reopened_map_writable = ENOTSUP;
    attempts->reopened_write = ENOTSUP;
    attempts->reopened_shrink = ENOTSUP;
  } else {
    attempts->reopened_map_writable =
        attempt_mapping(again, region_length, PROT_READ | PROT_WRITE);
    // The byte that is there already: the test goes on reading.
    char same = view == MAP_FAILED ? 0 : view[0];
    attempts->reopened_write = outcome(pwrite(again, &same, 1, 0));
    attempts->reopened_shrink = outcome(ftruncate(again, 0));
  }
}

int peer_attempt(
    int descriptor, size_t region_length, size_t offset, const void *bytes, size_t length,
    uid_t uid, peer_attempts *attempts) {
  int sockets[2];
  memset(attempts, 0, sizeof *attempts);
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) return errno;
  pid_t pid = fork();
  if (pid < 0) {
    int error = errno;
    close(sockets[0]);
    close(sockets[1]);
    return error;
  }
  if (pid == 0) {
    int error = 0;
    if (uid != (uid_t)-1) error = outcome(setresuid(uid, uid, uid));
    if (error == 0) {
      attempt_all(descriptor, region_length, offset, bytes, length, attempts);
    }
    if (send_all(sockets[1], &error, sizeof error) != 0) _exit(2);
    if (send_all(sockets[1], attempts, sizeof *attempts) != 0) _exit(2);
    _exit(0);
  }
  close(sockets[1]);
  int result = 0;
  int error = receive_all(sockets[0], &result, sizeof result);
  if (error == 0) error = receive_all(sockets[0], attempts, sizeof *attempts);
  close(sockets[0]);
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
  }
  return error ? error : result;
}

int peer_seals(int descriptor) {
  int seals = fcntl(descriptor, F_GET_SEALS);
  return seals < 0 ? -errno : seals;
}
