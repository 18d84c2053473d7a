#pragma once

#include "cuda_runtime.h"
#include "slidemesh_torch.h"

#include <ATen/ATen.h>
#include <c10/core/Stream.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

#include <atomic>
#include <cstdint>

namespace smt {

// Compared as text by the caller: a library compiled for one PyTorch and running on another is refused.
std::string running_version();

// 0 when this PyTorch has none of the kind.
int device_count(int32_t kind);

c10::Device device(int32_t kind, int32_t index);

c10::ScalarType scalar_type(int32_t type);

// Recorded on a stream, waited for by another one, with a time where the device has one. Not thread-safe.
class Event {
public:
    explicit Event(c10::Device device);
    ~Event();
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;

    void record(const c10::Stream& stream);

    // Later work of this stream begins after what was recorded.
    void block(const c10::Stream& stream) const;

    void* native() const { return event_; }

private:
    c10::Device device_;
    const c10::impl::DeviceGuardImplInterface* impl_;
    void* event_ = nullptr;
};

// PyTorch and its BLAS keep the number of threads per thread or per process, never per call.
class Threads {
public:
    Threads();

    // Operators that this thread calls from now on use so many.
    void use(int32_t threads) const;

    // Operators that this thread calls from now on use no other thread: for loading, which is given none.
    void use_alone() const;

private:
    int (*get_blas_)() = nullptr;
    void (*set_blas_)(int) = nullptr;
};

} // namespace smt

// A device with a precision. Counted by its own handle and by everything made from it.
struct smt_context {
    smt_context(c10::Device on, c10::ScalarType in) : device(on), precision(in) {}

    void add_handle()
    {
        references.fetch_add(1);
        handles.fetch_add(1);
    }

    void remove_handle()
    {
        handles.fetch_sub(1);
        release();
    }

    void release()
    {
        if (references.fetch_sub(1) == 1) {
            delete this;
        }
    }

    bool on_cuda() const { return device.is_cuda(); }

    const c10::Device device;
    const c10::ScalarType precision;
    const smt::CudaRuntime cuda;
    const smt::Threads threads;
    std::atomic<int64_t> references{1};
    std::atomic<int64_t> handles{0};
};

namespace smt {

// Held by whatever is made from a context.
class ContextHold {
public:
    explicit ContextHold(smt_context* context) : context_(context) { context->add_handle(); }
    ~ContextHold() { context_->remove_handle(); }
    ContextHold(const ContextHold&) = delete;
    ContextHold& operator=(const ContextHold&) = delete;
    smt_context* operator->() const { return context_; }
    smt_context* get() const { return context_; }

private:
    smt_context* context_;
};

// One of each kind of operator that models consist of.
void try_precision(const smt_context& context);

} // namespace smt
