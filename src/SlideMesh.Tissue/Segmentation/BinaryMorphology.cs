namespace SlideMesh.Tissue.Segmentation;

/// <summary>Square-window morphology on masks of 0 and 1, by running counts: the cost does not depend on the window.</summary>
internal static class BinaryMorphology
{
    /// <summary>
    /// Dilation, then erosion, with a window × window square. For an even window the centre is at window / 2, as in OpenCV, and the
    /// erosion uses the mirrored square, so that closing never loses a pixel. Outside counts as nothing for the dilation and as
    /// full for the erosion.
    /// </summary>
    /// <param name="scratch">Memory of the mask's size to work in; anything may be in it, before and after.</param>
    public static void Close(byte[] mask, int width, int height, int window, byte[]? scratch = null)
    {
        if (window <= 1)
        {
            return;
        }

        int before = window / 2;
        int after = window - 1 - before;
        scratch = scratch is null || scratch == mask ? new byte[mask.Length] : scratch;
        Window(mask, width, height, before, after, dilate: true, scratch);
        Window(mask, width, height, after, before, dilate: false, scratch);
    }

    /// <summary>Grows the mask by <paramref name="radius"/> pixels in each direction.</summary>
    public static void Dilate(byte[] mask, int width, int height, int radius) =>
        Window(mask, width, height, radius, radius, dilate: true, new byte[mask.Length]);

    /// <summary>
    /// Sets pixels until no two tissue pixels touch at a corner only. Then 4- and 8-connectivity agree, and outlines along
    /// pixel edges never touch themselves: every ring is a valid polygon.
    /// </summary>
    public static void JoinDiagonals(byte[] mask, int width, int height)
    {
        // A filled pixel may complete a new pair with its neighbours; masks settle after two or three passes.
        bool changed;
        do
        {
            changed = false;
            for (int i = 0, y = 0; y + 1 < height; y++, i++)
            {
                for (int x = 0; x + 1 < width; x++, i++)
                {
                    if (mask[i] != mask[i + 1] && mask[i] == mask[i + width + 1] && mask[i + 1] == mask[i + width])
                    {
                        mask[mask[i] == 0 ? i : i + 1] = 1;
                        changed = true;
                    }
                }
            }
        }
        while (changed);
    }

    private static void Window(byte[] mask, int width, int height, int before, int after, bool dilate, byte[] source)
    {
        byte outside = dilate ? (byte)0 : (byte)1;
        int need = dilate ? 1 : before + after + 1;
        var line = new byte[Math.Max(width, height)];
        for (int y = 0; y < height; y++)
        {
            Span<byte> row = mask.AsSpan(y * width, width);
            row.CopyTo(line);
            int count = Start(line.AsSpan(0, width), before, after, outside);
            for (int x = 0; x < width; x++)
            {
                row[x] = count >= need ? (byte)1 : (byte)0;
                count += At(line, width, x + after + 1, outside) - At(line, width, x - before, outside);
            }
        }

        // Columns: one running count for each, so that memory is walked row by row.
        mask.AsSpan().CopyTo(source);
        var counts = new int[width];
        for (int k = -before; k <= after; k++)
        {
            AddRow(counts, source, width, height, k, outside, 1);
        }

        for (int y = 0; y < height; y++)
        {
            Span<byte> row = mask.AsSpan(y * width, width);
            for (int x = 0; x < width; x++)
            {
                row[x] = counts[x] >= need ? (byte)1 : (byte)0;
            }

            AddRow(counts, source, width, height, y + after + 1, outside, 1);
            AddRow(counts, source, width, height, y - before, outside, -1);
        }
    }

    private static int Start(ReadOnlySpan<byte> line, int before, int after, byte outside)
    {
        int count = before * outside;
        for (int k = 0; k <= after; k++)
        {
            count += k < line.Length ? line[k] : outside;
        }

        return count;
    }

    private static byte At(byte[] line, int length, int index, byte outside) => (uint)index < (uint)length ? line[index] : outside;

    private static void AddRow(int[] counts, byte[] source, int width, int height, int y, byte outside, int sign)
    {
        if ((uint)y >= (uint)height)
        {
            for (int x = 0; x < width; x++)
            {
                counts[x] += sign * outside;
            }

            return;
        }

        ReadOnlySpan<byte> row = source.AsSpan(y * width, width);
        for (int x = 0; x < width; x++)
        {
            counts[x] += sign * row[x];
        }
    }
}
