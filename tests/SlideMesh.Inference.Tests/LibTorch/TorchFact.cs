using SlideMesh.Inference.LibTorch;
using SlideMesh.Slides.Native;

namespace SlideMesh.Inference.Tests.LibTorch;

/// <summary>A test of the libtorch engine: left out with a word where its library was not built, except in CI, where that is a failure.</summary>
internal sealed class TorchFactAttribute : FactAttribute
{
    public TorchFactAttribute()
    {
        bool required = Environment.GetEnvironmentVariable("CI") is { Length: > 0 } || Environment.GetEnvironmentVariable("SLIDEMESH_TESTS_NEED_TORCH") is { Length: > 0 };
        if (!required && Missing() is { } reason)
        {
            Skip = reason;
        }
    }

    private static string? Missing()
    {
        try
        {
            _ = LibTorchEngine.Build();
            return null;
        }
        catch (NativeLibraryUnavailableException e)
        {
            return e.Message;
        }
    }
}
