// Finds the service "upper" and has it turn the arguments into capitals.
#include "parcel.h"

// Sends a request and waits for its reply.
static struct binder_transaction_data call(
    int device, uint32_t handle, uint32_t request, const struct parcel *p) {
  struct command c = command_for(BC_TRANSACTION, handle, request, p);
  uint8_t returns[512];
  struct binder_transaction_data m;
  size_t size = exchange(device, &c, sizeof c, returns, sizeof returns);
  for (;;) {
    for (uint8_t *at = returns; size >= 4;) {
      uint32_t code;
      memcpy(&code, at, 4);
      if (code == BR_DEAD_REPLY || code == BR_FAILED_REPLY) errx(1, "nobody answers");
      if (code == BR_REPLY) {
        memcpy(&m, at + 4, sizeof m);
        return m;
      }
      at += 4 + _IOC_SIZE(code);
      size -= 4 + _IOC_SIZE(code);
    }
    size = exchange(device, NULL, 0, returns, sizeof returns);
  }
}

int main(int argc, char **argv) {
  const char *region;
  int device = open_device(&region);
  uint32_t handle = 0;
  // The server may still be starting.
  for (int tries = 0; !handle && tries < 500; tries++) {
    if (tries) usleep(10000);
    struct parcel request = manager_request("upper");
    struct binder_transaction_data found = call(device, manager, check_service, &request);
    const struct flat_binder_object *object = (const void *)(uintptr_t)found.data.ptr.buffer;
    if (found.offsets_size && object->hdr.type == BINDER_TYPE_HANDLE) handle = object->handle;
    // The buffer holds the handle: take a reference of our own before it goes.
    struct __attribute__((packed)) {
      uint32_t acquire, handle, free;
      binder_uintptr_t buffer;
    } out = {BC_ACQUIRE, handle, BC_FREE_BUFFER, found.data.ptr.buffer};
    exchange(device, handle ? (void *)&out : (void *)&out.free,
             handle ? sizeof out : sizeof out - 8, NULL, 0);
  }
  if (!handle) errx(1, "no service");
  for (int i = 1; i < argc; i++) {
    struct parcel text = {.size = strlen(argv[i])};
    if (text.size > sizeof text.bytes) errx(1, "too long");
    memcpy(text.bytes, argv[i], text.size);
    struct binder_transaction_data reply = call(device, handle, 1, &text);
    printf("%.*s\n", (int)reply.data_size, (const char *)(uintptr_t)reply.data.ptr.buffer);
    struct __attribute__((packed)) { uint32_t free; binder_uintptr_t buffer; } out = {
        BC_FREE_BUFFER, reply.data.ptr.buffer};
    exchange(device, &out, sizeof out, NULL, 0);
  }
}
