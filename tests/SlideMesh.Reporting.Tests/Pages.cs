using SlideMesh.Reporting.Html;

namespace SlideMesh.Reporting.Tests;

internal static class Pages
{
    public static byte[] Of(SlideReportInput input)
    {
        using MemoryStream page = new();
        SlideReport.Write(page, input);
        return page.ToArray();
    }

    public static byte[] Of(RunReportInput input)
    {
        using MemoryStream page = new();
        RunReport.Write(page, input);
        return page.ToArray();
    }
}
