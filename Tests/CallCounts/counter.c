// Counts calls of the heap and of Swift's reference counting, made by everything but the runtime
// itself, and prints them as the program ends. Load it before a program: LD_PRELOAD.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>

#define COUNTED(result, name, parameters, arguments)               \
  static atomic_ulong count_##name;                                \
  result name parameters {                                         \
    static result(*_Atomic next) parameters;                       \
    if (!next) next = (result(*) parameters)dlsym(RTLD_NEXT, #name); \
    atomic_fetch_add_explicit(&count_##name, 1, memory_order_relaxed); \
    return next arguments;                                         \
  }

COUNTED(void *, malloc, (size_t size), (size))
COUNTED(void *, realloc, (void *old, size_t size), (old, size))
COUNTED(int, posix_memalign, (void **out, size_t alignment, size_t size), (out, alignment, size))
COUNTED(void *, aligned_alloc, (size_t alignment, size_t size), (alignment, size))
COUNTED(void *, swift_retain, (void *object), (object))
COUNTED(void *, swift_retain_n, (void *object, unsigned n), (object, n))
COUNTED(void, swift_release, (void *object), (object))
COUNTED(void, swift_release_n, (void *object, unsigned n), (object, n))
COUNTED(void *, swift_allocObject, (void *type, size_t size, size_t mask), (type, size, mask))
COUNTED(int, madvise, (void *address, size_t length, int advice), (address, length, advice))

__attribute__((destructor)) static void report(void) {
  unsigned long heap = count_malloc + count_realloc + count_posix_memalign + count_aligned_alloc
      + count_swift_allocObject;
  unsigned long references =
      count_swift_retain + count_swift_retain_n + count_swift_release + count_swift_release_n;
  fprintf(stderr, "calls %lu %lu %lu\n", heap, references, count_madvise);
}
