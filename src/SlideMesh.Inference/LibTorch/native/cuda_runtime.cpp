#include "cuda_runtime.h"

#include <dlfcn.h>

#include <vector>

namespace smt {

namespace {

template <typename Function>
void find(void* library, const char* name, Function& function)
{
    // A search from libtorch_cuda goes through all that it depends on, the runtime among them.
    function = reinterpret_cast<Function>(dlsym(library, name));
}

} // namespace

CudaRuntime::CudaRuntime()
{
    void* library = dlopen("libtorch_cuda.so", RTLD_NOLOAD | RTLD_LAZY);
    if (library == nullptr) {
        return;
    }
    find(library, "cudaMemGetInfo", memory_);
    find(library, "cudaGetDeviceProperties_v2", properties_);
    if (properties_ == nullptr) {
        find(library, "cudaGetDeviceProperties", properties_);
    }
    find(library, "cudaEventElapsedTime", elapsed_);
    dlclose(library);
}

bool CudaRuntime::memory(int64_t& free_bytes, int64_t& total_bytes) const
{
    size_t free = 0;
    size_t total = 0;
    if (memory_ == nullptr || memory_(&free, &total) != 0) {
        return false;
    }
    free_bytes = static_cast<int64_t>(free);
    total_bytes = static_cast<int64_t>(total);
    return true;
}

std::string CudaRuntime::name(int device) const
{
    // In every version the structure begins with the name, 256 bytes; none was larger than 2 KiB.
    std::vector<char> properties(1 << 16);
    if (properties_ == nullptr || properties_(properties.data(), device) != 0) {
        return "CUDA device";
    }
    properties[255] = '\0';
    return properties.data();
}

float CudaRuntime::elapsed(void* start, void* end) const
{
    float milliseconds = -1;
    return elapsed_ != nullptr && elapsed_(&milliseconds, start, end) == 0 ? milliseconds : -1;
}

} // namespace smt
