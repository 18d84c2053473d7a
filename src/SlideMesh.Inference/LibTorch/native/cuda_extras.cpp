#include "cuda_extras.h"

#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>

namespace smt {

namespace {

// Only calls of the thread that records may disturb a recording: other models run and take memory meanwhile. Since PyTorch 2.1; before,
// the mode is a global one, and a recording that another model disturbs is given up.
template <typename Recorder>
auto begin(Recorder& graph, int) -> decltype(graph.capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal))
{
    graph.capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
}

template <typename Recorder>
void begin(Recorder& graph, long)
{
    graph.capture_begin();
}

class Graph final : public RecordedGraph {
public:
    explicit Graph(const std::function<void()>& work)
    {
        begin(graph_, 0);
        try {
            work();
        } catch (...) {
            try {
                graph_.capture_end();
            } catch (...) {
                // What broke the work is what matters.
            }
            throw;
        }
        graph_.capture_end();
    }

    void replay() override { graph_.replay(); }

private:
    at::cuda::CUDAGraph graph_;
};

} // namespace

std::unique_ptr<RecordedGraph> record_graph(const std::function<void()>& work)
{
    return std::make_unique<Graph>(work);
}

void empty_cache()
{
    c10::cuda::CUDACachingAllocator::emptyCache();
}

} // namespace smt
