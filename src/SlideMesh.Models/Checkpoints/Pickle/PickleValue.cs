namespace SlideMesh.Models.Checkpoints.Pickle;

/// <summary>
/// A dict of a checkpoint in the order of the file. Keys are strings; others (training state keyed by numbers) are counted and not
/// kept, for no weight has such a name.
/// </summary>
internal sealed class PickleDict
{
    private readonly Dictionary<string, object?> _values = new(StringComparer.Ordinal);
    private readonly List<string> _order = [];

    public IReadOnlyList<string> Keys => _order;

    public object? this[string key]
    {
        get => _values[key];
        set
        {
            if (_values.TryAdd(key, value))
            {
                _order.Add(key);
            }
            else
            {
                _values[key] = value;
            }
        }
    }

    public bool TryGet(string key, out object? value) => _values.TryGetValue(key, out value);
}

/// <summary>A class or function that a pickle names. It is only compared with the names that we know, never looked up.</summary>
internal sealed record PickleGlobal(string Module, string Name)
{
    public override string ToString() => $"{Module}.{Name}";
}

/// <summary>An object of a TorchScript archive: its attributes, of which weights and submodules matter.</summary>
internal sealed class PickleModule
{
    public PickleDict Attributes { get; set; } = new();
}

/// <summary>A run of elements that tensors are views of.</summary>
/// <param name="Key">Name of its bytes in the archive.</param>
/// <param name="Elements">How many of <paramref name="Type"/> the pickle claims.</param>
/// <param name="First">Element of the stored run at which this one begins (views of older files).</param>
internal sealed record PickleStorage(string Key, TensorElementType Type, long Elements, long First);

/// <summary>A tensor as a pickle names it, before its storage is known.</summary>
internal sealed record PickleTensor(PickleStorage Storage, long Offset, long[] Shape, long[] Strides);
