using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using SlideMesh.Cli.Display;
using SlideMesh.Inference.Packages;
using SlideMesh.Mesh.Cohort;
using SlideMesh.Mesh.Engine;
using SlideMesh.Slides.OpenSlide;
using SlideMesh.Slides.Pyramid;

namespace SlideMesh.Cli.Commands;

/// <summary><c>slidemesh inspect</c>: what each slide is and what would fail, without computing anything.</summary>
internal static class InspectCommand
{
    public static Command Create()
    {
        InputOptions inputs = new();
        Option<bool> json = new("--json") { Description = "One JSON object a slide, one a line." };
        Command command = new("inspect", """
            Preflight of a cohort: format, size, levels, microns per pixel, objective, and what would fail and why.
            Opens every slide but reads no tissue, so it is quick also for thousands of slides.
            """);
        inputs.AddTo(command);
        command.Options.Add(json);
        command.SetAction((parsed, cancellation) => Task.FromResult(
            Inspect(inputs.Read(parsed), inputs.ReadDefaultMpp(parsed), parsed.GetValue(json), cancellation)));
        return command;
    }

    private static int Inspect(IReadOnlyList<CohortEntry> cohort, double? defaultMpp, bool json, CancellationToken cancellation)
    {
        _ = OpenSlideSource.LibraryVersion;
        TextTable table = new("slide", "format", "width x height", "levels", "um/px", "from", "objective", "reader", "verdict");
        int failing = 0;
        foreach (CohortEntry slide in cohort)
        {
            cancellation.ThrowIfCancellationRequested();
            SlideFacts facts = Look(slide, defaultMpp, SlideSource.Open);
            failing += facts.Reason is null ? 0 : 1;
            if (json)
            {
                Console.Out.WriteLine(JsonSerializer.Serialize(facts, InspectJson.Default.SlideFacts));
            }
            else
            {
                table.Add(
                    facts.SlideId, facts.Format ?? "-",
                    facts.Width is null ? "-" : $"{facts.Width} x {facts.Height}",
                    facts.Levels?.ToString(CultureInfo.InvariantCulture) ?? "-",
                    facts.MicronsPerPixel?.ToString("0.####", CultureInfo.InvariantCulture) ?? "-",
                    facts.MicronsPerPixelSource ?? "-",
                    facts.ObjectivePower is double power ? string.Create(CultureInfo.InvariantCulture, $"{power}x") : "-",
                    facts.Reader is { } reader ? reader.Split(' ', ',')[0] + (facts.ReaderReason is { } why ? $" ({why})" : "") : "-",
                    facts.Reason is null ? "ok" : $"{facts.Reason}: {facts.Detail}");
            }
        }

        if (!json)
        {
            table.Write(Console.Out);
            Console.Out.WriteLine($"{cohort.Count} slides, {cohort.Count - failing} usable, {failing} would fail");
        }

        return failing == 0 ? ExitCode.Success : ExitCode.SomeFailed;
    }

    /// <summary>Whatever goes wrong with one slide is that slide's row: the others are still looked at.</summary>
    internal static SlideFacts Look(CohortEntry slide, double? defaultMpp, Func<string, ISlideSource> open)
    {
        SlideFacts facts = new() { SlideId = slide.Id.Value, Path = slide.Path };
        try
        {
            using ISlideSource source = open(slide.FullPath);
            facts = facts with
            {
                Format = source.Vendor,
                Reader = source.Reader,
                ReaderReason = source.ReaderReason,
                Width = source.Levels[0].Width,
                Height = source.Levels[0].Height,
                Levels = source.Levels.Count,
                ObjectivePower = source.ObjectivePower,
            };
            MicronsPerPixel mpp = MicronsPerPixelResolver.Require(slide.MicronsPerPixel, source, defaultMpp, slide.Path);
            return facts with { MicronsPerPixel = mpp.Mean, MicronsPerPixelSource = KebabCase.Of(mpp.Source) };
        }
        catch (Exception unusable) when (unusable is not OperationCanceledException)
        {
            return facts with
            {
                Reason = FailureClassifier.Reason(unusable),
                Detail = PlainText.OneLine(unusable.Message.Replace(slide.FullPath, slide.Path, StringComparison.Ordinal)),
            };
        }
    }
}

internal sealed record SlideFacts
{
    public required string SlideId { get; init; }

    public required string Path { get; init; }

    public string? Format { get; init; }

    public string? Reader { get; init; }

    /// <summary>Why OpenSlide reads the pixels rather than our own reader; null when ours does.</summary>
    public string? ReaderReason { get; init; }

    public long? Width { get; init; }

    public long? Height { get; init; }

    public int? Levels { get; init; }

    public double? MicronsPerPixel { get; init; }

    public string? MicronsPerPixelSource { get; init; }

    public double? ObjectivePower { get; init; }

    /// <summary>Null when the slide can be used.</summary>
    public string? Reason { get; init; }

    public string? Detail { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(SlideFacts))]
internal sealed partial class InspectJson : JsonSerializerContext;
