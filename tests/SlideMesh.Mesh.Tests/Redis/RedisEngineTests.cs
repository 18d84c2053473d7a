using SlideMesh.Mesh.Engine;
using SlideMesh.Mesh.Redis;
using SlideMesh.Mesh.Tests.Engine;

namespace SlideMesh.Mesh.Tests.Redis;

/// <summary>The contract, held to by the engine on a real Redis.</summary>
[Collection(WithRedis.Name)]
public sealed class RedisEngineTests(RedisServer server) : EngineContract, IAsyncLifetime
{
    private readonly List<RedisLink> _links = [];

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        foreach (RedisLink link in _links)
        {
            await link.DisposeAsync();
        }
    }

    protected override IMeshEngine Create(TimeProvider time, EngineLimits limits)
    {
        RedisLink link = RedisLink.ConnectAsync(server.NewSettings()).GetAwaiter().GetResult();
        _links.Add(link);
        return new RedisEngine(
            link,
            new RedisEngineOptions
            {
                Node = "node",
                QueuedShards = limits.QueuedShards,
                MaximumAttempts = limits.MaximumAttempts,
                FirstBackOff = limits.FirstBackOff,
            },
            time);
    }
}
