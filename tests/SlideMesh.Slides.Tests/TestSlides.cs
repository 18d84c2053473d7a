namespace SlideMesh.Slides.Tests;

/// <summary>Where the real slides lie, and folders for slides that tests write.</summary>
internal static class TestSlides
{
    public const string Cmu = "CMU-1-Small-Region.svs";

    public const string TcgaJpeg2000 = "TCGA-CR-7395-01A-01-TS1.svs";

    /// <summary>Path of a real slide; null on a machine that has none.</summary>
    public static string? Find(string fileName) => Roots()
        .Select(root => Path.Combine(root, "slides", fileName))
        .FirstOrDefault(File.Exists);

    private static IEnumerable<string> Roots()
    {
        if (Environment.GetEnvironmentVariable("SLIDEMESH_TEST_DATA") is { Length: > 0 } configured)
        {
            yield return configured;
        }

        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            yield return Path.Combine(folder.FullName, "..", "shared", "data");
        }
    }
}

/// <summary>A folder that goes away with the test.</summary>
internal sealed class TestFolder : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("slidemesh-");

    public string File(string name) => Path.Combine(_folder.FullName, name);

    public void Dispose() => _folder.Delete(recursive: true);
}
