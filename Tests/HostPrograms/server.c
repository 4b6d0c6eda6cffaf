// A service "upper" that answers with what it was sent, in capitals. For a host with
// --service-manager, or any kernel with Binder and a classic service manager.
#include "parcel.h"

#include <ctype.h>

static const uintptr_t self = 0x1234;  // what this process calls its service

// Handles returns; returns the message that was received, if there was one.
static int take(int device, const uint8_t *at, size_t size, struct binder_transaction_data *m) {
  int got = 0;
  while (size >= 4) {
    uint32_t code;
    memcpy(&code, at, 4);
    size_t length = _IOC_SIZE(code);
    if (code == BR_TRANSACTION || code == BR_REPLY) {
      memcpy(m, at + 4, sizeof *m);
      got = 1;
    } else if (code == BR_INCREFS || code == BR_ACQUIRE) {
      // Somebody holds the service now: to be confirmed.
      struct __attribute__((packed)) { uint32_t code; struct binder_ptr_cookie who; } done;
      done.code = code == BR_INCREFS ? BC_INCREFS_DONE : BC_ACQUIRE_DONE;
      memcpy(&done.who, at + 4, sizeof done.who);
      exchange(device, &done, sizeof done, NULL, 0);
    } else if (code == BR_DEAD_REPLY || code == BR_FAILED_REPLY) {
      errx(1, "nobody behind handle 0: is there a service manager?");
    }
    at += 4 + length;
    size -= 4 + length;
  }
  return got;
}

int main(void) {
  const char *region;
  int device = open_device(&region);
  uint8_t returns[512];
  struct binder_transaction_data m;

  struct parcel request = manager_request("upper");
  put_binder(&request, self);
  put_word(&request, 0);  // isolated processes may not find it
  struct command add = command_for(BC_TRANSACTION, manager, add_service, &request);
  size_t size = exchange(device, &add, sizeof add, returns, sizeof returns);
  while (!take(device, returns, size, &m)) size = exchange(device, NULL, 0, returns, sizeof returns);
  puts("added");
  fflush(stdout);

  uint32_t enter = BC_ENTER_LOOPER;
  size = exchange(device, &enter, sizeof enter, returns, sizeof returns);
  for (;;) {
    if (take(device, returns, size, &m)) {
      struct parcel reply = {.size = m.data_size < sizeof reply.bytes ? m.data_size : 0};
      const char *text = (const char *)(uintptr_t)m.data.ptr.buffer;
      for (size_t i = 0; i < reply.size; i++) reply.bytes[i] = (uint8_t)toupper(text[i]);
      struct __attribute__((packed)) { uint32_t free; binder_uintptr_t buffer; struct command c; } out = {
          BC_FREE_BUFFER, m.data.ptr.buffer, command_for(BC_REPLY, 0, 0, &reply)};
      size = exchange(device, &out, sizeof out, returns, sizeof returns);
    } else {
      size = exchange(device, NULL, 0, returns, sizeof returns);
    }
  }
}
