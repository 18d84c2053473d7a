#include "cuda_extras.h"

#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>

namespace smt {

namespace {

class Graph final : public RecordedGraph {
public:
    explicit Graph(const std::function<void()>& work)
    {
        graph_.capture_begin();
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

#ifdef SLIDEMESH_PROBE
int main()
{
    smt::record_graph([] {});
    smt::empty_cache();
}
#endif
