namespace SlideMesh.Models.Tests;

/// <summary>tests/reference of the checkout.</summary>
internal static class ReferenceFolder
{
    public static string Path { get; } = Find();

    public static string File(params string[] parts) => System.IO.Path.Combine([Path, .. parts]);

    private static string Find()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !System.IO.File.Exists(System.IO.Path.Combine(folder, "SlideMesh.sln")))
        {
            folder = System.IO.Path.GetDirectoryName(folder);
        }

        return System.IO.Path.Combine(folder ?? throw new DirectoryNotFoundException("SlideMesh.sln is in no folder above the tests."), "tests", "reference");
    }
}
