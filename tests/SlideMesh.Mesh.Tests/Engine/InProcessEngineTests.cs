using SlideMesh.Mesh.Engine;

namespace SlideMesh.Mesh.Tests.Engine;

/// <summary>The contract, held to by the engine in memory.</summary>
public sealed class InProcessEngineTests : EngineContract
{
    protected override IMeshEngine Create(TimeProvider time, EngineLimits limits) =>
        new InProcessEngine(new InProcessOptions(limits.QueuedShards, limits.MaximumAttempts, limits.FirstBackOff), time);
}
