// Starting a program under the filter, and handing descriptors to other processes.

#define _GNU_SOURCE
#include "HostFilter.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static inline int negated(int result) { return result < 0 ? -errno : result; }

int bb_accept(int socket) { return negated(accept4(socket, NULL, NULL, SOCK_CLOEXEC)); }

// A message of some bytes with room for one descriptor beside them.
struct descriptor_message {
  struct iovec part;
  struct msghdr header;
  union {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr aligned;
  } control;
};

static void prepare(struct descriptor_message *message, void *bytes, size_t length) {
  memset(message, 0, sizeof *message);
  message->part = (struct iovec){.iov_base = bytes, .iov_len = length};
  message->header = (struct msghdr){
      .msg_iov = &message->part, .msg_iovlen = 1, .msg_control = message->control.bytes,
      .msg_controllen = sizeof message->control.bytes};
}

int bb_send_descriptor(int socket, int descriptor, const void *bytes, size_t length) {
  struct descriptor_message message;
  prepare(&message, (void *)bytes, length);
  struct cmsghdr *header = CMSG_FIRSTHDR(&message.header);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
  ssize_t sent;
  do sent = sendmsg(socket, &message.header, MSG_NOSIGNAL); while (sent < 0 && errno == EINTR);
  return sent < 0 ? -errno : 0;
}

ssize_t bb_receive_descriptor(int socket, void *bytes, size_t length, int *descriptor) {
  struct descriptor_message message;
  prepare(&message, bytes, length);
  *descriptor = -1;
  ssize_t got;
  do got = recvmsg(socket, &message.header, MSG_CMSG_CLOEXEC); while (got < 0 && errno == EINTR);
  if (got < 0) return -errno;
  struct cmsghdr *header = CMSG_FIRSTHDR(&message.header);
  if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
    size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
      int one;
      memcpy(&one, CMSG_DATA(header) + i * sizeof one, sizeof one);
      // The room is rounded up, so that a second one may come.
      if (i == 0) *descriptor = one; else close(one);
    }
  }
  return got;
}

// What the child tells before exec: that a listener comes, or what failed.
struct word { int stage, error; };

static _Noreturn void fail(int socket, int stage) {
  struct word word = {stage, errno};
  ssize_t ignored = send(socket, &word, sizeof word, MSG_NOSIGNAL);
  (void)ignored;
  _exit(127);
}

static _Noreturn void run_child(
    int socket, char *const *arguments, int own_group, pid_t tracer) {
  if (own_group) setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  signal(SIGPIPE, SIG_DFL);
  if (tracer) prctl(PR_SET_PTRACER, tracer);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) fail(socket, bb_launch_privileges);
  int listener = bb_install_filter();
  if (listener < 0) fail(socket, bb_launch_filter);
  struct word word = {bb_launch_listener, 0};
  int sent = bb_send_descriptor(socket, listener, &word, sizeof word);
  if (sent < 0) {
    errno = -sent;
    fail(socket, bb_launch_listener);
  }
  close(listener);
  execvp(arguments[0], arguments);
  fail(socket, bb_launch_exec);
}

int bb_host_launch(
    char *const *arguments, int own_group, pid_t tracer, struct bb_launch *launch) {
  int sockets[2];
  *launch = (struct bb_launch){.child = 0, .listener = -1, .stage = bb_launch_prepare};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets)) return -errno;
  // No signal may run a handler of the host in the child.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_t child = fork();
  if (child == 0) run_child(sockets[1], arguments, own_group, tracer);
  int error = errno;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  close(sockets[1]);
  if (child < 0) {
    close(sockets[0]);
    return -error;
  }
  struct word word;
  ssize_t got = bb_receive_descriptor(sockets[0], &word, sizeof word, &launch->listener);
  int result = -EPIPE;
  if (got == sizeof word && word.error == 0 && launch->listener >= 0) {
    // Nothing more comes when exec succeeds: the socket is close-on-exec.
    do got = recv(sockets[0], &word, sizeof word, 0); while (got < 0 && errno == EINTR);
    if (got == 0) {
      launch->child = child;
      close(sockets[0]);
      return 0;
    }
  }
  if (got == sizeof word) {
    launch->stage = word.stage;
    result = -word.error;
  }
  close(sockets[0]);
  if (launch->listener >= 0) close(launch->listener);
  launch->listener = -1;
  while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {}
  return result;
}

pid_t bb_reap(int *status) {
  siginfo_t info = {.si_pid = 0};
  // A stop would be taken from the thread that awaits it: look first, take what has ended.
  if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WNOTHREAD) || !info.si_pid) return 0;
  if (info.si_code != CLD_EXITED && info.si_code != CLD_KILLED && info.si_code != CLD_DUMPED)
    return 0;
  return waitpid(info.si_pid, status, WNOHANG | __WNOTHREAD) == info.si_pid ? info.si_pid : 0;
}

int bb_become_subreaper(void) { return negated(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)); }
