// libFuzzer's entry point, which its library defines.

#ifndef CFUZZER_H
#define CFUZZER_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerRunDriver(
    int *_Nonnull argc, char *_Nullable *_Nonnull *_Nonnull argv,
    int (*_Nonnull test_one_input)(const uint8_t *_Nullable data, size_t size));

#endif
