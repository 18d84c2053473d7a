using SlideMesh.Models.Checkpoints.Pickle;

namespace SlideMesh.Models.Checkpoints;

/// <summary>Joins the tensors that a pickle names with the bytes of their storages.</summary>
internal static class StorageBinder
{
    /// <summary>Objects below objects, e.g. the modules of TorchScript; PyTorch nests less than this.</summary>
    private const int DeepestNesting = 64;

    /// <summary>The element type of every storage below <paramref name="root"/>.</summary>
    public static Dictionary<string, TensorElementType> Types(CheckpointFile file, object? root)
    {
        Dictionary<string, TensorElementType> types = new(StringComparer.Ordinal);
        Visit(file, root, (_, tensor) => types[tensor.Storage.Key] = tensor.Storage.Type);
        return types;
    }

    /// <summary>Replaces every tensor below <paramref name="root"/> by one that can be loaded; its place in its storage is checked.</summary>
    public static object? Bind(CheckpointFile file, object? root, IReadOnlyDictionary<string, IByteSource> storages) =>
        root is PickleTensor alone ? Tensor(file, "", alone, storages) : Visit(file, root, (name, tensor) => Tensor(file, name, tensor, storages));

    private static CheckpointTensor Tensor(CheckpointFile file, string name, PickleTensor tensor, IReadOnlyDictionary<string, IByteSource> storages)
    {
        PickleStorage storage = tensor.Storage;
        if (!storages.TryGetValue(storage.Key, out IByteSource? bytes))
        {
            throw file.Fail($"tensor '{name}' lies in storage '{storage.Key}', which is not there; it is cut short or damaged: fetch it again.");
        }

        long held = bytes.Length / storage.Type.Size();
        if (storage.First > held || storage.Elements > held - storage.First)
        {
            throw file.Fail($"tensor '{name}': its storage claims {storage.Elements} elements, {held} are there; it is cut short or damaged: fetch it again.");
        }

        try
        {
            if (tensor.Offset < 0 || tensor.Offset > storage.Elements)
            {
                throw new ArgumentException($"begins at element {tensor.Offset} of a storage of {storage.Elements}");
            }

            return new CheckpointTensor(name, storage.Type, tensor.Shape, bytes, storage.First + tensor.Offset, tensor.Strides);
        }
        catch (ArgumentException e)
        {
            throw file.Fail($"tensor '{name}' {e.Message}; it is damaged or made to do harm: it is refused.", e);
        }
    }

    /// <summary>Calls <paramref name="use"/> for every tensor and puts its result in the tensor's place when it is not null.</summary>
    private static object? Visit(CheckpointFile file, object? root, Func<string, PickleTensor, object?> use)
    {
        // An object may be reached twice, and a hostile pickle nests objects in themselves.
        HashSet<object> seen = new(ReferenceEqualityComparer.Instance);
        Walk(root, "", 0);
        return root;

        void Walk(object? value, string path, int depth)
        {
            if (value is null || value is not (PickleDict or PickleModule or List<object?> or object?[]) || !seen.Add(value))
            {
                return;
            }

            if (depth == DeepestNesting)
            {
                throw file.Fail($"nests objects more than {DeepestNesting} deep; it is refused.");
            }

            string below = path.Length == 0 ? "" : path + ".";
            switch (value)
            {
                case PickleDict dict:
                    foreach (string key in dict.Keys.ToArray())
                    {
                        dict[key] = Replace(dict[key], below + key, depth);
                    }

                    break;
                case PickleModule module:
                    Walk(module.Attributes, path, depth + 1);
                    break;
                case List<object?> list:
                    for (int i = 0; i < list.Count; i++)
                    {
                        list[i] = Replace(list[i], below + i, depth);
                    }

                    break;
                case object?[] tuple:
                    for (int i = 0; i < tuple.Length; i++)
                    {
                        tuple[i] = Replace(tuple[i], below + i, depth);
                    }

                    break;
            }
        }

        object? Replace(object? value, string path, int depth)
        {
            if (value is PickleTensor tensor)
            {
                return use(path, tensor) is CheckpointTensor bound ? bound : tensor;
            }

            Walk(value, path, depth + 1);
            return value;
        }
    }
}
