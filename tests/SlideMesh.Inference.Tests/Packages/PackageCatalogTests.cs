using SlideMesh.Inference.Packages;

namespace SlideMesh.Inference.Tests.Packages;

public sealed class PackageCatalogTests : IDisposable
{
    private readonly ScratchFolder _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void Default_search_path_goes_from_given_folders_to_the_variable_to_the_program_to_the_checkout()
    {
        string demo = Directory.CreateDirectory(Path.Combine(_scratch.Path, "tools", "demo-models")).FullName;
        string program = Path.Combine(_scratch.Path, "src", "bin");

        PackageCatalog catalog = PackageCatalog.Default(["/given"], $"/first{Path.PathSeparator}/second", program);

        Assert.Equal(["/given", "/first", "/second", Path.Combine(program, "models"), demo], catalog.SearchPath);
    }

    [Fact]
    public void Name_is_found_in_the_first_folder_that_has_it()
    {
        string near = Path.GetDirectoryName(ReferencePackages.CopyOf("ref-encoder", _scratch))!;
        PackageCatalog catalog = new([Path.Combine(near, "missing"), near, ReferencePackages.Folder("")]);

        Assert.Equal(Path.Combine(near, "ref-encoder"), Assert.Single(catalog.Load(["ref-encoder"])).Folder);
    }

    [Fact]
    public void Folder_of_packages_gives_each_once_by_name()
    {
        string[] references = [ReferencePackages.Folder(""), ReferencePackages.Folder("ref-tiles")];

        Assert.Equal(
            ["ref-encoder", "ref-fusion", "ref-pixel-tiles", "ref-streamed", "ref-tiles", "ref-whole"],
            new PackageCatalog([]).Load(references).Select(p => p.Name));
    }

    [Fact]
    public void LoadWithEncoders_adds_the_encoder_from_the_search_path() => Assert.Equal(
        ["ref-tiles", "ref-encoder"], new PackageCatalog([ReferencePackages.Folder("")]).LoadWithEncoders(["ref-tiles"]).Select(p => p.Name));

    [Theory]
    [InlineData("no-such-model")]
    [InlineData("..")]
    [InlineData("../ref-encoder")]
    public void Unknown_reference_is_refused_with_the_places_searched(string reference)
    {
        PackageCatalog catalog = new([ReferencePackages.Folder("")]);

        ModelPackageException e = Assert.Throws<ModelPackageException>(() => catalog.Load([reference]));

        Assert.Contains(ReferencePackages.Folder("").TrimEnd('/'), e.Message, StringComparison.Ordinal);
        Assert.Contains("SLIDEMESH_MODELS", e.Message, StringComparison.Ordinal);
    }
}
