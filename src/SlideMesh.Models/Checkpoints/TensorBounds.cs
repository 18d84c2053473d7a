namespace SlideMesh.Models.Checkpoints;

/// <summary>Whether a tensor's shape and strides stay inside of its storage. Every number comes from a file that nobody vouches for.</summary>
internal static class TensorBounds
{
    private const int MaximumRank = 16;

    /// <summary>Elements of a tensor that repeats its storage's (stride 0): no more than this, whatever it claims.</summary>
    private const long MaximumRepeated = 1L << 22;

    /// <returns>Number of elements.</returns>
    /// <exception cref="ArgumentException">It does not stay inside; the message says how.</exception>
    public static long Check(IReadOnlyList<long> shape, IReadOnlyList<long> strides, long offset, long storageElements)
    {
        if (shape.Count > MaximumRank || strides.Count != shape.Count)
        {
            throw new ArgumentException($"has {shape.Count} dimensions and {strides.Count} strides; at most {MaximumRank} of each are read");
        }

        if (offset < 0 || shape.Any(extent => extent < 0) || strides.Any(stride => stride < 0))
        {
            throw new ArgumentException("has a negative size, stride or offset");
        }

        long count = 1;
        long last = offset;
        try
        {
            for (int i = 0; i < shape.Count; i++)
            {
                count = checked(count * shape[i]);
                last = checked(last + ((shape[i] - 1) * strides[i]));
            }
        }
        catch (OverflowException)
        {
            count = long.MaxValue;
        }

        if (shape.Any(extent => extent == 0))
        {
            return 0;
        }

        if (count == long.MaxValue || last >= storageElements || (count > storageElements && count > MaximumRepeated) || count > Array.MaxLength)
        {
            string claims = count == long.MaxValue ? "more elements than fit any file" : $"{count} elements up to position {last}";
            throw new ArgumentException($"claims {claims}, its storage has {storageElements}");
        }

        return count;
    }
}
