using System.Numerics;
using SlideMesh.Models.Checkpoints.Pickle;

namespace SlideMesh.Models.Checkpoints;

/// <summary>
/// PyTorch's format before 1.6: pickles of a magic number, a version, facts about the machine, the object and its storages' keys; then
/// each storage's number of elements (int64) and elements, in the order of the keys. torch/serialization.py, _legacy_save.
/// </summary>
internal static class LegacyTorchReader
{
    private const long Version = 1001;

    private static readonly BigInteger Magic = BigInteger.Parse("1950a86a20f9469cfc6c", System.Globalization.NumberStyles.HexNumber);

    public static object? Read(CheckpointFile file)
    {
        PickleInput input = new(file, new FileSegment(file, 0, file.Length));
        Unpickler unpickler = new(file, input, script: false);
        if (unpickler.Read() is not BigInteger magic || magic != Magic)
        {
            throw file.Fail("is a pickle, but not one of PyTorch's; save the model with torch.save(model.state_dict(), file).");
        }

        if (unpickler.Read() is not Version)
        {
            throw file.Fail("has a version of PyTorch's old format that is not known; save it again with torch.save.");
        }

        if (unpickler.Read() is not PickleDict machine || !machine.TryGet("little_endian", out object? little) || little is not true)
        {
            throw file.Fail("was written on a big-endian machine; save it again on a usual one.");
        }

        object? root = unpickler.Read();
        if (unpickler.Read() is not List<object?> keys)
        {
            throw file.Fail("does not list its storages; it is damaged: fetch it again.");
        }

        return StorageBinder.Bind(file, root, Storages(file, input, keys, root));
    }

    /// <summary>Bytes of each storage. How wide an element is stands with the storage's class in the pickle only.</summary>
    private static Dictionary<string, IByteSource> Storages(CheckpointFile file, PickleInput input, List<object?> keys, object? root)
    {
        Dictionary<string, TensorElementType> types = StorageBinder.Types(file, root);
        Dictionary<string, IByteSource> storages = new(StringComparer.Ordinal);
        foreach (object? entry in keys)
        {
            string key = entry switch
            {
                string text => text,
                long number => $"{number}",
                _ => throw file.Fail("names a storage by something that is no name; it is refused."),
            };
            if (!types.TryGetValue(key, out TensorElementType type))
            {
                throw file.Fail($"has a storage '{key}' that no tensor uses; it is damaged: fetch it again.");
            }

            long elements = input.Int64();
            if (elements < 0 || elements > input.Remaining / type.Size())
            {
                throw file.Fail($"claims {elements} elements for storage '{key}', {input.Remaining} bytes are left; it is cut short or damaged: fetch it again.");
            }

            storages[key] = new FileSegment(file, input.Position, elements * type.Size());
            input.Skip(elements * type.Size());
        }

        return storages;
    }
}
