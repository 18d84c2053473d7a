using SlideMesh.Inference.LibTorch;
using SlideMesh.Slides.Native;

namespace SlideMesh.Inference.Tests.LibTorch;

/// <summary>A test of the libtorch engine: left out with a word where its library was not built, except in CI, where that is a failure.</summary>
internal sealed class TorchFactAttribute : FactAttribute
{
    public TorchFactAttribute() => Skip = TorchPresence.WhyNot();
}

/// <inheritdoc cref="TorchFactAttribute"/>
internal sealed class TorchTheoryAttribute : TheoryAttribute
{
    public TorchTheoryAttribute() => Skip = TorchPresence.WhyNot();
}

internal static class TorchPresence
{
    /// <summary>Set by tools/test.sh, which builds the library: a test must then run.</summary>
    public const string Variable = "SLIDEMESH_TESTS_NEED_LIBTORCH";

    public static string? WhyNot()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 })
        {
            return null;
        }


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
