// Programs that talk to each other and are killed at random moments; run under a host.
//
//   chaos PROGRAMS SECONDS SEED [hostile]
//
// One program is context manager, the others call it, give it binders and files, call what it
// hands on, and forget to free now and then. Whoever is killed is started again. With `hostile`
// every third program writes garbage into the device instead. At the end the host, which is this
// program's parent, must hold no more descriptors and memory than after the first second.
#include "parcel.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

enum { most = 64 };
static uint64_t state;
static uint32_t draw(uint32_t below) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(state >> 33) % below;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static ssize_t turn(int device, const void *commands, size_t size, void *returns, size_t room) {
  struct binder_write_read io = {
      .write_size = size, .write_buffer = (uintptr_t)commands,
      .read_size = room, .read_buffer = (uintptr_t)returns};
  return ioctl(device, BINDER_WRITE_READ, &io) ? -errno : (ssize_t)io.read_consumed;
}

// Takes what came; answers calls.
static void take(int device, const uint8_t *at, ssize_t size) {
  while (size >= 4) {
    uint32_t code;
    memcpy(&code, at, 4);
    struct __attribute__((packed)) {
      uint32_t free; binder_uintptr_t buffer; struct command c;
    } out;
    if (code == BR_TRANSACTION || code == BR_REPLY) {
      struct binder_transaction_data m;
      memcpy(&m, at + 4, sizeof m);
      struct parcel reply = {.size = 0};
      put_word(&reply, m.code);
      out.free = BC_FREE_BUFFER;
      out.buffer = draw(50) ? m.data.ptr.buffer : 0;
      out.c = command_for(BC_REPLY, 0, 0, &reply);
      int answers = code == BR_TRANSACTION && !(m.flags & TF_ONE_WAY);
      turn(device, &out, answers ? sizeof out : sizeof out - sizeof out.c, NULL, 0);
    } else if (code == BR_INCREFS || code == BR_ACQUIRE) {
      struct __attribute__((packed)) { uint32_t code; struct binder_ptr_cookie who; } done;
      done.code = code == BR_INCREFS ? BC_INCREFS_DONE : BC_ACQUIRE_DONE;
      memcpy(&done.who, at + 4, sizeof done.who);
      turn(device, &done, sizeof done, NULL, 0);
    } else if (code == BR_DEAD_BINDER) {
      struct __attribute__((packed)) { uint32_t code; binder_uintptr_t cookie; } done;
      done.code = BC_DEAD_BINDER_DONE;
      memcpy(&done.cookie, at + 4, 8);
      turn(device, &done, sizeof done, NULL, 0);
    }
    at += 4 + _IOC_SIZE(code);
    size -= 4 + _IOC_SIZE(code);
  }
}

static void talk(int device, int is_manager) {
  uint8_t returns[1024];
  uint32_t enter = BC_ENTER_LOOPER;
  turn(device, &enter, sizeof enter, NULL, 0);
  for (;;) {
    if (is_manager || !draw(3)) {
      ssize_t size = turn(device, NULL, 0, returns, sizeof returns);
      if (size > 0) take(device, returns, size);
      else usleep(200);
      continue;
    }
    static uint8_t bulk[40000];
    struct parcel p = {.size = 0};
    put_word(&p, draw(1000));
    if (!draw(2)) put_binder(&p, 16 * (1 + draw(20)));
    struct command c = command_for(BC_TRANSACTION, draw(4) ? 0 : draw(6), draw(9), &p);
    if (!draw(3)) c.message.flags = TF_ONE_WAY;
    if (!draw(8)) {
      c.message.data_size = draw(sizeof bulk), c.message.offsets_size = 0;
      c.message.data.ptr.buffer = (uintptr_t)bulk;
    }
    if (!draw(6)) {
      struct __attribute__((packed)) { uint32_t code; struct binder_handle_cookie who; } death = {
          BC_REQUEST_DEATH_NOTIFICATION, {draw(6), draw(100)}};
      turn(device, &death, sizeof death, NULL, 0);
    }
    ssize_t size = turn(device, &c, sizeof c, returns, sizeof returns);
    if (size > 0) take(device, returns, size);
  }
}

// Commands that are nearly right, and some that are not.
static void pester(int device) {
  static const uint32_t codes[] = {
      BC_TRANSACTION, BC_REPLY, BC_TRANSACTION_SG, BC_REPLY_SG, BC_FREE_BUFFER, BC_INCREFS,
      BC_ACQUIRE, BC_RELEASE, BC_DECREFS, BC_INCREFS_DONE, BC_ACQUIRE_DONE, BC_REGISTER_LOOPER,
      BC_ENTER_LOOPER, BC_EXIT_LOOPER, BC_REQUEST_DEATH_NOTIFICATION,
      BC_CLEAR_DEATH_NOTIFICATION, BC_DEAD_BINDER_DONE, 0x40046399};
  static const uint32_t types[] = {
      BINDER_TYPE_BINDER, BINDER_TYPE_WEAK_BINDER, BINDER_TYPE_HANDLE, BINDER_TYPE_WEAK_HANDLE,
      BINDER_TYPE_FD, BINDER_TYPE_FDA, BINDER_TYPE_PTR, 7};
  static uint8_t data[4096], commands[8192], returns[4096];
  static binder_size_t offsets[64];
  for (;;) {
    size_t size = 0;
    for (uint32_t n = draw(6); n--;) {
      uint32_t code = codes[draw(sizeof codes / 4)];
      struct binder_transaction_data_sg t = {{{0}, 0, 0, 0, 0, 0, 0, 0, {{0, 0}}}, 0};
      for (size_t i = 0; i < sizeof data / 8; i++) ((uint64_t *)data)[i] = draw(2) ? draw(64) : (uint64_t)(uintptr_t)(data + draw(4096));
      uint32_t objects = draw(8);
      for (uint32_t i = 0; i < objects; i++) {
        offsets[i] = draw(10) ? 40 * i : draw(5000);
        if (offsets[i] < 4000) memcpy(data + offsets[i], &types[draw(8)], 4);
      }
      t.transaction_data.target.handle = draw(5);
      t.transaction_data.code = draw(10);
      t.transaction_data.flags = draw(64);
      t.transaction_data.data_size = draw(20) ? draw(4096) : (uint64_t)-(int64_t)draw(100);
      t.transaction_data.offsets_size = draw(20) ? objects * 8 : draw(1u << 31);
      t.transaction_data.data.ptr.buffer = draw(10) ? (uintptr_t)data : draw(1u << 30);
      t.transaction_data.data.ptr.offsets = draw(10) ? (uintptr_t)offsets : draw(1u << 30);
      t.buffers_size = draw(3) ? 8 * draw(100) : draw(1u << 30);
      memcpy(commands + size, &code, 4);
      memcpy(commands + size + 4, &t, sizeof t);
      size += 4 + (draw(20) ? _IOC_SIZE(code) : draw(80));
    }
    struct binder_write_read io = {
        .write_size = draw(20) ? size : draw(1u << 20), .write_consumed = draw(20) ? 0 : draw(500),
        .write_buffer = draw(30) ? (uintptr_t)commands : draw(1u << 30),
        .read_size = draw(4) ? draw(600) : draw(1u << 30),
        .read_consumed = draw(20) ? 0 : draw(600),
        .read_buffer = draw(30) ? (uintptr_t)returns : draw(1u << 30)};
    static const unsigned long requests[] = {
        BINDER_SET_MAX_THREADS, BINDER_SET_CONTEXT_MGR, BINDER_THREAD_EXIT, BINDER_VERSION,
        BINDER_GET_NODE_DEBUG_INFO, BINDER_GET_NODE_INFO_FOR_REF, BINDER_FREEZE,
        BINDER_GET_FROZEN_INFO, BINDER_ENABLE_ONEWAY_SPAM_DETECTION, BINDER_GET_EXTENDED_ERROR,
        _IO('b', 99)};
    if (draw(10)) ioctl(device, BINDER_WRITE_READ, &io);
    else {
      uint32_t words[8] = {draw(5), draw(3), draw(3)};
      if (requests[0] == BINDER_FREEZE) words[0] = (uint32_t)getpid();
      ioctl(device, requests[draw(11)], draw(10) ? (void *)words : (void *)8);
    }
  }
}

static void run(int is_manager, int is_hostile) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  int device = open("/dev/binder", O_RDWR | O_CLOEXEC | O_NONBLOCK);
  if (device < 0) err(1, "/dev/binder");
  if (mmap(NULL, region_size, PROT_READ, MAP_PRIVATE, device, 0) == MAP_FAILED) err(1, "mmap");
  // The place of one that was just killed is free when its end has been seen.
  for (int i = 0; is_manager && ioctl(device, BINDER_SET_CONTEXT_MGR, &(int){0}); i++) {
    if (i > 60000) err(1, "BINDER_SET_CONTEXT_MGR");
    usleep(1000);
  }
  if (is_hostile) pester(device);
  talk(device, is_manager);
}

static long descriptors(void) {
  char path[64];
  long count = 0;
  snprintf(path, sizeof path, "/proc/%d/fd", getppid());
  DIR *d = opendir(path);
  if (!d) err(1, "%s", path);
  while (readdir(d)) count++;
  closedir(d);
  return count - 3;
}

static long resident(void) {
  char path[64];
  long total, pages = 0;
  snprintf(path, sizeof path, "/proc/%d/statm", getppid());
  FILE *f = fopen(path, "re");
  if (!f || fscanf(f, "%ld %ld", &total, &pages) != 2) err(1, "%s", path);
  fclose(f);
  return pages * 4;
}

int main(int argc, char **argv) {
  if (argc < 4) errx(2, "usage: chaos PROGRAMS SECONDS SEED [hostile]");
  int count = atoi(argv[1]), hostile = argc > 4;
  double end = now() + atof(argv[2]);
  state = strtoull(argv[3], NULL, 0) * 2 + 1;
  pid_t pids[most] = {0};
  if (count < 2 || count > most) errx(2, "2 to %d programs", most);
  long first = descriptors(), kills = 0, early = 0, errors = 0;
  while (now() < end) {
    for (int i = 0; i < count; i++) {
      if (pids[i]) continue;
      uint64_t seed = draw(1u << 31);
      if (!(pids[i] = fork())) {
        state = seed;
        run(i == 0, hostile && i % 3 == 2);
      }
    }
    usleep(draw(20000));
    int victim = (int)draw((uint32_t)count);
    kill(pids[victim], SIGKILL);
    int status;
    if (waitpid(pids[victim], &status, 0) == pids[victim] && WIFEXITED(status)) errors++;
    pids[victim] = 0;
    if (++kills == 100) early = resident();
  }
  for (int i = 0; i < count; i++) {
    if (!pids[i]) continue;
    kill(pids[i], SIGKILL);
    waitpid(pids[i], NULL, 0);
  }
  // The host sees the last closes in a moment, or later on a busy machine.
  long last = descriptors();
  for (int i = 0; i < 3000 && last > first; i++, last = descriptors()) usleep(20000);
  printf("%ld kills, %ld ended by themselves, descriptors %ld -> %ld, resident %ld -> %ld KiB\n",
         kills, errors, first, last, early, resident());
  return errors || last > first || (early && resident() > early + early / 4 + 8192);
}
