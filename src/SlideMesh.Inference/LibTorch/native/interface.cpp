#include "cuda_extras.h"
#include "guard.h"
#include "session.h"

#include <c10/core/DeviceGuard.h>
#include <torch/version.h>

namespace {

void write(char (&into)[64], const std::string& text)
{
    const size_t length = std::min(text.size(), sizeof(into) - 1);
    std::memcpy(into, text.data(), length);
    into[length] = '\0';
}

const at::Tensor& tensor(const smt_result* result, int32_t index)
{
    smt::require(result != nullptr && index >= 0 && index < static_cast<int32_t>(result->tensors.size()), "there is no such result");
    return result->tensors[static_cast<size_t>(index)];
}

} // namespace

int32_t smt_interface(void)
{
    return SMT_INTERFACE;
}

int32_t smt_get_versions(smt_versions* versions, smt_error* error)
{
    return smt::guarded(error, [&] {
        smt::require(versions != nullptr, "smt_get_versions: a null argument");
        write(versions->compiled, TORCH_VERSION);
        write(versions->running, smt::running_version());
        versions->has_cuda = c10::impl::hasDeviceGuardImpl(c10::DeviceType::CUDA) ? 1 : 0;
#ifdef SLIDEMESH_CUDA_EXTRAS
        versions->has_graphs = 1;
#else
        versions->has_graphs = 0;
#endif
    });
}

int32_t smt_device_count(int32_t kind, int32_t* count, smt_error* error)
{
    return smt::guarded(error, [&] {
        smt::require(count != nullptr, "smt_device_count: a null argument");
        *count = smt::device_count(kind);
    });
}

int32_t smt_get_device(int32_t kind, int32_t index, smt_device* device, smt_error* error)
{
    return smt::guarded(error, [&] {
        smt::require(device != nullptr, "smt_get_device: a null argument");
        const c10::Device found = smt::device(kind, index);
        std::string name = "CPU";
        device->total_bytes = -1;
        device->free_bytes = -1;
        if (found.is_cuda()) {
            const c10::DeviceGuard on_device(found);
            const smt::CudaRuntime cuda;
            name = cuda.name(index);
            cuda.memory(device->free_bytes, device->total_bytes);
        }
        const size_t length = std::min(name.size(), sizeof(device->name) - 1);
        std::memcpy(device->name, name.data(), length);
        device->name[length] = '\0';
    });
}

int32_t smt_context_open(int32_t kind, int32_t index, int32_t precision, smt_context** context, smt_error* error)
{
    return smt::guarded(error, [&] {
        smt::require(context != nullptr, "smt_context_open: a null argument");
        smt::require(precision == SMT_FLOAT32 || precision == SMT_FLOAT16 || precision == SMT_BFLOAT16, "unknown precision");
        *context = std::make_unique<smt_context>(smt::device(kind, index), smt::scalar_type(precision)).release();
    });
}

void smt_context_release(smt_context* context)
{
    if (context != nullptr) {
        context->release();
    }
}

int64_t smt_context_handles(const smt_context* context)
{
    return context == nullptr ? -1 : context->handles.load();
}

int32_t smt_context_try_precision(smt_context* context, smt_error* error)
{
    return smt::guarded(error, [&] {
        smt::require(context != nullptr, "smt_context_try_precision: a null argument");
        smt::try_precision(*context);
    });
}

int32_t smt_context_trim(smt_context* context, smt_error* error)
{
    return smt::guarded(error, [&] {
        smt::require(context != nullptr, "smt_context_trim: a null argument");
#ifdef SLIDEMESH_CUDA_EXTRAS
        if (context->on_cuda()) {
            const c10::DeviceGuard on_device(context->device);
            smt::empty_cache();
        }
#endif
    });
}

int32_t smt_result_count(const smt_result* result)
{
    return result == nullptr ? -1 : static_cast<int32_t>(result->tensors.size());
}

int32_t smt_result_rank(const smt_result* result, int32_t index)
{
    return result == nullptr || index < 0 || index >= static_cast<int32_t>(result->tensors.size())
        ? -1
        : static_cast<int32_t>(result->tensors[static_cast<size_t>(index)].dim());
}

int32_t smt_result_shape(const smt_result* result, int32_t index, int64_t* shape, smt_error* error)
{
    return smt::guarded(error, [&] {
        const at::Tensor& found = tensor(result, index);
        smt::require(shape != nullptr || found.dim() == 0, "smt_result_shape: a null argument");
        std::copy(found.sizes().begin(), found.sizes().end(), shape);
    });
}

int32_t smt_result_copy(const smt_result* result, int32_t index, float* data, int64_t length, smt_error* error)
{
    return smt::guarded(error, [&] {
        const at::Tensor& found = tensor(result, index);
        smt::require(length == found.numel() && (length == 0 || data != nullptr), "smt_result_copy: the length is not that of the result");
        std::memcpy(data, found.data_ptr<float>(), sizeof(float) * static_cast<size_t>(length));
    });
}

void smt_result_release(smt_result* result)
{
    delete result;
}
