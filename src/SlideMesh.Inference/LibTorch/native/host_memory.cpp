#include "device.h"
#include "guard.h"

#include <c10/core/DeviceGuard.h>

#include <memory>

namespace {

struct HostMemory {
    HostMemory(smt_context* context, int64_t bytes)
        : hold(context),
          tensor(at::empty({bytes}, at::TensorOptions().dtype(c10::ScalarType::Byte).pinned_memory(context->on_cuda())))
    {
    }

    smt::ContextHold hold;
    at::Tensor tensor;
};

} // namespace

int32_t smt_host_allocate(smt_context* context, int64_t bytes, void** handle, void** data, smt_error* error)
{
    return smt::guarded(error, [&] {
        smt::require(context != nullptr && handle != nullptr && data != nullptr && bytes > 0, "smt_host_allocate: a null argument or no bytes");
        // Page-locked memory belongs to a device's context: without this, one would be opened on the first device as well.
        c10::OptionalDeviceGuard on_device;
        if (context->on_cuda()) {
            on_device.reset_device(context->device);
        }
        auto memory = std::make_unique<HostMemory>(context, bytes);
        *data = memory->tensor.data_ptr();
        *handle = memory.release();
    });
}

void smt_host_release(void* handle)
{
    delete static_cast<HostMemory*>(handle);
}
