// Wants more and more of one thing until the driver refuses; prints how many it got, and the error.
//
//   limits opens|memory|threads|handles|nodes|unread
#include "parcel.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

enum { most = 5000 };

static void tell(int got, const char *error) {
  printf("%d %s\n", got, error);
  exit(0);
}

static void many_opens(int with_region) {
  for (int i = 0; i < most; i++) {
    int device = open("/dev/binder", O_RDWR | O_CLOEXEC);
    if (device < 0) tell(i, errno == EMFILE ? "EMFILE" : strerror(errno));
    if (with_region && mmap(NULL, region_size, PROT_READ, MAP_PRIVATE, device, 0) == MAP_FAILED)
      tell(i, errno == ENOMEM ? "ENOMEM" : strerror(errno));
  }
}

static int shared_device;
static void *call_once(void *unused) {
  (void)unused;
  struct binder_version version;
  return ioctl(shared_device, BINDER_VERSION, &version) ? (void *)(intptr_t)errno : NULL;
}

static void many_threads(void) {
  const char *region;
  shared_device = open_device(&region);
  pthread_t threads[64];
  // All at once, so that no number comes twice: each stays until it is joined, its number too.
  int refused = 0, got = 0;
  for (int i = 0; i < 64; i++) {
    if (pthread_create(&threads[i], NULL, call_once, NULL)) errx(1, "pthread_create");
    void *error;
    // The driver keeps a thread that is gone, as the kernel does, until BINDER_THREAD_EXIT.
    pthread_join(threads[i], &error);
    if (!error) got++;
    else if ((intptr_t)error == ENOMEM) refused++;
    else errx(1, "%s", strerror((int)(intptr_t)error));
  }
  if (refused) tell(got, "ENOMEM");
}

// A receiver that takes what comes and neither frees nor answers.
static void take_all(int ready) {
  const char *region;
  int device = open_device(&region);
  if (ioctl(device, BINDER_SET_CONTEXT_MGR, &(int){0})) err(1, "BINDER_SET_CONTEXT_MGR");
  if (write(ready, "r", 1) != 1) err(1, "write");
  pause();
}

// Oneway messages to a receiver, with a binder in each or none.
static void many_messages(int with_binder, int reads) {
  int ready[2];
  char byte;
  if (pipe(ready)) err(1, "pipe");
  pid_t receiver = fork();
  if (!receiver) take_all(ready[1]);
  if (read(ready[0], &byte, 1) != 1) errx(1, "no receiver");
  const char *region;
  int device = open_device(&region);
  uint8_t returns[256];
  for (int i = 0; i < 300; i++) {
    struct parcel p = {.size = 0};
    put_word(&p, 0);
    put_word(&p, 0);
    if (with_binder) put_binder(&p, 16 * (uintptr_t)(i + 1));
    struct command c = command_for(BC_TRANSACTION, manager, 1, &p);
    c.message.flags = TF_ONE_WAY;
    exchange(device, &c, sizeof c, NULL, 0);
    if (!reads && i < 200) {
      // Unread so far: a failure would be among what is read in the end.
      struct binder_extended_error error = {0};
      if (ioctl(device, BINDER_GET_EXTENDED_ERROR, &error)) err(1, "BINDER_GET_EXTENDED_ERROR");
      if (error.command != BR_FAILED_REPLY) continue;
      kill(receiver, SIGKILL);
      tell(i, error.param == -ENOMEM ? "BR_FAILED_REPLY ENOMEM" : "another error");
    }
    size_t size = exchange(device, NULL, 0, returns, sizeof returns);
    for (uint8_t *at = returns; size >= 4;) {
      uint32_t code;
      memcpy(&code, at, 4);
      if (code == BR_FAILED_REPLY) {
        struct binder_extended_error error = {0};
        ioctl(device, BINDER_GET_EXTENDED_ERROR, &error);
        kill(receiver, SIGKILL);
        tell(i, error.param == -ENOMEM ? "BR_FAILED_REPLY ENOMEM" : "another error");
      }
      at += 4 + _IOC_SIZE(code);
      size -= 4 + _IOC_SIZE(code);
    }
  }
  kill(receiver, SIGKILL);
}

int main(int argc, char **argv) {
  const char *kind = argc > 1 ? argv[1] : "";
  if (!strcmp(kind, "opens")) many_opens(0);
  else if (!strcmp(kind, "memory")) many_opens(1);
  else if (!strcmp(kind, "threads")) many_threads();
  else if (!strcmp(kind, "handles") || !strcmp(kind, "nodes")) many_messages(1, 1);
  else if (!strcmp(kind, "unread")) many_messages(0, 0);
  else errx(2, "usage: limits opens|memory|threads|handles|nodes|unread");
  puts("no limit");
}
