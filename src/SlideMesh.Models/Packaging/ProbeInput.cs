namespace SlideMesh.Models.Packaging;

/// <summary>
/// Numbers that any language makes the same: x_i = ((i · 2654435761) mod 2³²) / 2³¹ − 1, as float32, between −1 and 1.
/// </summary>
public static class ProbeInput
{
    public static float[] Numbers(long count)
    {
        float[] values = new float[count];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = (float)(((uint)((ulong)i * 2654435761UL) / 2147483648.0) - 1);
        }

        return values;
    }
}
