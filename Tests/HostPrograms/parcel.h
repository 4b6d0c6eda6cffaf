// The little of Android's message format that the two examples need: words of four bytes and
// UTF-16 strings, for the service manager behind handle 0.
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/android/binder.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { manager = 0, check_service = 2, add_service = 3, region_size = 128 << 10 };

struct parcel {
  uint8_t bytes[512];
  size_t size;
  binder_size_t object;  // where its only object lies
  int has_object;
};

static inline void put_word(struct parcel *p, uint32_t word) {
  memcpy(p->bytes + p->size, &word, 4);
  p->size += 4;
}

static inline void put_text(struct parcel *p, const char *text) {
  put_word(p, (uint32_t)strlen(text));
  for (const char *c = text;; c++) {
    p->bytes[p->size] = (uint8_t)*c;
    p->bytes[p->size + 1] = 0;
    p->size += 2;
    if (!*c) break;
  }
  while (p->size % 4) p->bytes[p->size++] = 0;
}

static inline void put_binder(struct parcel *p, uintptr_t binder) {
  struct flat_binder_object object = {.hdr.type = BINDER_TYPE_BINDER, .binder = binder};
  memcpy(p->bytes + p->size, &object, sizeof object);
  p->object = p->size;
  p->has_object = 1;
  p->size += sizeof object;
}

static inline struct parcel manager_request(const char *service) {
  struct parcel p = {.size = 0};
  put_word(&p, 0);  // strict mode
  put_text(&p, "android.os.IServiceManager");
  put_text(&p, service);
  return p;
}

static inline int open_device(const char **region) {
  int device = open("/dev/binder", O_RDWR | O_CLOEXEC);
  if (device < 0) err(1, "/dev/binder");
  *region = mmap(NULL, region_size, PROT_READ, MAP_PRIVATE | MAP_NORESERVE, device, 0);
  if (*region == MAP_FAILED) err(1, "mmap");
  return device;
}

// Writes commands and reads returns; the driver waits until there is one.
static inline size_t exchange(
    int device, const void *commands, size_t size, void *returns, size_t room) {
  struct binder_write_read io = {
      .write_size = size, .write_buffer = (uintptr_t)commands,
      .read_size = room, .read_buffer = (uintptr_t)returns};
  while (ioctl(device, BINDER_WRITE_READ, &io))
    if (errno != EINTR) err(1, "BINDER_WRITE_READ");
  return io.read_consumed;
}

struct __attribute__((packed)) command {
  uint32_t code;
  struct binder_transaction_data message;
};

static inline struct command command_for(
    uint32_t code, uint32_t handle, uint32_t request, const struct parcel *p) {
  struct command c = {
      .code = code,
      .message = {
          .target.handle = handle, .code = request, .data_size = p->size,
          .offsets_size = p->has_object ? sizeof p->object : 0,
          .data.ptr = {.buffer = (uintptr_t)p->bytes, .offsets = (uintptr_t)&p->object}}};
  return c;
}
