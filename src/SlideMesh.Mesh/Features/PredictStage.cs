using SlideMesh.Inference.Packages;
using SlideMesh.Mesh.Cohort;
using SlideMesh.Mesh.Runs;
using SlideMesh.Mesh.Stages;
using SlideMesh.Prediction;
using SlideMesh.Prediction.Bags;
using SlideMesh.Prediction.Omics;
using SlideMesh.Reporting;
using SlideMesh.Reporting.Evidence;
using SlideMesh.Reporting.Features;
using SlideMesh.Reporting.Features.Hdf5;
using SlideMesh.Reporting.Heatmaps;
using SlideMesh.Reporting.Json;
using SlideMesh.Reporting.OutputStore;
using SlideMesh.Reporting.Tables;
using SlideMesh.Slides.Pyramid;
using SlideMesh.Tiling;

namespace SlideMesh.Mesh.Features;

/// <summary>Features that exist already (+ omics, + the slide) → predictions.json, maps, the report; what <see cref="ResultStage"/> makes of features made here.</summary>
internal sealed class PredictStage
{
    private readonly RunContext _run;
    private readonly CohortEntry _slide;
    private readonly SlideFolder _folder;
    private readonly IReadOnlyDictionary<string, MatchedFeatures> _matched;
    private readonly Dictionary<string, PlacedFeatures> _placed = new(StringComparer.Ordinal);
    private readonly SlideAtHand? _atHand;
    private readonly MicronsPerPixel? _mpp;
    private readonly List<string> _notes = [];

    private PredictStage(RunContext run, CohortEntry slide, IReadOnlyDictionary<string, MatchedFeatures> matched, SlideAtHand? atHand, List<string> notes)
    {
        _run = run;
        _slide = slide;
        _folder = run.Store.Slide(slide.Id);
        _matched = matched;
        _atHand = atHand;
        _notes.AddRange(matched.Values.SelectMany(m => m.Notes).Distinct());
        _notes.AddRange(notes);
        _mpp = ResolveMpp();
        foreach ((string stream, MatchedFeatures features) in matched)
        {
            _placed[stream] = new PlacedFeatures(features.File, features.Path.Shown, _mpp, run.Features!.Rules, _notes);
        }
    }

    /// <exception cref="FeatureFileException">A file cannot be used, or a head has no features.</exception>
    /// <exception cref="PredictionException">The heads cannot answer.</exception>
    public static SlideSummary Run(RunContext run, CohortEntry slide, FeatureInput input, string key, StageLedger ledger, CancellationToken cancellation)
    {
        List<(FeaturePath Path, FeatureFile File)> files = [];
        try
        {
            foreach (FeaturePath path in input.Files)
            {
                files.Add((path, Open(path)));
            }

            IReadOnlyDictionary<string, MatchedFeatures> matched = new StreamMatcher(run.Pipeline, run.Features!.Rules).Match(slide.Id.Value, files);
            List<string> notes = [];
            IEnumerable<string> made = matched.Values.Select(m => m.File.Claims.SlideFingerprint).OfType<string>();
            using SlideAtHand? atHand = SlideAtHand.TryOpen(run, slide, input.SlidePath, made, notes);
            PredictStage stage = new(run, slide, matched, atHand, notes);
            SlidePrediction prediction = run.Stage("predict", slide.Id, null, () => stage.Predict(cancellation));
            return run.Stage("report", slide.Id, null, () => stage.Write(prediction, key, ledger, cancellation), bytes: _ => ledger.Bytes(StageKeys.ResultStage));
        }
        catch (Hdf5Exception damaged)
        {
            // Found while rows were read. The message names absolute paths, which results must not.
            throw new FeatureFileException(
                slide.FullPath, FeatureFileFailure.FeaturesDamaged,
                $"{Shown(damaged.Message, input)}; the file is damaged: make it again");
        }
        finally
        {
            files.ForEach(f => f.File.Dispose());
        }
    }

    private static FeatureFile Open(FeaturePath path)
    {
        try
        {
            return FeatureFile.Open(path.Full);
        }
        catch (FeatureFileException unusable)
        {
            throw new FeatureFileException(path.Full, unusable.Reason, unusable.Message.Replace(path.Full, path.Shown, StringComparison.Ordinal));
        }
        catch (Hdf5Exception damaged)
        {
            bool isHdf5 = !damaged.Message.Contains("file signature not found", StringComparison.Ordinal);
            throw new FeatureFileException(
                path.Full,
                isHdf5 ? FeatureFileFailure.FeaturesDamaged : FeatureFileFailure.NotFeatures,
                isHdf5 ? damaged.Message.Replace(path.Full, path.Shown, StringComparison.Ordinal) + "; make the file again" : $"{path.Shown}: is no HDF5 file, whatever its name says");
        }
        catch (FileNotFoundException)
        {
            throw new FeatureFileException(path.Full, FeatureFileFailure.FeaturesMissing, $"{path.Shown}: disappeared; run the same command again");
        }
        catch (OverflowException)
        {
            throw new FeatureFileException(path.Full, FeatureFileFailure.TooLarge, $"{path.Shown}: names a size that no file has");
        }
    }

    private static string Shown(string message, FeatureInput input) =>
        input.Files.Aggregate(message, (text, file) => text.Replace(file.Full, file.Shown, StringComparison.Ordinal));

    /// <summary>The manifest, then what the features were made with, then the slide, then the option.</summary>
    private MicronsPerPixel? ResolveMpp()
    {
        MicronsPerPixel? claimed = _matched.Values.Select(m => m.File.Claims.SlideMicronsPerPixel).FirstOrDefault(mpp => mpp is not null);
        return _slide.MicronsPerPixel is double given ? new MicronsPerPixel(given, given, MicronsPerPixelSource.Manifest)
            : claimed ?? _atHand?.Source.MicronsPerPixel
            ?? (_run.Options.DefaultMicronsPerPixel is double option ? new MicronsPerPixel(option, option, MicronsPerPixelSource.DefaultOption) : null);
    }

    private SlidePrediction Predict(CancellationToken cancellation)
    {
        // Scores of several models meet at the tiles' centres.
        bool meet = _placed.Count > 1 || _run.Pipeline.Packages.Count(p => p.Kind == ModelKind.TileClassifier) > 1;
        if (meet && _placed.FirstOrDefault(p => !p.Value.IsPlaced && p.Value.Count > 0) is { Key: { } stream })
        {
            throw new FeatureFileException(
                _matched[stream].Path.Full, FeatureFileFailure.PositionsUnknown,
                $"'{_matched[stream].Path.Shown}' does not say where its tiles lie on the slide, where the scores of several models are put together; give --tile-level0 or --default-mpp, or name one model at a time.");
        }

        CaseOmics omics = _run.Omics?.Find(_slide.OmicsId) ?? CaseOmics.NotGiven;
        return _run.Predictor.Predict(
            _placed.ToDictionary(b => b.Key, b => (IFeatureBag)b.Value, StringComparer.Ordinal), new CaseContext(_slide.CaseId, _slide.Covariates, omics), cancellation);
    }

    private SlideSummary Write(SlidePrediction prediction, string key, StageLedger ledger, CancellationToken cancellation)
    {
        ResultStage.Empty(_folder.Heatmaps);
        ResultStage.Empty(_folder.TopTiles);
        List<MapEvidence> evidence = [.. prediction.Maps.Select(Evidence)];
        List<string> written = [];
        PictureSources sources = Sources(written, cancellation);
        SlideSummary summary = Summarise(prediction, evidence);
        TileMap[] placed = [.. prediction.Maps.Where(map => _placed[map.Stream].IsPlaced)];
        written.AddRange(new SlidePictures(_run, _slide.Id, sources, _folder).Write(
            summary, placed, _placed.ToDictionary(b => b.Key, b => (IFeatureBag)b.Value, StringComparer.Ordinal), evidence, cancellation));
        written.AddRange(prediction.Maps.Except(placed).Select(WriteScores));
        if (_run.Options.Write.HasFlag(ExtraFormats.WsInfer))
        {
            written.AddRange(prediction.TileScores.Where(t => _placed[t.Stream].IsPlaced).Select(tiles => ExtraFiles.WriteWsinfer(_folder, tiles, _placed[tiles.Stream])));
        }

        written.Add(ResultStage.Save(_folder.Predictions, stream => ResultJson.Write(stream, summary)));
        ledger.MarkDone(StageKeys.ResultStage, key, written);
        return summary;
    }

    /// <summary>A tile that nobody can place is no evidence that could be looked at; how scores spread is.</summary>
    private MapEvidence Evidence(TileMap map)
    {
        PlacedFeatures bag = _placed[map.Stream];
        return MapEvidence.From(map, bag, count: bag.IsPlaced ? _run.Options.TopTiles : 0);
    }

    private string WriteScores(TileMap map)
    {
        FeatureFile file = _matched[map.Stream].File;
        return ResultStage.Save(Path.Combine(_folder.Heatmaps, map.Name + ".csv"), stream =>
        {
            switch (file.Claims.Unit)
            {
                case CoordinateUnit.Level0Pixels:
                    TileScoreTable.WriteCorners(stream, map, file.Coordinates);
                    break;
                case CoordinateUnit.Microns:
                    TileScoreTable.WriteMicrons(stream, map, file.Microns);
                    break;
                default:
                    TileScoreTable.WriteRows(stream, map);
                    break;
            }
        });
    }

    private PictureSources Sources(List<string> written, CancellationToken cancellation)
    {
        (string, double, double)? thumbnail = null;
        if (_atHand is { } slide && _mpp is { } mpp)
        {
            (double x, double y) = PlanStage.WriteThumbnail(_folder.Thumbnail, slide.Source, mpp, _run.Tissue.MicronsPerPixel, cancellation);
            thumbnail = (_folder.Thumbnail, x, y);
            written.Add(_folder.Thumbnail);
        }
        else if (_atHand is not null)
        {
            _notes.Add("the slide's microns per pixel are not known: no pictures of it");
        }

        return new PictureSources { Thumbnail = thumbnail, Plans = Plans(), Slide = thumbnail is null ? null : _atHand!.Entry };
    }

    private Dictionary<string, TilePlan> Plans()
    {
        Dictionary<string, TilePlan> plans = new(StringComparer.Ordinal);
        foreach ((string id, PlacedFeatures bag) in _placed.Where(p => p.Value.IsPlaced && _mpp is not null))
        {
            FeatureClaims claims = bag.File.Claims;
            TileView view = Stream(id).View;
            TileSpec spec = new() { MicronsPerPixel = view.MicronsPerPixel, SizePx = view.SizePx, OverlapPx = view.OverlapPx };
            if (_atHand is { } slide)
            {
                plans[id] = TilePlanner.Outline(slide.Source, _mpp!, spec);
            }
            else if (claims is { SlideWidth: long width, SlideHeight: long height })
            {
                // For the heatmap's TIFF, which needs the slide's size and scale alone.
                plans[id] = new TilePlan
                {
                    Spec = spec,
                    SlideWidth = width,
                    SlideHeight = height,
                    ReadLevel = new PyramidLevel(0, width, height, 1),
                    ReadWidthPx = bag.TileSizeLevel0.Width,
                    ReadHeightPx = bag.TileSizeLevel0.Height,
                    SizeLevel0Width = bag.TileSizeLevel0.Width,
                    SizeLevel0Height = bag.TileSizeLevel0.Height,
                    SlideMicronsPerPixel = _mpp!,
                    Tiles = [],
                };
            }
        }

        return plans;
    }

    private SlideSummary Summarise(SlidePrediction prediction, IReadOnlyList<MapEvidence> evidence)
    {
        FeatureClaims[] claims = [.. _matched.Values.Select(m => m.File.Claims)];
        PyramidLevel? level0 = _atHand?.Source.Levels[0];
        return new SlideSummary
        {
            SoftwareVersion = SoftwareVersion.Current,
            SlideId = _slide.Id.Value,
            CaseId = _slide.CaseId,
            Path = _slide.Path,
            Fingerprint = claims.Select(c => c.SlideFingerprint).FirstOrDefault(f => f is not null),
            State = SlideState.Done,
            Width = level0?.Width ?? claims.Select(c => c.SlideWidth).FirstOrDefault(w => w is not null),
            Height = level0?.Height ?? claims.Select(c => c.SlideHeight).FirstOrDefault(h => h is not null),
            Vendor = _atHand?.Source.Vendor,
            ObjectivePower = _atHand?.Source.ObjectivePower,
            MicronsPerPixel = _mpp,
            Streams = [.. _run.Pipeline.Streams.Select(s => new StreamSummary(s.Id, s.Package, s.View, _placed[s.Id].Count, _placed[s.Id].Count, 0, new Dictionary<string, int>(), 0))],
            FeatureFiles = [.. _run.Pipeline.Streams.Select(s => Use(s.Id, _matched[s.Id]))],
            Tasks = prediction.Tasks,
            Omics = prediction.Omics,
            Notes = [.. _notes, .. prediction.Notes],
            Evidence = evidence,
            Models = [.. _run.Pipeline.Packages.Select(p => ModelCard.From(p.Manifest, p.Sha256))],
        };
    }

    private static FeatureFileUse Use(string stream, MatchedFeatures features) => new(
        stream, features.Path.Shown, SlideFingerprint.Compute(features.Path.Full), features.File.Claims.Format, features.File.Claims.Encoder, features.File.Claims.Unit);

    private FeatureStream Stream(string id) => _run.Pipeline.Streams.Single(s => s.Id == id);
}
