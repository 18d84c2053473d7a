using SlideMesh.Slides.TiledTiff;

namespace SlideMesh.Slides.Tests.TiledTiff;

public sealed class SpareBuffersTests
{
    [Fact]
    public void Take_AfterGive_LendsTheSameBufferOnce()
    {
        var spare = new SpareBuffers();
        byte[] buffer = spare.Take(100);
        spare.Give(buffer);

        Assert.Same(buffer, spare.Take(100));
        Assert.NotSame(buffer, spare.Take(100));
    }

    [Fact]
    public void Take_OfAnotherLength_IsNewAndOfThatLength()
    {
        var spare = new SpareBuffers();
        spare.Give(new byte[100]);

        Assert.Equal(60, spare.Take(60).Length);
    }

    [Fact]
    public void Give_OfMany_KeepsFourAProcessorAtMost()
    {
        var spare = new SpareBuffers();
        HashSet<byte[]> given = new(ReferenceEqualityComparer.Instance);
        for (int i = 0; i < 1000; i++)
        {
            byte[] buffer = new byte[10];
            given.Add(buffer);
            spare.Give(buffer);
        }

        int kept = Enumerable.Range(0, 1000).Count(_ => given.Contains(spare.Take(10)));
        Assert.InRange(kept, 1, 4 * Math.Min(16, Environment.ProcessorCount));
    }
}
