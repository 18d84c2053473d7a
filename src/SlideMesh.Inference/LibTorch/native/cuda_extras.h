#pragma once
// What needs CUDA's headers; left out when the build did not find any.

#include <functional>
#include <memory>

namespace smt {

class RecordedGraph {
public:
    virtual ~RecordedGraph() = default;

    // On the current stream, with whatever lies in the tensors that were used at recording.
    virtual void replay() = 0;
};

// Records what work does on the current stream, which must not be the default one. Work must have run before.
std::unique_ptr<RecordedGraph> record_graph(const std::function<void()>& work);

void empty_cache();

} // namespace smt
