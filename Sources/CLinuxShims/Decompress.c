#include "Decompress.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

// zlib's stream and zstd's buffers, as their stable interfaces lay them out.
typedef struct {
  const unsigned char *next_in;
  unsigned avail_in;
  unsigned long total_in;
  unsigned char *next_out;
  unsigned avail_out;
  unsigned long total_out;
  const char *msg;
  void *state;
  void *zalloc, *zfree, *opaque;
  int data_type;
  unsigned long adler, reserved;
} zlib_stream;

typedef struct {
  const void *src;
  size_t size, pos;
} zstd_input;

typedef struct {
  void *dst;
  size_t size, pos;
} zstd_output;

enum { Z_OK = 0, Z_STREAM_END = 1, Z_MEM_ERROR = -4, Z_BUF_ERROR = -5 };

static struct {
  int (*init)(zlib_stream *, int, const char *, int);
  int (*inflate)(zlib_stream *, int);
  int (*reset)(zlib_stream *);
  int (*end)(zlib_stream *);
} zlib;

static struct {
  void *(*create)(void);
  size_t (*init)(void *);
  size_t (*decompress)(void *, zstd_output *, zstd_input *);
  size_t (*free)(void *);
  unsigned (*is_error)(size_t);
} zstd;

static pthread_once_t zlib_once = PTHREAD_ONCE_INIT, zstd_once = PTHREAD_ONCE_INIT;
static int has_zlib, has_zstd;

static void *symbol(void *library, const char *name, int *missing) {
  void *found = library ? dlsym(library, name) : NULL;
  if (!found) *missing = 1;
  return found;
}

// The libraries stay open: their functions may be in use anywhere.
static void open_zlib(void) {
  void *library = dlopen("libz.so.1", RTLD_NOW | RTLD_LOCAL);
  int missing = 0;
  *(void **)&zlib.init = symbol(library, "inflateInit2_", &missing);
  *(void **)&zlib.inflate = symbol(library, "inflate", &missing);
  *(void **)&zlib.reset = symbol(library, "inflateReset", &missing);
  *(void **)&zlib.end = symbol(library, "inflateEnd", &missing);
  has_zlib = !missing;
}

static void open_zstd(void) {
  void *library = dlopen("libzstd.so.1", RTLD_NOW | RTLD_LOCAL);
  int missing = 0;
  *(void **)&zstd.create = symbol(library, "ZSTD_createDStream", &missing);
  *(void **)&zstd.init = symbol(library, "ZSTD_initDStream", &missing);
  *(void **)&zstd.decompress = symbol(library, "ZSTD_decompressStream", &missing);
  *(void **)&zstd.free = symbol(library, "ZSTD_freeDStream", &missing);
  *(void **)&zstd.is_error = symbol(library, "ZSTD_isError", &missing);
  has_zstd = !missing;
}

struct bb_unpacker {
  // Null for zlib.
  void *zstd;
  zlib_stream zlib;
};

bb_unpacker *bb_inflate_open(int window_bits) {
  pthread_once(&zlib_once, open_zlib);
  if (!has_zlib) return NULL;
  bb_unpacker *unpacker = calloc(1, sizeof *unpacker);
  if (!unpacker) return NULL;
  if (zlib.init(&unpacker->zlib, window_bits, "1", (int)sizeof(zlib_stream)) != Z_OK) {
    free(unpacker);
    return NULL;
  }
  return unpacker;
}

bb_unpacker *bb_zstd_open(void) {
  pthread_once(&zstd_once, open_zstd);
  if (!has_zstd) return NULL;
  bb_unpacker *unpacker = calloc(1, sizeof *unpacker);
  if (!unpacker) return NULL;
  unpacker->zstd = zstd.create();
  if (!unpacker->zstd || zstd.is_error(zstd.init(unpacker->zstd))) {
    if (unpacker->zstd) zstd.free(unpacker->zstd);
    free(unpacker);
    return NULL;
  }
  return unpacker;
}

static bb_unpack_status unpack_zlib(
    bb_unpacker *unpacker, const void *input, size_t *input_length, void *output,
    size_t *output_length) {
  unsigned in = *input_length > UINT_MAX ? UINT_MAX : (unsigned)*input_length;
  unsigned out = *output_length > UINT_MAX ? UINT_MAX : (unsigned)*output_length;
  zlib_stream *stream = &unpacker->zlib;
  stream->next_in = input;
  stream->avail_in = in;
  stream->next_out = output;
  stream->avail_out = out;
  int result = zlib.inflate(stream, 0);
  *input_length = in - stream->avail_in;
  *output_length = out - stream->avail_out;
  switch (result) {
  case Z_OK: case Z_BUF_ERROR: return bb_unpack_more;
  case Z_STREAM_END: return bb_unpack_end;
  case Z_MEM_ERROR: return bb_unpack_no_memory;
  default: return bb_unpack_damaged;
  }
}

static bb_unpack_status unpack_zstd(
    bb_unpacker *unpacker, const void *input, size_t *input_length, void *output,
    size_t *output_length) {
  zstd_input in = {input, *input_length, 0};
  zstd_output out = {output, *output_length, 0};
  size_t result = zstd.decompress(unpacker->zstd, &out, &in);
  *input_length = in.pos;
  *output_length = out.pos;
  if (zstd.is_error(result)) return bb_unpack_damaged;
  return result == 0 ? bb_unpack_end : bb_unpack_more;
}

bb_unpack_status bb_unpack(
    bb_unpacker *unpacker, const void *input, size_t *input_length, void *output,
    size_t *output_length) {
  return unpacker->zstd ? unpack_zstd(unpacker, input, input_length, output, output_length)
                        : unpack_zlib(unpacker, input, input_length, output, output_length);
}

int bb_unpack_reset(bb_unpacker *unpacker) {
  if (unpacker->zstd) return zstd.is_error(zstd.init(unpacker->zstd)) ? -1 : 0;
  return zlib.reset(&unpacker->zlib) == Z_OK ? 0 : -1;
}

void bb_unpack_close(bb_unpacker *unpacker) {
  if (unpacker->zstd) {
    zstd.free(unpacker->zstd);
  } else {
    zlib.end(&unpacker->zlib);
  }
  free(unpacker);
}
