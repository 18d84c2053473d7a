using System.Globalization;
using SlideMesh.Inference.Packages;
using SlideMesh.Mesh.Cohort;
using SlideMesh.Reporting.Features;

namespace SlideMesh.Mesh.Features;

/// <summary>An open features file, and what it is taken for.</summary>
/// <param name="Notes">What had to be taken on trust, one line each.</param>
public sealed record MatchedFeatures(FeaturePath Path, FeatureFile File, IReadOnlyList<string> Notes);

/// <summary>
/// Decides which file of a slide holds the features that each head wants. What a file says about itself must not contradict the head: width,
/// encoder, SHA-256 of the encoder's graph, and the extent of tissue that a tile shows. What it does not say is taken on trust, with a note.
/// </summary>
public sealed class StreamMatcher(ResolvedPipeline pipeline, FeatureRules rules)
{
    /// <summary>Tools state a nominal magnification, and level-0 pixels are whole: neither is exact.</summary>
    private const double ExtentSlack = 0.02;

    private const int ShownFiles = 3;

    /// <returns>By stream id, every stream of the pipeline.</returns>
    /// <exception cref="FeatureFileException">A head has no features, or it cannot be told which are meant.</exception>
    public IReadOnlyDictionary<string, MatchedFeatures> Match(string slide, IReadOnlyList<(FeaturePath Path, FeatureFile File)> files)
    {
        ArgumentNullException.ThrowIfNull(files);
        Dictionary<string, MatchedFeatures> matched = new(StringComparer.Ordinal);
        Dictionary<string, Verdict> verdicts = new(StringComparer.Ordinal);
        foreach (FeatureStream stream in pipeline.Streams)
        {
            Verdict verdict = Choose(slide, stream, files);
            verdicts[stream.Id] = verdict;
            matched[stream.Id] = new MatchedFeatures(verdict.Path, verdict.File, verdict.Notes);
        }

        foreach (IGrouping<FeaturePath, KeyValuePair<string, Verdict>> shared in verdicts.GroupBy(v => v.Value.Path).Where(g => g.Count() > 1))
        {
            // One view cannot be two: only a file that says nothing is taken for several.
            throw new FeatureFileException(
                shared.Key.Full, FeatureFileFailure.EncoderUnknown,
                $"'{shared.Key.Shown}' does not say what made it, and the models want {shared.Count()} kinds of features ({string.Join(", ", shared.Select(s => s.Key).Order(StringComparer.Ordinal))}); name models of one kind at a time.");
        }

        return matched;
    }

    private Verdict Choose(string slide, FeatureStream stream, IReadOnlyList<(FeaturePath Path, FeatureFile File)> files)
    {
        Verdict[] all = [.. files.Select(f => Judge(stream, f.Path, f.File))];
        Verdict[] fitting = [.. all.Where(v => v.Failure is null)];
        if (fitting.Length == 0)
        {
            throw Missing(slide, stream, all);
        }

        int best = fitting.Max(v => v.Rank);
        Verdict[] chosen = [.. fitting.Where(v => v.Rank == best)];
        return chosen.Length == 1
            ? chosen[0]
            : throw new FeatureFileException(
                chosen[0].Path.Full, FeatureFileFailure.FeaturesAmbiguous,
                $"'{chosen[0].Path.Shown}' and '{chosen[1].Path.Shown}' both hold features of slide {slide} for {Heads(stream)}; name only one of their folders.");
    }

    private Verdict Judge(FeatureStream stream, FeaturePath path, FeatureFile file)
    {
        FeatureClaims claims = file.Claims;
        Verdict verdict = new(path, file);
        if (file.Dimension != stream.Dimension)
        {
            return verdict.Fail(
                FeatureFileFailure.FeatureWidth,
                $"'{path.Shown}' holds {file.Dimension} numbers a tile; {Heads(stream)} wants the {stream.Dimension} of encoder '{stream.Package}'");
        }

        if (claims.Encoder is { } named)
        {
            if (!IsSameEncoder(named, claims, stream))
            {
                return verdict.Fail(
                    FeatureFileFailure.EncoderMismatch,
                    $"'{path.Shown}' says that encoder '{PlainText.OneLine(named)}' made it; {Heads(stream)} wants '{stream.Package}' (if they are the same: --encoder-alias {PlainText.OneLine(named)}={stream.Package})");
            }

            HashSet<string> wanted = Hashes(stream);
            if (claims.EncoderSha256 is { } sha256 && wanted.Count > 0 && !wanted.Contains(sha256))
            {
                return verdict.Fail(
                    FeatureFileFailure.EncoderMismatch,
                    $"'{path.Shown}' was made by another '{stream.Package}' (graph {sha256[..Math.Min(12, sha256.Length)]}…) than {Heads(stream)} was trained on ({wanted.First()[..12]}…); make the features again");
            }

            verdict = verdict with { Rank = verdict.Rank + 4 };
        }
        else
        {
            verdict = verdict.Note($"{stream.Package}: '{path.Shown}' does not name its encoder; its {stream.Dimension} numbers a tile fit, that '{stream.Package}' made them is taken on trust");
        }

        return JudgeTiles(stream, path, claims, verdict);
    }

    private Verdict JudgeTiles(FeatureStream stream, FeaturePath path, FeatureClaims claims, Verdict verdict)
    {
        if (claims.TileSizePx is not int size || claims.TileMicronsPerPixel is not double mpp)
        {
            return verdict;
        }

        TileView view = stream.View;
        double wanted = view.SizePx * view.MicronsPerPixel;
        // Ours state exactly what the encoder saw. Others resize to the encoder's input afterwards, so that only the extent can be compared.
        bool same = claims.Format == FeatureFormat.Slidemesh
            ? size == view.SizePx && mpp == view.MicronsPerPixel
            : Math.Abs((size * mpp) - wanted) <= wanted * ExtentSlack;
        string difference = string.Create(
            CultureInfo.InvariantCulture, $"tiles of {size} px at {mpp:0.####} um/px; {Heads(stream)} wants {view.SizePx} px at {view.MicronsPerPixel} um/px");
        if (same)
        {
            return verdict with { Rank = verdict.Rank + 2 + (claims.TileOverlapPx == view.OverlapPx ? 1 : 0) };
        }

        return rules.AnyTiles
            ? verdict.Note($"{stream.Package}: '{path.Shown}' has {difference} (accepted by --any-tiles)")
            : verdict.Fail(FeatureFileFailure.TileMismatch, $"'{path.Shown}' has {difference} (to use them all the same: --any-tiles)");
    }

    private FeatureFileException Missing(string slide, FeatureStream stream, Verdict[] all)
    {
        if (all is [var only])
        {
            return new FeatureFileException(only.Path.Full, only.Failure!.Value, only.Why + ".");
        }

        // The nearest miss says most: right encoder, other tiles.
        Verdict[] nearest = [.. all.OrderByDescending(v => v.Rank).ThenBy(v => v.Failure)];
        string why = string.Join("; ", nearest.Take(ShownFiles).Select(v => v.Why)) + (nearest.Length > ShownFiles ? $"; and {nearest.Length - ShownFiles} more" : "");
        string view = string.Create(CultureInfo.InvariantCulture, $"{stream.View.SizePx} px at {stream.View.MicronsPerPixel} um/px");
        return new FeatureFileException(
            nearest[0].Path.Full, FeatureFileFailure.FeaturesMissing,
            $"slide {slide} has no features of '{stream.Package}' on tiles of {view} for {Heads(stream)}: {why}.");
    }

    private bool IsSameEncoder(string named, FeatureClaims claims, FeatureStream stream) =>
        Plain(named) == Plain(stream.Package)
        // STAMP's and TRIDENT's copies of ours name the stream.
        || Plain(named) == Plain(stream.Id)
        || (claims.Format == FeatureFormat.Slidemesh && claims.Stream == stream.Id && Plain(named) == Plain(stream.Package))
        || rules.Aliases.Any(alias => Plain(alias.Key) == Plain(named) && alias.Value == stream.Package);

    /// <summary>Graphs of the encoder that a stream's heads accept; empty when none of them says.</summary>
    private HashSet<string> Hashes(FeatureStream stream)
    {
        HashSet<string> hashes = [.. HeadsOf(stream).Select(p => p.Manifest.Encoder?.Sha256).OfType<string>()];
        if (pipeline.Packages.FirstOrDefault(p => p.Name == stream.Package) is { } package)
        {
            hashes.Add(package.GraphSha256(GraphRole.Tile));
        }

        return hashes;
    }

    private IEnumerable<ModelPackage> HeadsOf(FeatureStream stream) =>
        pipeline.Packages.Where(p => p.Kind != ModelKind.Encoder && pipeline.StreamIds.GetValueOrDefault(p.Name) == stream.Id);

    private string Heads(FeatureStream stream) => string.Join(", ", HeadsOf(stream).Select(p => p.Name));

    /// <summary>Tools differ in how they write the same name: <c>uni_v1</c>, <c>UNI-v1</c>.</summary>
    private static string Plain(string name) => name.ToLowerInvariant().Replace('_', '-').Replace('.', '-').Replace(' ', '-');

    private sealed record Verdict(FeaturePath Path, FeatureFile File)
    {
        public FeatureFileFailure? Failure { get; init; }

        public string Why { get; init; } = "";

        /// <summary>How much of what the head wants the file has stated.</summary>
        public int Rank { get; init; }

        public IReadOnlyList<string> Notes { get; init; } = [];

        public Verdict Fail(FeatureFileFailure reason, string why) => this with { Failure = reason, Why = why };

        public Verdict Note(string note) => this with { Notes = [.. Notes, note] };
    }
}
