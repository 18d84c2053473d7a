#pragma once
// The few functions of CUDA's runtime that PyTorch has no device-independent name for, found in the runtime that PyTorch itself
// has loaded: so this library is compiled without CUDA's headers and fits every version of it.

#include <cstddef>
#include <cstdint>
#include <string>

namespace smt {

class CudaRuntime {
public:
    CudaRuntime();

    bool available() const { return memory_ != nullptr; }

    // Of the current device.
    bool memory(int64_t& free_bytes, int64_t& total_bytes) const;

    std::string name(int device) const;

    // Both events recorded with timing and done; milliseconds, negative when unknown.
    float elapsed(void* start, void* end) const;

private:
    int (*memory_)(size_t*, size_t*) = nullptr;
    int (*properties_)(void*, int) = nullptr;
    int (*elapsed_)(float*, void*, void*) = nullptr;
};

} // namespace smt
