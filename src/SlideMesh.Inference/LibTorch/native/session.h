#pragma once

#include "cuda_extras.h"
#include "module.h"

#include <map>
#include <memory>
#include <mutex>
#include <tuple>
#include <vector>

namespace smt {

// What one call of run_tiles works with, kept for the next one: streams for its copies, events, the bytes' place on the device.
struct Lane {
    explicit Lane(const smt_context& context);

    c10::Stream in;
    c10::Stream out;
    Event in_begins;
    Event in_done;
    Event compute_begins;
    Event compute_done;
    Event out_done;
    at::Tensor bytes;
};

// [1, 3, 1, 1] each, on the device.
struct Normalisation {
    at::Tensor scale;
    at::Tensor bias;
};

// A recorded graph and the tensors it reads and writes.
struct Recording {
    at::Tensor bytes;
    at::Tensor output;
    std::unique_ptr<RecordedGraph> graph;
};

} // namespace smt

struct smt_session {
    smt_session(smt_context* context, torch::jit::Module prepared);

    smt::ContextHold hold;
    torch::jit::Module module;
    int32_t inputs;

    // CUDA only: kernels of all calls follow each other here, copies of one call run beside the kernels of another.
    c10::Stream compute;
    std::mutex enqueue;

    std::mutex lanes_gate;
    std::vector<std::unique_ptr<smt::Lane>> lanes;

    std::mutex normalisations_gate;
    std::map<std::vector<float>, smt::Normalisation> normalisations;

    // By rows, edges, output, order of channels and normalisation; used under enqueue.
    using RecordingKey = std::tuple<int64_t, int32_t, int32_t, int32_t, int32_t, std::vector<float>>;
    std::map<RecordingKey, smt::Recording> recordings;
};

struct smt_result {
    explicit smt_result(smt_context* context) : hold(context) {}

    smt::ContextHold hold;
    std::vector<at::Tensor> tensors;
};
