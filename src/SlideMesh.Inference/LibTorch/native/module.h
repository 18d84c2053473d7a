#pragma once

#include "device.h"

#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/script.h>

#include <string>

namespace smt {

// An operator or call in a program that must not run, with the reason; empty when there is none.
std::string forbidden_operator(const torch::jit::Module& module);

// Weights to the device and precision, then frozen: one graph with its weights as constants, batch normalisation folded into
// convolutions.
torch::jit::Module prepare(torch::jit::Module module, const smt_context& context, bool channels_last);

// While one lives on a thread, programs run there as written: no profiling of shapes and no recompilation for them, whose number
// would grow with every batch size seen.
struct PlainExecution {
    torch::jit::GraphOptimizerEnabledGuard off{false};
};

} // namespace smt

struct smt_builder {
    explicit smt_builder(smt_context* context)
        : hold(context), module("slidemesh", std::make_shared<torch::jit::CompilationUnit>())
    {
    }

    smt::ContextHold hold;
    torch::jit::Module module;
};
