using System.Buffers.Binary;
using SlideMesh.Models.Checkpoints.Pickle;

namespace SlideMesh.Models.Checkpoints;

/// <summary>
/// Opens checkpoints: safetensors, PyTorch's zip archives (also TorchScript's, for their weights) and its older stream of pickles. What
/// the file claims is checked against its length before memory is taken, and nothing in it is run.
/// </summary>
public static class CheckpointReader
{
    /// <summary>Keys under which training scripts keep the state dict.</summary>
    public static IReadOnlyList<string> WrapperKeys { get; } = ["state_dict", "model_state_dict", "model"];

    /// <param name="path">The file; its contents tell the format.</param>
    /// <param name="key">Where the state dict lies when it is not at the top or under one of <see cref="WrapperKeys"/>, e.g. <c>teacher</c>.</param>
    /// <exception cref="CheckpointException">It is no such file, is damaged, or holds something that is not read.</exception>
    public static Checkpoint Open(string path, string? key = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        CheckpointFile file = new(path);
        try
        {
            return new Checkpoint(path, file, StateDictFinder.Find(file, Read(file), key));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The root object of the file, as plain values and tensors.</summary>
    private static object? Read(CheckpointFile file)
    {
        Span<byte> head = stackalloc byte[16];
        head = head[..(int)Math.Min(head.Length, file.Length)];
        file.Read(0, head);
        if (head.StartsWith("PK\u0003\u0004"u8))
        {
            return TorchZipReader.Read(file);
        }

        // A pickle of protocol 2 or later; PyTorch writes 2.
        if (head.Length > 2 && head[0] == 0x80 && head[1] is >= 2 and <= 5)
        {
            return LegacyTorchReader.Read(file);
        }

        if (head.Length > 8 && head[8] == '{' && BinaryPrimitives.ReadUInt64LittleEndian(head) is > 1 and < int.MaxValue)
        {
            return SafetensorsReader.Read(file);
        }

        throw file.Fail(head.StartsWith("\u0089HDF"u8)
            ? "is an HDF5 file (Keras); it is not read here: save the weights as safetensors or as a PyTorch state dict."
            : "is neither safetensors nor a PyTorch checkpoint (zip or pickle); give the file that torch.save or safetensors wrote.");
    }
}
