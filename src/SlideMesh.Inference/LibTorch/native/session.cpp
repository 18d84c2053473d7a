#include "session.h"

#include "guard.h"

#include <c10/core/DeviceGuard.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/StreamGuard.h>

#include <chrono>

namespace {

using Clock = std::chrono::steady_clock;

double seconds(Clock::time_point from, Clock::time_point to)
{
    return std::chrono::duration<double>(to - from).count();
}

c10::Stream own_stream(const smt_context& context)
{
    return context.on_cuda() ? c10::impl::getDeviceGuardImpl(context.device.type())->getStreamFromGlobalPool(context.device)
                             : c10::Stream(c10::Stream::DEFAULT, context.device);
}

// What forward gives, as a list: a tensor, or a tuple or list of them.
std::vector<at::Tensor> tensors_of(const c10::IValue& value)
{
    if (value.isTensor()) {
        return {value.toTensor()};
    }
    if (value.isTensorList()) {
        return value.toTensorVector();
    }
    smt::require(value.isTuple(), "forward gives neither a tensor nor a tuple of tensors but " + value.tagKind());
    std::vector<at::Tensor> tensors;
    for (const c10::IValue& element : value.toTupleRef().elements()) {
        smt::require(element.isTensor(), "forward gives a tuple that holds " + element.tagKind() + " beside tensors");
        tensors.push_back(element.toTensor());
    }
    return tensors;
}

std::vector<at::Tensor> forward(smt_session& session, std::vector<c10::IValue> inputs)
{
    return tensors_of(session.module.forward(std::move(inputs)));
}

at::Tensor to_host(const at::Tensor& tensor)
{
    return tensor.to(c10::Device(c10::DeviceType::CPU), c10::ScalarType::Float).contiguous();
}

const smt::Normalisation& normalisation(smt_session& session, const smt_tiles& tiles)
{
    std::vector<float> key(tiles.scale, tiles.scale + 3);
    key.insert(key.end(), tiles.bias, tiles.bias + 3);
    const std::lock_guard<std::mutex> lock(session.normalisations_gate);
    auto [place, isNew] = session.normalisations.try_emplace(key);
    if (isNew) {
        const at::Tensor numbers = at::tensor(key, at::TensorOptions().dtype(c10::ScalarType::Float)).to(session.hold->device);
        place->second = {numbers.slice(0, 0, 3).view({1, 3, 1, 1}), numbers.slice(0, 3, 6).view({1, 3, 1, 1})};
    }
    return place->second;
}

// Bytes [N, edge, edge, 3] on the device to the model's input [N, 3, model_edge, model_edge].
at::Tensor normalised(const at::Tensor& bytes, const smt::Normalisation& numbers, const smt_tiles& tiles, const smt_context& context)
{
    at::Tensor x = bytes.permute({0, 3, 1, 2}).to(c10::ScalarType::Float);
    if (tiles.model_edge != tiles.edge) {
        const std::vector<int64_t> edges{tiles.model_edge, tiles.model_edge};
        x = at::_upsample_bilinear2d_aa(x, at::IntArrayRef(edges), /*align_corners=*/false);
    }
    x = x.mul_(numbers.scale).add_(numbers.bias);
    // Bytes come with channels last; plain order is what models were exported with.
    const at::MemoryFormat order = tiles.channels_last != 0 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
    return x.to(context.precision).contiguous(order);
}

at::Tensor compute(smt_session& session, const at::Tensor& bytes, const smt_tiles& tiles)
{
    const std::vector<at::Tensor> outputs = forward(session, {normalised(bytes, normalisation(session, tiles), tiles, *session.hold.get())});
    smt::require(
        tiles.output_index >= 0 && tiles.output_index < static_cast<int32_t>(outputs.size()),
        "forward gives " + std::to_string(outputs.size()) + " tensors, number " + std::to_string(tiles.output_index) + " is wanted");
    const at::Tensor& output = outputs[static_cast<size_t>(tiles.output_index)];
    const bool fits = output.dim() == 2 && output.size(0) == tiles.rows && output.size(1) == tiles.width;
    if (!fits) {
        std::string shape;
        for (const int64_t extent : output.sizes()) {
            shape += (shape.empty() ? "" : ", ") + std::to_string(extent);
        }
        throw smt::BadArgument(
            "forward gives [" + shape + "], [" + std::to_string(tiles.rows) + ", " + std::to_string(tiles.width) + "] was expected");
    }
    return output.to(c10::ScalarType::Float).contiguous();
}

void run_on_cpu(smt_session& session, const smt_tiles& tiles, smt_timings& timings)
{
    const auto begin = Clock::now();
    const at::Tensor bytes = at::from_blob(const_cast<uint8_t*>(tiles.rgb), {tiles.rows, tiles.edge, tiles.edge, 3}, at::TensorOptions().dtype(c10::ScalarType::Byte));
    const at::Tensor output = compute(session, bytes, tiles);
    const auto computed = Clock::now();
    std::memcpy(tiles.output, output.data_ptr<float>(), sizeof(float) * static_cast<size_t>(output.numel()));
    timings = {0, seconds(begin, computed), seconds(computed, Clock::now())};
}

std::unique_ptr<smt::Lane> take_lane(smt_session& session)
{
    {
        const std::lock_guard<std::mutex> lock(session.lanes_gate);
        if (!session.lanes.empty()) {
            std::unique_ptr<smt::Lane> lane = std::move(session.lanes.back());
            session.lanes.pop_back();
            return lane;
        }
    }
    return std::make_unique<smt::Lane>(*session.hold.get());
}

#ifdef SLIDEMESH_CUDA_EXTRAS
// Copies the bytes to where a graph recorded for this shape reads them, and replays it. Records it first when there is none.
at::Tensor replayed(smt_session& session, const at::Tensor& bytes, const smt_tiles& tiles)
{
    std::vector<float> numbers(tiles.scale, tiles.scale + 3);
    numbers.insert(numbers.end(), tiles.bias, tiles.bias + 3);
    const smt_session::RecordingKey key{tiles.rows, tiles.edge, tiles.model_edge, tiles.output_index, tiles.channels_last, numbers};
    if (session.recordings.count(key) == 0 && !session.recordings.empty()) {
        // One at a time: runs have one size, and each recording keeps the memory of its run.
        // What replays it may be under way.
        c10::impl::getDeviceGuardImpl(session.hold->device.type())->synchronizeStream(session.compute);
        session.recordings.clear();
    }
    smt::Recording& recording = session.recordings[key];
    if (recording.graph == nullptr) {
        recording.bytes = bytes.clone();
        // Libraries choose their kernels and take their workspaces in the first runs, which must not happen while recording.
        (void)compute(session, recording.bytes, tiles);
        c10::impl::getDeviceGuardImpl(session.hold->device.type())->synchronizeStream(session.compute);
        try {
            recording.graph = smt::record_graph([&] { recording.output = compute(session, recording.bytes, tiles); });
        } catch (...) {
            session.recordings.clear();
            throw;
        }
    }
    recording.bytes.copy_(bytes, /*non_blocking=*/true);
    recording.graph->replay();
    // The next replay writes there again.
    return recording.output.clone();
}
#endif

void run_on_cuda(smt_session& session, const smt_tiles& tiles, smt_timings& timings)
{
    const smt_context& context = *session.hold.get();
    const c10::impl::DeviceGuardImplInterface* impl = c10::impl::getDeviceGuardImpl(context.device.type());
    const c10::DeviceGuard on_device(context.device);
    std::unique_ptr<smt::Lane> lane = take_lane(session);
    const std::vector<int64_t> shape{tiles.rows, tiles.edge, tiles.edge, 3};
    const at::Tensor host = at::from_blob(const_cast<uint8_t*>(tiles.rgb), shape, at::TensorOptions().dtype(c10::ScalarType::Byte));
    at::Tensor output;
    try {
        {
            const c10::StreamGuard on_stream(lane->in);
            if (!lane->bytes.defined() || lane->bytes.numel() != host.numel()) {
                lane->bytes = at::empty(shape, at::TensorOptions().dtype(c10::ScalarType::Byte).device(context.device));
            }
            lane->in_begins.record(lane->in);
            lane->bytes.view(shape).copy_(host, /*non_blocking=*/true);
            lane->in_done.record(lane->in);
        }
        {
            // One call's kernels after the other's, in the order in which their bytes come.
            const std::lock_guard<std::mutex> lock(session.enqueue);
            const c10::StreamGuard on_stream(session.compute);
            lane->in_done.block(session.compute);
            lane->compute_begins.record(session.compute);
#ifdef SLIDEMESH_CUDA_EXTRAS
            output = tiles.use_graph != 0 ? replayed(session, lane->bytes.view(shape), tiles) : compute(session, lane->bytes.view(shape), tiles);
#else
            output = compute(session, lane->bytes.view(shape), tiles);
#endif
            lane->compute_done.record(session.compute);
        }
        {
            const c10::StreamGuard on_stream(lane->out);
            lane->compute_done.block(lane->out);
            at::Tensor target = at::from_blob(tiles.output, {tiles.rows, tiles.width}, at::TensorOptions().dtype(c10::ScalarType::Float));
            target.copy_(output, /*non_blocking=*/true);
            lane->out_done.record(lane->out);
        }
        impl->synchronizeStream(lane->out);
    } catch (...) {
        // Nothing of this call may still read the caller's memory or write to it.
        impl->synchronizeStream(lane->in);
        impl->synchronizeStream(session.compute);
        impl->synchronizeStream(lane->out);
        throw;
    }
    const auto time = [&](const smt::Event& from, const smt::Event& to) {
        return std::max(0.0, context.cuda.elapsed(from.native(), to.native()) / 1000.0);
    };
    timings = {time(lane->in_begins, lane->in_done), time(lane->compute_begins, lane->compute_done), time(lane->compute_done, lane->out_done)};
    const std::lock_guard<std::mutex> lock(session.lanes_gate);
    session.lanes.push_back(std::move(lane));
}

} // namespace

namespace smt {

Lane::Lane(const smt_context& context)
    : in(own_stream(context)),
      out(own_stream(context)),
      in_begins(context.device),
      in_done(context.device),
      compute_begins(context.device),
      compute_done(context.device),
      out_done(context.device)
{
}

} // namespace smt

smt_session::smt_session(smt_context* context, torch::jit::Module prepared)
    : hold(context), module(std::move(prepared)), inputs(static_cast<int32_t>(module.get_method("forward").num_inputs()) - 1), compute(own_stream(*context))
{
}

int32_t smt_builder_finish(smt_builder* builder, const char* source, int32_t channels_last, smt_session** session, smt_error* error)
{
    return smt::guarded(error, [&] {
        smt::require(builder != nullptr && source != nullptr && session != nullptr, "smt_builder_finish: a null argument");
        smt_context* context = builder->hold.get();
        context->threads.use_alone();
        builder->module.define(source);
        *session = std::make_unique<smt_session>(context, smt::prepare(builder->module, *context, channels_last != 0)).release();
    });
}

int32_t smt_session_load(smt_context* context, const char* path, int32_t channels_last, smt_session** session, smt_error* error)
{
    return smt::guarded(error, [&] {
        smt::require(context != nullptr && path != nullptr && session != nullptr, "smt_session_load: a null argument");
        context->threads.use_alone();
        torch::jit::Module module = torch::jit::load(path, c10::Device(c10::DeviceType::CPU));
        smt::require(module.find_method("forward").has_value(), "the module has no method 'forward'");
        const std::string forbidden = smt::forbidden_operator(module);
        smt::require(forbidden.empty(), "the program uses " + forbidden);
        *session = std::make_unique<smt_session>(context, smt::prepare(std::move(module), *context, channels_last != 0)).release();
    });
}

void smt_session_release(smt_session* session)
{
    delete session;
}

int32_t smt_session_input_count(const smt_session* session)
{
    return session == nullptr ? -1 : session->inputs;
}

int32_t smt_run(
    smt_session* session, const smt_tensor* inputs, int32_t count, int32_t threads, smt_result** result, smt_error* error)
{
    return smt::guarded(error, [&] {
        smt::require(session != nullptr && result != nullptr && count >= 0 && (count == 0 || inputs != nullptr), "smt_run: a null argument");
        smt::require(count == session->inputs, "forward takes " + std::to_string(session->inputs) + " tensors, " + std::to_string(count) + " were given");
        const smt_context& context = *session->hold.get();
        context.threads.use(threads);
        const c10::InferenceMode inference;
        const smt::PlainExecution plain;
        const c10::DeviceGuard on_device(context.device);
        auto made = std::make_unique<smt_result>(session->hold.get());
        std::vector<c10::IValue> values;
        for (int32_t i = 0; i < count; i++) {
            smt::require(inputs[i].data != nullptr && inputs[i].rank >= 0 && inputs[i].rank <= 16, "smt_run: an input without data or with too many dimensions");
            const at::Tensor host = at::from_blob(
                const_cast<float*>(inputs[i].data), at::IntArrayRef(inputs[i].shape, static_cast<size_t>(inputs[i].rank)), at::TensorOptions().dtype(c10::ScalarType::Float));
            // A copy in any case: a program may write to what it is given.
            values.emplace_back(host.to(context.device, context.precision, /*non_blocking=*/false, /*copy=*/true));
        }
        for (const at::Tensor& tensor : forward(*session, std::move(values))) {
            made->tensors.push_back(to_host(tensor));
        }
        *result = made.release();
    });
}

int32_t smt_run_tiles(smt_session* session, const smt_tiles* tiles, smt_timings* timings, smt_error* error)
{
    return smt::guarded(error, [&] {
        smt::require(session != nullptr && tiles != nullptr && timings != nullptr, "smt_run_tiles: a null argument");
        smt::require(session->inputs == 1, "forward takes " + std::to_string(session->inputs) + " tensors; tiles are one");
        smt::require(
            tiles->rgb != nullptr && tiles->output != nullptr && tiles->rows > 0 && tiles->width > 0 && tiles->edge > 0 && tiles->model_edge > 0,
            "smt_run_tiles: no tiles");
        session->hold->threads.use(tiles->threads);
        const c10::InferenceMode inference;
        const smt::PlainExecution plain;
        if (session->hold->on_cuda()) {
            run_on_cuda(*session, *tiles, *timings);
        } else {
            run_on_cpu(*session, *tiles, *timings);
        }
    });
}
