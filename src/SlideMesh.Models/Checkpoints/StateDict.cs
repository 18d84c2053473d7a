using SlideMesh.Models.Graphs;

namespace SlideMesh.Models.Checkpoints;

/// <summary>
/// A state dict as a graph builder reads it: each key is taken once and remembered, and <see cref="Finish"/> reports every key
/// that is missing and every key that nobody took, by name. Views made by <see cref="Below"/> share that memory. Not thread-safe.
/// </summary>
public sealed class StateDict
{
    /// <summary>Keys named in one line of <see cref="Ignored"/>.</summary>
    private const int MostShown = 4;

    private readonly Book _book;
    private readonly string _prefix;

    /// <param name="path">The checkpoint's file, for messages.</param>
    public StateDict(string path, IReadOnlyDictionary<string, CheckpointTensor> tensors)
        : this(new Book(path, tensors), "")
    {
    }

    private StateDict(Book book, string prefix)
    {
        _book = book;
        _prefix = prefix;
    }

    /// <summary>The checkpoint's file.</summary>
    public string Path => _book.Path;

    /// <summary>Keys below this view's prefix, without it, in ordinal order; taken or not.</summary>
    public IEnumerable<string> Keys =>
        _book.Tensors.Keys.Where(k => k.StartsWith(_prefix, StringComparison.Ordinal)).Select(k => k[_prefix.Length..]).Order(StringComparer.Ordinal);

    /// <summary>Keys that were set aside, one line for each reason, for the user.</summary>
    public IReadOnlyList<string> Ignored => [.. _book.Ignored.GroupBy(i => i.Reason).Select(g => $"{Few([.. g.Select(i => i.Key)])}: {g.Key}")];

    /// <summary>The keys that start with <paramref name="prefix"/> (with its dot), named without it.</summary>
    public StateDict Below(string prefix) => new(_book, _prefix + prefix);

    public bool Has(string key) => _book.Tensors.ContainsKey(_prefix + key);

    public bool HasAll(params ReadOnlySpan<string> keys)
    {
        foreach (string key in keys)
        {
            if (!Has(key))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The shape of a key, which is not taken by this; null when there is no such key.</summary>
    public IReadOnlyList<long>? ShapeOf(string key) => _book.Tensors.TryGetValue(_prefix + key, out CheckpointTensor? tensor) ? tensor.Shape : null;

    /// <summary>Extent of one dimension of a key that must be there; the key is not taken by this.</summary>
    /// <exception cref="CheckpointException">There is no such key or dimension.</exception>
    public long Extent(string key, int dimension)
    {
        IReadOnlyList<long> shape = ShapeOf(key) ?? throw Fail($"has no key '{_prefix + key}'{Close(key)}.");
        return dimension < shape.Count
            ? shape[dimension]
            : throw Fail($"key '{_prefix + key}' is [{string.Join(", ", shape)}]; more dimensions are needed.");
    }

    /// <summary>Takes a key. One that is missing is noted for <see cref="Finish"/>, so that all of them are reported at once.</summary>
    /// <param name="shape">What it must be; −1 takes any extent. Empty: any shape.</param>
    /// <exception cref="CheckpointException">The shape differs; or the key is missing and its shape cannot be told.</exception>
    public Weight Take(string key, params long[] shape)
    {
        string full = _prefix + key;
        if (!_book.Tensors.TryGetValue(full, out CheckpointTensor? tensor))
        {
            _book.Missing.Add(full);
            return shape.Length > 0 && shape.All(extent => extent > 0)
                ? Weight.Of(full, shape, () => throw Fail($"has no key '{full}'."))
                : throw Unfinished();
        }

        _book.Taken.Add(full);
        bool fits = shape.Length == 0 || (tensor.Shape.Count == shape.Length && tensor.Shape.Zip(shape).All(pair => pair.Second < 0 || pair.First == pair.Second));
        return fits
            ? new Weight(tensor.Named(full))
            : throw Fail($"key '{full}' is [{string.Join(", ", tensor.Shape)}]; [{string.Join(", ", shape)}] is needed for this architecture (-1 is any).");
    }

    /// <summary>Takes a key that need not be there; null when it is not.</summary>
    public Weight? TryTake(string key, params long[] shape) => Has(key) ? Take(key, shape) : null;

    /// <summary>Sets a key aside that the architecture knows and does not need.</summary>
    /// <param name="reason">Shown to the user: why the result is the same without it.</param>
    public void Ignore(string key, string reason)
    {
        if (Has(key))
        {
            _book.Taken.Add(_prefix + key);
            _book.Ignored.Add((_prefix + key, reason));
        }
    }

    /// <summary>Sets every key aside for which <paramref name="known"/> holds; see <see cref="Ignore"/>.</summary>
    public void IgnoreWhere(Func<string, bool> known, string reason)
    {
        foreach (string key in Keys.Where(k => !_book.Taken.Contains(_prefix + k)).Where(known).ToArray())
        {
            Ignore(key, reason);
        }
    }

    /// <summary>To be called when the graphs are built: nothing may be missing, and nothing may be left.</summary>
    /// <exception cref="CheckpointException">Something is; the message lists the keys.</exception>
    public void Finish()
    {
        if (_book.Missing.Count > 0 || _book.Tensors.Keys.Any(k => !_book.Taken.Contains(k)))
        {
            throw Unfinished();
        }
    }

    public CheckpointException Fail(string message) => new(Path, message);

    private static string Few(string[] keys) =>
        keys.Length <= MostShown ? string.Join(", ", keys) : $"{string.Join(", ", keys.Take(MostShown - 1))} and {keys.Length - MostShown + 1} more";

    private CheckpointException Unfinished()
    {
        string[] left = [.. _book.Tensors.Keys.Where(k => !_book.Taken.Contains(k)).Order(StringComparer.Ordinal)];
        string[] parts =
        [
            .. _book.Missing.Count > 0 ? [$"lacks the keys {string.Join(", ", _book.Missing.Order(StringComparer.Ordinal))}"] : Array.Empty<string>(),
            .. left.Length > 0 ? [$"holds keys that this architecture does not know: {string.Join(", ", left)}"] : Array.Empty<string>(),
        ];
        return Fail($"{string.Join("; it ", parts)}. Give the architecture that it was trained with (--arch).");
    }

    private string Close(string key)
    {
        string last = key[(key.LastIndexOf('.') + 1)..];
        string[] close = [.. _book.Tensors.Keys.Where(k => k.EndsWith(last, StringComparison.Ordinal)).Order(StringComparer.Ordinal).Take(4)];
        return close.Length > 0 ? $" (there are {string.Join(", ", close)} …)" : "";
    }

    private sealed class Book(string path, IReadOnlyDictionary<string, CheckpointTensor> tensors)
    {
        public string Path { get; } = path;

        public IReadOnlyDictionary<string, CheckpointTensor> Tensors { get; } = tensors;

        public HashSet<string> Taken { get; } = new(StringComparer.Ordinal);

        public HashSet<string> Missing { get; } = new(StringComparer.Ordinal);

        public List<(string Key, string Reason)> Ignored { get; } = [];
    }
}
