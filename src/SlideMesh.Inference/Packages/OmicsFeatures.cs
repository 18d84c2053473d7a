namespace SlideMesh.Inference.Packages;

/// <summary>A package's table of omics features, as far as shapes need it.</summary>
internal static class OmicsFeatures
{
    /// <summary>Rows of the table: the width G of the omics input.</summary>
    /// <exception cref="ModelPackageException">It is no such table.</exception>
    public static int Count(ModelPackage package, string file)
    {
        string[] rows = [.. File.ReadLines(package.PathOf(file)).Where(line => line.Length > 0)];
        return rows.Length > 1 && rows[0].TrimStart('\uFEFF') == "name,mean,std"
            ? rows.Length - 1
            : throw new ModelPackageException(
                package.Folder, $"package '{package.Name}' {file} needs the header name,mean,std and a row for each omics feature.");
    }
}
