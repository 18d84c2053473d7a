#include "device.h"

#include "guard.h"

#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/InferenceMode.h>

#include <dlfcn.h>

#include <cmath>

namespace smt {

std::string running_version()
{
    // The one place where the loaded library itself tells: "…, TORCH_VERSION=2.4.0, …".
    const std::string config = at::show_config();
    const std::string key = "TORCH_VERSION=";
    size_t at = config.find(key);
    if (at == std::string::npos) {
        return "unknown";
    }
    at += key.size();
    return config.substr(at, config.find_first_of(", \n", at) - at);
}

int device_count(int32_t kind)
{
    if (kind == SMT_CPU) {
        return 1;
    }
    require(kind == SMT_CUDA, "unknown kind of device");
    return c10::impl::hasDeviceGuardImpl(c10::DeviceType::CUDA) ? c10::impl::getDeviceGuardImpl(c10::DeviceType::CUDA)->deviceCount() : 0;
}

c10::Device device(int32_t kind, int32_t index)
{
    const int count = device_count(kind);
    require(
        index >= 0 && index < count,
        std::string("there is no ") + (kind == SMT_CUDA ? "CUDA " : "CPU ") + "device " + std::to_string(index) + "; this PyTorch sees " + std::to_string(count));
    return kind == SMT_CPU ? c10::Device(c10::DeviceType::CPU) : c10::Device(c10::DeviceType::CUDA, static_cast<c10::DeviceIndex>(index));
}

c10::ScalarType scalar_type(int32_t type)
{
    switch (type) {
    case SMT_FLOAT32: return c10::ScalarType::Float;
    case SMT_FLOAT16: return c10::ScalarType::Half;
    case SMT_BFLOAT16: return c10::ScalarType::BFloat16;
    case SMT_INT64: return c10::ScalarType::Long;
    case SMT_INT32: return c10::ScalarType::Int;
    case SMT_BOOL: return c10::ScalarType::Bool;
    case SMT_FLOAT64: return c10::ScalarType::Double;
    case SMT_UINT8: return c10::ScalarType::Byte;
    default: throw BadArgument("unknown element type");
    }
}

Event::Event(c10::Device device) : device_(device), impl_(c10::impl::getDeviceGuardImpl(device.type())) {}

Event::~Event()
{
    if (event_ != nullptr) {
        impl_->destroyEvent(event_, device_.index());
    }
}

void Event::record(const c10::Stream& stream)
{
    // BACKEND_DEFAULT keeps the time, PYTORCH_DEFAULT does not.
    impl_->record(&event_, stream, device_.index(), c10::EventFlag::BACKEND_DEFAULT);
}

void Event::block(const c10::Stream& stream) const
{
    impl_->block(event_, stream);
}

Threads::Threads()
{
    // PyTorch tells MKL how many, but not OpenBLAS, which Debian's build uses; it is found among what PyTorch's library depends on.
    Dl_info info;
    if (dladdr(reinterpret_cast<const void*>(&at::show_config), &info) == 0) {
        return;
    }
    if (void* library = dlopen(info.dli_fname, RTLD_NOLOAD | RTLD_LAZY)) {
        get_blas_ = reinterpret_cast<int (*)()>(dlsym(library, "openblas_get_num_threads"));
        set_blas_ = reinterpret_cast<void (*)(int)>(dlsym(library, "openblas_set_num_threads"));
        dlclose(library);
    }
}

void Threads::use(int32_t threads) const
{
    require(threads >= 1, "threads must be 1 or more");
    if (at::get_num_threads() != threads) {
        at::set_num_threads(threads);
    }
    if (get_blas_ != nullptr && set_blas_ != nullptr && get_blas_() != threads) {
        set_blas_(threads);
    }
}

void Threads::use_alone() const
{
    // Without this, PyTorch starts one for each core that it sees, for each thread that calls it, also where a container has the time of few.
    if (at::get_num_threads() != 1) {
        at::set_num_threads(1);
    }
}

void try_precision(const smt_context& context)
{
    context.threads.use_alone();
    const c10::InferenceMode inference;
    const auto options = at::TensorOptions().device(context.device).dtype(context.precision);
    at::Tensor x = at::ones({2, 3, 8, 8}, options);
    x = at::conv2d(x, at::ones({4, 3, 3, 3}, options), at::ones({4}, options), 2, 1);
    x = at::max_pool2d(at::relu(x), 2).flatten(1);
    x = at::linear(x, at::ones({4, x.size(1)}, options), at::ones({4}, options));
    x = at::gelu(at::layer_norm(x, {4}, at::ones({4}, options), at::zeros({4}, options)));
    x = at::softmax(at::matmul(x, x.t()), -1).mean();
    require(std::isfinite(x.to(c10::ScalarType::Float).item<float>()), "a small network gave a number that is not finite");
}

} // namespace smt
