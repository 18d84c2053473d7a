namespace SlideMesh.Models.Checkpoints.Pickle;

/// <summary>What the names in PyTorch's state dicts stand for; any other name is refused.</summary>
/// <param name="script">A TorchScript archive: its modules (<c>__torch__.…</c>) are read as named attributes. Their code is not read.</param>
internal sealed class TorchGlobals(CheckpointFile file, bool script)
{
    private static readonly Dictionary<string, TensorElementType> Storages = new(StringComparer.Ordinal)
    {
        ["FloatStorage"] = TensorElementType.Float32,
        ["DoubleStorage"] = TensorElementType.Float64,
        ["HalfStorage"] = TensorElementType.Float16,
        ["BFloat16Storage"] = TensorElementType.BFloat16,
        ["CharStorage"] = TensorElementType.Int8,
        ["ByteStorage"] = TensorElementType.UInt8,
        ["ShortStorage"] = TensorElementType.Int16,
        ["IntStorage"] = TensorElementType.Int32,
        ["LongStorage"] = TensorElementType.Int64,
        ["BoolStorage"] = TensorElementType.Bool,
    };

    private static readonly HashSet<string> Functions = new(StringComparer.Ordinal)
    {
        "collections.OrderedDict",
        "torch._utils._rebuild_tensor",
        "torch._utils._rebuild_tensor_v2",
        "torch._utils._rebuild_parameter",
        "torch.Size",
        "torch.device",
    };

    /// <summary>TorchScript's lists of plain values, and what it wraps around values to keep their types.</summary>
    private static readonly HashSet<string> ScriptFunctions = new(StringComparer.Ordinal)
    {
        "torch.jit._pickle.build_intlist",
        "torch.jit._pickle.build_doublelist",
        "torch.jit._pickle.build_boollist",
        "torch.jit._pickle.build_tensorlist",
        "torch.jit._pickle.restore_type_tag",
    };

    /// <summary>The name itself when it is one that we know.</summary>
    /// <exception cref="CheckpointException">It is not.</exception>
    public PickleGlobal Known(PickleGlobal name) => IsKnown(name) ? name : throw Refuse(name);

    public object? Call(PickleGlobal name, object?[] arguments) => (name.ToString(), arguments) switch
    {
        ("collections.OrderedDict", []) => new PickleDict(),
        ("collections.OrderedDict", [List<object?> pairs]) => Ordered(pairs),
        ("torch._utils._rebuild_tensor" or "torch._utils._rebuild_tensor_v2", [PickleStorage storage, long offset, object?[] shape, object?[] strides, ..]) =>
            new PickleTensor(storage, offset, Numbers(shape), Numbers(strides)),
        ("torch._utils._rebuild_parameter", [PickleTensor tensor, ..]) => tensor,
        ("torch.Size", [object?[] or List<object?>]) => arguments[0],
        ("torch.device", [string, ..]) => arguments[0],
        (var known, [List<object?> or PickleDict or object?[], ..]) when ScriptFunctions.Contains(known) => arguments[0],
        _ => throw file.Fail($"calls '{name}' with arguments that PyTorch does not write; it is refused."),
    };

    public object? New(PickleGlobal name, object?[] arguments) =>
        script && IsScript(name) ? new PickleModule()
        : name.ToString() == "collections.OrderedDict" && arguments.Length == 0 ? new PickleDict()
        : throw Refuse(name);

    public void Build(object? target, object? state)
    {
        switch (target)
        {
            // A state dict carries its layers' versions as an attribute (_metadata); weights do not depend on them.
            case PickleDict when state is PickleDict:
                break;
            case PickleModule module when state is PickleDict attributes:
                module.Attributes = attributes;
                break;
            default:
                throw file.Fail("gives attributes to an object that is no state dict; it is refused. Save the state dict alone: torch.save(model.state_dict(), file).");
        }
    }

    /// <summary>('storage', class, key, device, elements[, view]): torch/serialization.py, persistent_id.</summary>
    public PickleStorage Storage(object? id)
    {
        if (id is not object?[] and not List<object?>)
        {
            throw file.Fail("refers to something outside of it that is no storage; it is refused.");
        }

        object?[] parts = id is List<object?> list ? [.. list] : (object?[])id;
        if (parts is not ["storage", PickleGlobal type, _, string, long elements, ..] || elements < 0
            || !Storages.TryGetValue(type.Name, out TensorElementType element) || type.Module != "torch"
            || Key(parts[2]) is not { } key)
        {
            throw file.Fail("refers to something outside of it that is no storage; it is refused.");
        }

        return parts.Length > 5 && parts[5] is object?[] view
            ? view is [var root, long first, long size] && first >= 0 && size >= 0 && Key(root) is { } rootKey
                ? new PickleStorage(rootKey, element, size, first)
                : throw file.Fail("has a storage whose view is not PyTorch's; it is refused.")
            : new PickleStorage(key, element, elements, 0);
    }

    private static string? Key(object? key) => key switch
    {
        string text => text,
        long number => $"{number}",
        _ => null,
    };

    private bool IsKnown(PickleGlobal name) =>
        (name.Module == "torch" && Storages.ContainsKey(name.Name)) || Functions.Contains(name.ToString())
        || (script && (IsScript(name) || ScriptFunctions.Contains(name.ToString())));

    private static bool IsScript(PickleGlobal name) => name.Module.StartsWith("__torch__", StringComparison.Ordinal);

    private PickleDict Ordered(List<object?> pairs)
    {
        PickleDict dict = new();
        foreach (object? pair in pairs)
        {
            if (pair is not (object?[] or List<object?>) || (pair is List<object?> l ? [.. l] : (object?[])pair) is not [string key, var value])
            {
                throw file.Fail("fills an ordered dict in a way that PyTorch does not; it is refused.");
            }

            dict[key] = value;
        }

        return dict;
    }

    private long[] Numbers(object?[] values) =>
        [.. values.Select(v => v is long number ? number : throw file.Fail("has a tensor whose sizes are not whole numbers; it is refused."))];

    private CheckpointException Refuse(PickleGlobal name) => file.Fail(
        $"names '{name}', which is not part of a state dict; it is refused and nothing was run. Save the state dict alone: torch.save(model.state_dict(), file).");
}
