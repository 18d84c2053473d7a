using System.CommandLine;
using System.Globalization;
using SlideMesh.Mesh.Runs;
using SlideMesh.Tissue;
using SlideMesh.Tissue.Quality;

namespace SlideMesh.Cli.Commands;

/// <summary>What of a slide is used: a tissue preset, on top of it the parameters that CLAM's users know by CLAM's names, and the rules for tiles.</summary>
internal sealed class TissueParameters
{
    private readonly Option<string> _preset = new("--tissue")
    {
        Description = $"Tissue preset: {string.Join(", ", TissuePresets.Names)} (all but auto are CLAM's).",
        DefaultValueFactory = _ => "auto",
        HelpName = "preset",
    };

    private readonly Option<int?> _sthresh = new("--sthresh") { Description = "Tissue: fixed saturation threshold, 0 to 255 (turns Otsu off).", HelpName = "n" };

    private readonly Option<int?> _mthresh = new("--mthresh") { Description = "Tissue: edge of the median window, odd.", HelpName = "n" };

    private readonly Option<int?> _close = new("--close") { Description = "Tissue: edge of the closing square; 0 closes nothing.", HelpName = "n" };

    private readonly Option<bool> _otsu = new("--use-otsu") { Description = "Tissue: Otsu's threshold instead of a fixed one." };

    private readonly Option<double?> _areaMm2 = new("--min-area-mm2") { Description = "Tissue: least area of a piece, mm² (CLAM's a_t is in units of 0.0655 mm² at 0.5 um/px).", HelpName = "mm2" };

    private readonly Option<double?> _holeMm2 = new("--min-hole-mm2") { Description = "Tissue: smaller holes are filled, mm² (CLAM's a_h likewise).", HelpName = "mm2" };

    private readonly Option<int?> _maxHoles = new("--max-n-holes") { Description = "Tissue: holes that a piece keeps, largest first.", HelpName = "n" };

    private readonly Option<double> _minTissue = new("--min-tissue")
    {
        Description = "Least share of a tile that must be tissue, 0 to 1.",
        DefaultValueFactory = _ => 0.3,
        HelpName = "share",
    };

    private readonly Option<bool> _excludeBlurred = new("--exclude-blurred") { Description = "Leave blurred tiles out instead of only flagging them." };

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_minTissue, _excludeBlurred, _preset, _sthresh, _mthresh, _close, _otsu, _areaMm2, _holeMm2, _maxHoles])
        {
            command.Options.Add(option);
        }
    }

    /// <returns><paramref name="options"/> with what was asked for here.</returns>
    /// <exception cref="CommandException">A value that makes no sense.</exception>
    public RunOptions Apply(ParseResult parsed, RunOptions options)
    {
        double share = parsed.GetValue(_minTissue);
        Require(share is >= 0 and <= 1, Text($"--min-tissue {share} lies outside of 0 to 1"));
        return options with
        {
            Tissue = Read(parsed),
            MinTissueShare = share,
            Quality = new QualityThresholds { ExcludeBlurred = parsed.GetValue(_excludeBlurred) },
        };
    }

    private TissueOptions Read(ParseResult parsed)
    {
        string name = parsed.GetValue(_preset)!;
        Require(TissuePresets.Names.Contains(name), $"--tissue '{name}' is not one of {string.Join(", ", TissuePresets.Names)}");
        TissueOptions preset = TissuePresets.Get(name);
        bool otsu = parsed.GetValue(_otsu);
        int? sthresh = parsed.GetValue(_sthresh);
        Require(!(otsu && sthresh is not null), "--use-otsu and --sthresh exclude each other");
        Require(sthresh is null or (>= 0 and <= 255), Text($"--sthresh {sthresh} lies outside of 0 to 255"));
        int median = parsed.GetValue(_mthresh) ?? preset.MedianWindow;
        Require(median >= 1 && median % 2 == 1 && median <= 99, Text($"--mthresh {median} is not an odd number from 1 to 99"));
        int close = parsed.GetValue(_close) ?? preset.CloseWindow;
        Require(close is >= 0 and <= 100, Text($"--close {close} lies outside of 0 to 100"));
        double area = parsed.GetValue(_areaMm2) ?? preset.MinAreaMm2;
        double hole = parsed.GetValue(_holeMm2) ?? preset.MinHoleAreaMm2;
        Require(area >= 0 && hole >= 0, "areas in mm² cannot be negative");
        int holes = parsed.GetValue(_maxHoles) ?? preset.MaxHoles;
        Require(holes >= 0, Text($"--max-n-holes {holes} is negative"));
        return preset with
        {
            UseOtsu = otsu || (sthresh is null && preset.UseOtsu),
            SaturationThreshold = sthresh ?? preset.SaturationThreshold,
            MedianWindow = median,
            CloseWindow = close,
            MinAreaMm2 = area,
            MinHoleAreaMm2 = hole,
            MaxHoles = holes,
        };
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static void Require(bool holds, string otherwise)
    {
        if (!holds)
        {
            throw new CommandException(otherwise);
        }
    }
}
