using System.Buffers.Binary;
using SlideMesh.Slides.OpenSlide;
using SlideMesh.Slides.Pyramid;
using SlideMesh.Slides.Tiff;

namespace SlideMesh.Slides.Tests.OpenSlide;

/// <summary>Whatever the bytes, a slide opens and reads, or fails with a typed reason: one bad file must not end a run over thousands.</summary>
public sealed class DamagedTiffTests : IDisposable
{
    private const int Copies = 2000;

    private static readonly ulong[] Extremes =
    [
        0, 1, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x2000000000000001, 0x4000000000000001, long.MaxValue, 1UL << 63, ulong.MaxValue,
    ];

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Damaged_copies_work_or_fail_with_a_typed_reason()
    {
        string path = _folder.File("damaged.tiff");
        PyramidalTiffWriter.Write(path, Pictures.Gradient(96, 96), new PyramidalTiffOptions { TileSizePx = 32, SmallestLevelPx = 32 });
        byte[] whole = File.ReadAllBytes(path);
        Assert.Null(Try(path));
        (int Start, int Length)[] directories = Directories(whole);

        Dictionary<string, int> outcomes = new(StringComparer.Ordinal);
        for (int seed = 0; seed < Copies; seed++)
        {
            File.WriteAllBytes(path, Damage(whole, directories, new Random(seed)));
            string outcome = "";
            if (Record.Exception(() => outcome = Try(path)?.ToString() ?? "works") is { } escaped)
            {
                outcome = $"seed {seed}: {escaped}";
            }

            outcomes[outcome] = outcomes.GetValueOrDefault(outcome) + 1;
        }

        Assert.DoesNotContain(outcomes.Keys, outcome => outcome.StartsWith("seed", StringComparison.Ordinal));
        // The damage reaches every stage: files that still work, that are cut, that are nothing, that break on opening.
        Assert.All(["works", "Truncated", "NotASlide", "Unreadable"], outcome => Assert.InRange(outcomes.GetValueOrDefault(outcome), 10, Copies));
    }

    private static SlideFailureReason? Try(string path)
    {
        try
        {
            using OpenSlideSource slide = OpenSlideSource.Open(path);
            slide.ReadRegion(new Level0Point(8, 8), slide.Levels.Count - 1, 48, 48, new byte[48 * 48 * 3]);
            return null;
        }
        catch (SlideFormatException typed)
        {
            return typed.Reason;
        }
    }

    private static byte[] Damage(byte[] whole, (int Start, int Length)[] directories, Random dice)
    {
        byte[] copy = [.. whole];
        (int start, int length) = dice.Next(4) == 0 ? (0, copy.Length) : directories[dice.Next(directories.Length)];
        switch (dice.Next(4))
        {
            case 0:
                return copy[..dice.Next(copy.Length)];
            case 1:
                BinaryPrimitives.WriteUInt64LittleEndian(copy.AsSpan(start + dice.Next(Math.Max(1, length - 8))), Extremes[dice.Next(Extremes.Length)]);
                return copy;
            default:
                for (int flips = dice.Next(1, 9); flips > 0; flips--)
                {
                    copy[start + dice.Next(length)] ^= (byte)(1 << dice.Next(8));
                }

                return copy;
        }
    }

    /// <summary>Where the header and each directory lie: random damage to pixels alone would seldom meet them.</summary>
    private static (int Start, int Length)[] Directories(byte[] tiff)
    {
        List<(int, int)> found = [(0, 16)];
        for (int at = (int)BinaryPrimitives.ReadUInt64LittleEndian(tiff.AsSpan(8)); at != 0;)
        {
            int length = 16 + (20 * (int)BinaryPrimitives.ReadUInt64LittleEndian(tiff.AsSpan(at)));
            found.Add((at, length));
            at = (int)BinaryPrimitives.ReadUInt64LittleEndian(tiff.AsSpan(at + length - 8));
        }

        return [.. found];
    }
}
