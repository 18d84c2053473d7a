using SlideMesh.Mesh.Cohort;
using SlideMesh.Slides;
using SlideMesh.Slides.Pyramid;

namespace SlideMesh.Mesh.Stages;

/// <summary>
/// Open slides shared by the actors of one process: opened at first use, kept while leased, and closed least-recently-used
/// first when more than <c>idle</c> of them are idle. Opening a slide costs from 1 ms to seconds on slow storage, so a shard
/// should not pay for it again.
/// </summary>
public sealed class SlideHandles(int idle) : IDisposable
{
    private readonly Dictionary<SlideId, Entry> _entries = [];
    private readonly LinkedList<SlideId> _idle = new();

    /// <summary>Leases the slide's source; dispose the lease when done reading.</summary>
    /// <exception cref="SlideFormatException">The file cannot be opened.</exception>
    public Lease Open(CohortEntry slide)
    {
        ArgumentNullException.ThrowIfNull(slide);
        Entry entry;
        lock (_entries)
        {
            if (!_entries.TryGetValue(slide.Id, out entry!))
            {
                // Opened outside of the lock by the first lessee; the others wait for it alone.
                entry = new Entry(new Lazy<ISlideSource>(() => SlideSource.Open(slide.FullPath)));
                _entries[slide.Id] = entry;
            }

            entry.Leases++;
            _idle.Remove(slide.Id);
        }

        try
        {
            return new Lease(this, slide.Id, entry.Source.Value);
        }
        catch
        {
            lock (_entries)
            {
                // A failed opening must not stick: a network share may be back at the next try.
                if (_entries.TryGetValue(slide.Id, out Entry? held) && ReferenceEquals(held, entry))
                {
                    _entries.Remove(slide.Id);
                }
            }

            throw;
        }
    }

    /// <summary>Slides that are open now.</summary>
    public IReadOnlyList<SlideId> OpenNow
    {
        get
        {
            lock (_entries)
            {
                return [.. _entries.Keys];
            }
        }
    }

    public void Dispose()
    {
        lock (_entries)
        {
            foreach (Entry entry in _entries.Values)
            {
                entry.Close();
            }

            _entries.Clear();
            _idle.Clear();
        }
    }

    private void Release(SlideId slide)
    {
        Entry? closing = null;
        lock (_entries)
        {
            if (!_entries.TryGetValue(slide, out Entry? entry) || --entry.Leases > 0)
            {
                return;
            }

            _idle.AddLast(slide);
            if (_idle.Count > idle)
            {
                SlideId oldest = _idle.First!.Value;
                _idle.RemoveFirst();
                _entries.Remove(oldest, out closing);
            }
        }

        closing?.Close();
    }

    /// <summary>The right to read a slide until disposed.</summary>
    public sealed class Lease(SlideHandles owner, SlideId slide, ISlideSource source) : IDisposable
    {
        private int _released;

        public ISlideSource Source => source;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _released, 1) == 0)
            {
                owner.Release(slide);
            }
        }
    }

    private sealed class Entry(Lazy<ISlideSource> source)
    {
        public Lazy<ISlideSource> Source => source;

        public int Leases { get; set; }

        public void Close()
        {
            if (source.IsValueCreated)
            {
                source.Value.Dispose();
            }
        }
    }
}
