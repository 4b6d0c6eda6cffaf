// Decompression by the system's libraries, opened at run time: a program that needs none of them
// runs where they are missing.
//
// Every function is safe to call from any thread; a stream belongs to one thread at a time.

#ifndef CLINUXSHIMS_DECOMPRESS_H
#define CLINUXSHIMS_DECOMPRESS_H

#include <stddef.h>
#include <stdint.h>

typedef enum bb_unpack_status {
  // Go on: with more input, or with more room for output.
  bb_unpack_more = 0,
  // The stream has ended; what is left of the input lies behind it.
  bb_unpack_end = 1,
  // The data is damaged.
  bb_unpack_damaged = -1,
  // No memory, or the stream wants more than the library allows.
  bb_unpack_no_memory = -2,
} bb_unpack_status;

typedef struct bb_unpacker bb_unpacker;

// Null where libz.so.1 is missing or out of memory. `window_bits` as inflateInit2 has them: 15 for
// zlib, 31 for gzip, -15 for raw deflate.
bb_unpacker *_Nullable bb_inflate_open(int window_bits);

// Null where libzstd.so.1 is missing or out of memory.
bb_unpacker *_Nullable bb_zstd_open(void);

// Unpacks. On return `*input_length` is what was taken and `*output_length` what was made.
bb_unpack_status bb_unpack(
    bb_unpacker *_Nonnull unpacker, const void *_Nullable input, size_t *_Nonnull input_length,
    void *_Nonnull output, size_t *_Nonnull output_length);

// Begins another stream. Zero, or -1 when the library refuses.
int bb_unpack_reset(bb_unpacker *_Nonnull unpacker);

void bb_unpack_close(bb_unpacker *_Nonnull unpacker);

#endif
