// Calls and replies under a rain of signals: every call must arrive once and be answered once.
//
//   signals COUNT MICROSECONDS [restart]
//
// A server and a client; for each call both get a SIGALRM within so many microseconds, at a random
// moment. With `restart` the kernel makes interrupted calls again, else the programs do, as libbinder
// does.
#include "parcel.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/wait.h>

static volatile sig_atomic_t rung;
static void ring(int signal) { (void)signal, rung++; }

static void expect_signals(int flags) {
  struct sigaction action = {.sa_handler = ring, .sa_flags = flags};
  sigaction(SIGALRM, &action, NULL);
}

// One signal, soon: not again and again, or a slow machine would do nothing else.
static void aim(long microseconds) {
  struct itimerval timer = {{0, 0}, {0, 1 + random() % microseconds}};
  setitimer(ITIMER_REAL, &timer, NULL);
}

// The first return of one of two kinds in what was read; NULL when there is none.
static const uint8_t *find(const uint8_t *at, size_t size, uint32_t one, uint32_t other) {
  while (size >= 4) {
    uint32_t code;
    memcpy(&code, at, 4);
    if (code == one || code == other) return at;
    if (code == BR_FAILED_REPLY || code == BR_DEAD_REPLY) errx(1, "a call failed");
    at += 4 + _IOC_SIZE(code);
    size -= 4 + _IOC_SIZE(code);
  }
  return NULL;
}

static void serve(int ready, long pause, int flags) {
  const char *region;
  int device = open_device(&region);
  if (ioctl(device, BINDER_SET_CONTEXT_MGR, &(int){0})) err(1, "BINDER_SET_CONTEXT_MGR");
  // From here on: opening and mapping are not restarted by programs.
  expect_signals(flags);
  srandom(2);
  uint8_t returns[256];
  uint32_t expected = 0, enter = BC_ENTER_LOOPER;
  if (write(ready, "r", 1) != 1) err(1, "write");
  size_t size = exchange(device, &enter, sizeof enter, returns, sizeof returns);
  for (;;) {
    const uint8_t *got = find(returns, size, BR_TRANSACTION, BR_TRANSACTION);
    if (!got) {
      size = exchange(device, NULL, 0, returns, sizeof returns);
      continue;
    }
    struct binder_transaction_data m;
    memcpy(&m, got + 4, sizeof m);
    uint32_t number;
    memcpy(&number, (void *)(uintptr_t)m.data.ptr.buffer, 4);
    if (number != expected) errx(1, "call %u came where %u was due", number, expected);
    expected++;
    aim(pause);
    struct parcel reply = {.size = 0};
    put_word(&reply, number);
    struct __attribute__((packed)) { uint32_t free; binder_uintptr_t buffer; struct command c; } out = {
        BC_FREE_BUFFER, m.data.ptr.buffer, command_for(BC_REPLY, 0, 0, &reply)};
    size = exchange(device, &out, sizeof out, returns, sizeof returns);
  }
}

int main(int argc, char **argv) {
  if (argc < 3) errx(2, "usage: signals COUNT MICROSECONDS [restart]");
  uint32_t count = (uint32_t)atol(argv[1]);
  long pause = atol(argv[2]);
  int flags = argc > 3 ? SA_RESTART : 0, ready[2];
  if (pipe(ready)) err(1, "pipe");
  pid_t server = fork();
  if (!server) {
    serve(ready[1], pause, flags);
  }
  char byte;
  if (read(ready[0], &byte, 1) != 1) errx(1, "no server");
  const char *region;
  int device = open_device(&region);
  expect_signals(flags);
  for (uint32_t i = 0; i < count; i++) {
    aim(pause);
    struct parcel request = {.size = 0};
    put_word(&request, i);
    struct command c = command_for(BC_TRANSACTION, manager, 1, &request);
    uint8_t returns[256];
    size_t size = exchange(device, &c, sizeof c, returns, sizeof returns);
    const uint8_t *got;
    while (!(got = find(returns, size, BR_REPLY, BR_REPLY)))
      size = exchange(device, NULL, 0, returns, sizeof returns);
    struct binder_transaction_data m;
    memcpy(&m, got + 4, sizeof m);
    uint32_t number;
    memcpy(&number, (void *)(uintptr_t)m.data.ptr.buffer, 4);
    if (number != i) errx(1, "answer %u came where %u was due", number, i);
    struct __attribute__((packed)) { uint32_t free; binder_uintptr_t buffer; } out = {
        BC_FREE_BUFFER, m.data.ptr.buffer};
    exchange(device, &out, sizeof out, NULL, 0);
  }
  int status;
  if (waitpid(server, &status, WNOHANG)) errx(1, "the server ended");
  kill(server, SIGKILL);
  printf("%u calls%s\n", count, rung ? "" : ", no signal came");
  return 0;
}
