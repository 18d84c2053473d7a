using SlideMesh.Mesh.Cohort;
using SlideMesh.Slides;
using SlideMesh.Slides.LocalCopies;
using SlideMesh.Slides.Pyramid;
using SlideMesh.Tiling;

namespace SlideMesh.Mesh.Stages;

/// <summary>
/// Open slides shared by the actors of one process: opened at first use, kept while leased, and closed least-recently-used
/// first when more than <c>idle</c> of them are idle. Opening a slide costs from 1 ms to seconds on slow storage, so a shard
/// should not pay for it again.
/// </summary>
/// <param name="idle">Idle slides kept open.</param>
/// <param name="decoderScaling">Whether tiles may be shrunk while they are decoded.</param>
/// <param name="copies">Local copies to read from; null: slides are read where they lie.</param>
public sealed class SlideHandles(int idle, bool decoderScaling = true, LocalCopyCache? copies = null) : IDisposable
{
    private readonly Dictionary<SlideId, Entry> _entries = [];
    private readonly LinkedList<SlideId> _idle = new();

    private bool DecoderScaling => decoderScaling;

    /// <summary>Leases the slide's source; dispose the lease when done reading.</summary>
    /// <param name="cancellation">Ends the copying to local disk.</param>
    /// <exception cref="SlideFormatException">The file cannot be opened.</exception>
    public Lease Open(CohortEntry slide, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(slide);
        Entry entry;
        lock (_entries)
        {
            if (!_entries.TryGetValue(slide.Id, out entry!))
            {
                // Opened outside of the lock by the first lessee; the others wait for it alone.
                entry = new Entry(slide.FullPath, copies, cancellation);
                _entries[slide.Id] = entry;
            }

            entry.Leases++;
            _idle.Remove(slide.Id);
        }

        try
        {
            return new Lease(this, slide.Id, entry.Source.Value, entry);
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
    public sealed class Lease : IDisposable
    {
        private readonly SlideHandles _owner;
        private readonly SlideId _slide;
        private readonly Entry _entry;

        private int _released;

        internal Lease(SlideHandles owner, SlideId slide, ISlideSource source, Entry entry)
        {
            _owner = owner;
            _slide = slide;
            _entry = entry;
            Source = source;
        }

        public ISlideSource Source { get; }

        /// <summary>
        /// The reader of a plan's tiles, one for all leases of the slide, so that shards of one plan share what they decode. Usable until the
        /// lease ends.
        /// </summary>
        /// <param name="plan">The same object for the same plan.</param>
        public TileReader Reader(TilePlan plan) => _entry.Reader(plan, _owner.DecoderScaling);

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _released, 1) == 0)
            {
                _owner.Release(_slide);
            }
        }
    }

    internal sealed class Entry
    {
        private LocalCopy? _copy;
        private readonly Dictionary<TilePlan, TileReader> _readers = new(ReferenceEqualityComparer.Instance);

        public Entry(string path, LocalCopyCache? copies, CancellationToken cancellation) => Source = new(() => Open(path, copies, cancellation));

        public Lazy<ISlideSource> Source { get; }

        public int Leases { get; set; }

        public TileReader Reader(TilePlan plan, bool decoderScaling)
        {
            lock (_readers)
            {
                if (!_readers.TryGetValue(plan, out TileReader? reader))
                {
                    reader = new TileReader(Source.Value, plan, decoderScaling);
                    _readers.Add(plan, reader);
                }

                return reader;
            }
        }

        public void Close()
        {
            lock (_readers)
            {
                foreach (TileReader reader in _readers.Values)
                {
                    reader.Dispose();
                }

                _readers.Clear();
            }

            if (Source.IsValueCreated)
            {
                Source.Value.Dispose();
            }

            _copy?.Dispose();
        }

        private ISlideSource Open(string path, LocalCopyCache? copies, CancellationToken cancellation)
        {
            _copy = copies?.Acquire(path, cancellation);
            System.Diagnostics.Activity.Current?.SetTag("slidemesh.slide.local_copy", _copy is { WhyInPlace: null }).SetTag("slidemesh.slide.in_place_reason", _copy?.WhyInPlace);
            try
            {
                return SlideSource.Open(path, out _, readFrom: _copy?.Path);
            }
            catch
            {
                _copy?.Dispose();
                throw;
            }
        }
    }
}
