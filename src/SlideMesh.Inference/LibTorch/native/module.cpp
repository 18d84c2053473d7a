#include "module.h"

#include "guard.h"

#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/passes/inliner.h>

#include <memory>
#include <vector>

namespace smt {

namespace {

std::string forbidden_in(const torch::jit::Block* block)
{
    // Operators of PyTorch that touch files, whatever arguments they get.
    static constexpr const char* files[] = {"aten::save", "aten::from_file", "aten::_save", "aten::load"};
    for (const torch::jit::Node* node : block->nodes()) {
        const std::string kind = node->kind().toQualString();
        for (const char* file : files) {
            if (kind == file) {
                return kind + ", which reads or writes files";
            }
        }
        if (kind.rfind("aten::", 0) != 0 && kind.rfind("prim::", 0) != 0 && kind.rfind("quantized::", 0) != 0) {
            return kind + ", which is not one of PyTorch's own";
        }
        if (kind.rfind("prim::Python", 0) == 0 || kind.rfind("prim::rpc", 0) == 0 || kind.rfind("prim::awaitable", 0) == 0) {
            return kind + ", which leaves the program";
        }
        for (const torch::jit::Block* inner : node->blocks()) {
            std::string found = forbidden_in(inner);
            if (!found.empty()) {
                return found;
            }
        }
    }
    return "";
}

void move(torch::jit::Module& module, const smt_context& context, bool channels_last)
{
    const auto convert = [&](at::Tensor tensor) {
        at::Tensor moved = tensor.is_floating_point() ? tensor.detach().to(context.device, context.precision) : tensor.detach().to(context.device);
        if (channels_last && moved.dim() == 4 && moved.is_floating_point()) {
            moved = moved.contiguous(at::MemoryFormat::ChannelsLast);
        }
        return moved;
    };
    for (torch::jit::Module part : module.modules()) {
        for (const torch::jit::NameValue& attribute : part.named_attributes(/*recurse=*/false)) {
            if (attribute.value.isTensor() && attribute.value.toTensor().defined()) {
                part.setattr(attribute.name, convert(attribute.value.toTensor()));
            }
        }
    }
}

} // namespace

std::string forbidden_operator(const torch::jit::Module& module)
{
    for (const torch::jit::Module& part : module.modules()) {
        for (const torch::jit::Method& method : part.get_methods()) {
            std::shared_ptr<torch::jit::Graph> graph = method.graph()->copy();
            torch::jit::Inline(*graph);
            std::string found = forbidden_in(graph->block());
            if (!found.empty()) {
                return found;
            }
        }
    }
    return "";
}

torch::jit::Module prepare(torch::jit::Module module, const smt_context& context, bool channels_last)
{
    module.eval();
    move(module, context, channels_last);
    // Not under PlainExecution: freezing inlines what the optimiser has made of the parts' methods, and without it calls of parts of
    // parts would stay, to methods that freezing takes away.
    torch::jit::Module frozen = torch::jit::freeze(module);
    if (context.on_cuda()) {
        // Weights are converted and folded on the current stream; runs read them on streams that do not wait for it.
        const c10::impl::DeviceGuardImplInterface* impl = c10::impl::getDeviceGuardImpl(context.device.type());
        impl->synchronizeStream(impl->getStream(context.device));
    }
    return frozen;
}

} // namespace smt

int32_t smt_builder_open(smt_context* context, smt_builder** builder, smt_error* error)
{
    return smt::guarded(error, [&] {
        smt::require(context != nullptr && builder != nullptr, "smt_builder_open: a null argument");
        *builder = std::make_unique<smt_builder>(context).release();
    });
}

int32_t smt_builder_weight(
    smt_builder* builder, const char* name, int32_t type, const int64_t* shape, int32_t rank, const void* data, int64_t bytes,
    int32_t on_host, smt_error* error)
{
    return smt::guarded(error, [&] {
        smt::require(builder != nullptr && name != nullptr && (rank == 0 || shape != nullptr) && rank >= 0, "smt_builder_weight: a null argument");
        const c10::ScalarType scalar = smt::scalar_type(type);
        const std::vector<int64_t> sizes(shape, shape + rank);
        int64_t expected = static_cast<int64_t>(c10::elementSize(scalar));
        for (const int64_t extent : sizes) {
            smt::require(extent >= 0 && !__builtin_mul_overflow(expected, extent, &expected), std::string("weight '") + name + "' has a shape that makes no sense");
        }
        smt::require(expected == bytes && (bytes == 0 || data != nullptr), std::string("weight '") + name + "' has not the bytes that its shape asks for");
        at::Tensor tensor = at::empty(sizes, at::TensorOptions().dtype(scalar));
        if (bytes > 0) {
            std::memcpy(tensor.data_ptr(), data, static_cast<size_t>(bytes));
        }
        const smt_context& context = *builder->hold.get();
        context.threads.use_alone();
        if (on_host == 0) {
            tensor = tensor.is_floating_point() ? tensor.to(context.device, context.precision) : tensor.to(context.device);
        }
        builder->module.register_attribute(name, c10::TensorType::get(), tensor);
    });
}

void smt_builder_release(smt_builder* builder)
{
    delete builder;
}
