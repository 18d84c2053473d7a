using System.Text.Json;

namespace SlideMesh.Prediction.Tests.Fakes;

/// <summary>Reference files of the checkout that the test binary was built in.</summary>
internal static class RepositoryFiles
{
    private static readonly string Root = FindRoot();

    public static string ReferencePackage(string name) => Path.Combine(Root, "tests", "reference", "packages", name);

    public static string DemoPackage(string name) => Path.Combine(Root, "tools", "demo-models", name);

    /// <summary>Cases of <c>tests/reference/expected/NAME.json</c>.</summary>
    public static IReadOnlyList<JsonElement> ExpectedCases(string name) =>
        [.. Parse(Path.Combine(Root, "tests", "reference", "expected", name + ".json")).GetProperty("cases").EnumerateArray()];

    public static JsonElement OwnReference(string file) =>
        Parse(Path.Combine(Root, "tests", "SlideMesh.Prediction.Tests", "Reference", file));

    /// <summary>Numbers of nested arrays, row by row.</summary>
    public static double[] Numbers(this JsonElement element) =>
        element.ValueKind == JsonValueKind.Array ? [.. element.EnumerateArray().SelectMany(Numbers)] : [element.GetDouble()];

    private static JsonElement Parse(string path)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(path));
        return document.RootElement.Clone();
    }

    private static string FindRoot()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (Directory.Exists(Path.Combine(folder.FullName, "tests", "reference", "packages")))
            {
                return folder.FullName;
            }
        }

        throw new DirectoryNotFoundException("tests/reference/packages is not above the test binary.");
    }
}
