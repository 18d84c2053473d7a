using SlideMesh.Inference.LibTorch;
using SlideMesh.Slides.Native;

namespace SlideMesh.Models.Tests.LibTorch;

/// <summary>A test of the libtorch engine: left out with a word where its library was not built, except where tools/test.sh says that it was.</summary>
internal sealed class TorchTheoryAttribute : TheoryAttribute
{
    public TorchTheoryAttribute()
    {
        if (Environment.GetEnvironmentVariable("SLIDEMESH_TESTS_NEED_LIBTORCH") is { Length: > 0 })
        {
            return;
        }

        try
        {
            _ = LibTorchEngine.Build();
        }
        catch (NativeLibraryUnavailableException e)
        {
            Skip = e.Message;
        }
    }
}
