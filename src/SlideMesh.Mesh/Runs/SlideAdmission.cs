using System.Collections.Concurrent;
using SlideMesh.Slides;

namespace SlideMesh.Mesh.Runs;

/// <summary>
/// Lets at most a given number of slides be planned, embedded or aggregated at a time, so that plans, open files and half
/// finished shards stay bounded however long the cohort is. Entering twice (a redelivered message) counts once.
/// </summary>
public sealed class SlideAdmission(int slides) : IDisposable
{
    private readonly SemaphoreSlim _places = new(slides, slides);
    private readonly ConcurrentDictionary<SlideId, byte> _inside = new();

    public async Task EnterAsync(SlideId slide, CancellationToken cancellation)
    {
        if (!_inside.ContainsKey(slide))
        {
            await _places.WaitAsync(cancellation).ConfigureAwait(false);
            _inside[slide] = 0;
        }
    }

    /// <summary>The slide has ended, however; without effect when it never entered.</summary>
    public void Leave(SlideId slide)
    {
        if (_inside.TryRemove(slide, out _))
        {
            _places.Release();
        }
    }

    public void Dispose() => _places.Dispose();
}
