#include <stddef.h>
#include <stdint.h>

// Of compiler-rt's libclang_rt.fuzzer, which has no header for it: https://llvm.org/docs/LibFuzzer.html
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*callback)(const uint8_t *data, size_t size));
