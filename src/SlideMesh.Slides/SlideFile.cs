namespace SlideMesh.Slides;

/// <summary>The file of a slide, before anything in it is read.</summary>
internal static class SlideFile
{
    /// <param name="path">What messages name.</param>
    /// <param name="readFrom">A copy to look at instead.</param>
    /// <exception cref="SlideFormatException">There is no such file, or a link leads to none.</exception>
    public static void ThrowIfMissing(string path, string? readFrom = null)
    {
        FileInfo file = new(readFrom ?? path);
        if (!file.Exists)
        {
            throw new SlideFormatException(path, SlideFailureReason.FileMissing, $"'{path}' does not exist; correct the path in the manifest.");
        }

        // A link that leads nowhere exists.
        if (file.LinkTarget is not null && LeadsNowhere(file))
        {
            throw new SlideFormatException(path, SlideFailureReason.FileMissing, $"'{path}' is a link to a file that does not exist; mend the link, or mount what it leads to.");
        }
    }

    private static bool LeadsNowhere(FileInfo link)
    {
        try
        {
            return link.ResolveLinkTarget(returnFinalTarget: true) is not { Exists: true };
        }
        catch (IOException)
        {
            // A ring of links.
            return true;
        }
    }
}
