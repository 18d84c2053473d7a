using SlideMesh.Inference.Engines;

namespace SlideMesh.Inference.Packages;

/// <summary>Compares one package's manifest with its graphs as an engine sees them, and with itself.</summary>
internal sealed class GraphRules(ModelPackage package)
{
    private const long Free = -1;

    private readonly ModelManifest _manifest = package.Manifest;

    public void Check(IInferenceEngine engine)
    {
        foreach ((string role, GraphSpec spec) in _manifest.Graphs.OrderBy(g => g.Key, StringComparer.Ordinal))
        {
            CheckDeclared(role, spec, engine);
        }

        switch (_manifest.Kind)
        {
            case ModelKind.Encoder:
                CheckPixels();
                RequireShape(GraphRole.Tile, Only(GraphRole.Tile, "output", Outputs(GraphRole.Tile)), [Free, null]);
                break;
            case ModelKind.TileClassifier:
                CheckTileClassifier();
                break;
            case ModelKind.SlideHead when _manifest.Graphs.ContainsKey(GraphRole.Whole):
                CheckFeatures(GraphRole.Whole);
                CheckCovariates(GraphRole.Whole);
                CheckOmics(GraphRole.Whole);
                if (Find(Outputs(GraphRole.Whole), GraphRole.AttentionTensor) is { } attention)
                {
                    RequireShape(GraphRole.Whole, attention, [Free, null]);
                }

                break;
            case ModelKind.SlideHead:
                CheckStreamedHead();
                break;
            default:
                break;
        }

        CheckOutputs();
    }

    /// <summary>Width D of the rows that the tile graph makes: features of an encoder, scores of a tile classifier.</summary>
    public int TileWidth()
    {
        TensorSpec rows = _manifest.TileOutput is { } tiles
            ? Get(GraphRole.Tile, "output", Outputs(GraphRole.Tile), tiles.Tensor)
            : Outputs(GraphRole.Tile)[0];
        return checked((int)rows.Shape[1]);
    }

    /// <summary>Numbers that a fusion head takes from <paramref name="tensor"/> of this package.</summary>
    public int SourceWidth(ModelPackage fusion, string tensor)
    {
        if (tensor == GraphRole.PooledTensor && _manifest.Graphs.ContainsKey(GraphRole.Bag))
        {
            return Elements(Get(GraphRole.Bag, "input", Inputs(GraphRole.Bag), tensor));
        }

        if (tensor == GraphRole.Summary && _manifest.TileOutput is { } tiles)
        {
            return GraphRole.SummaryPerClass * tiles.Labels.Count;
        }

        TensorSpec? output = package.LastRole == GraphRole.Tile ? null : Find(Outputs(package.LastRole), tensor);
        return output is not null && output.Shape.All(extent => extent > 0)
            ? Elements(output)
            : throw new ModelPackageException(
                fusion.Folder, $"package '{fusion.Name}', fusion.slideSources: package '{package.Name}' offers no tensor '{tensor}' of fixed size; correct the name.");
    }

    public TensorSpec Input(string role, string name) => Get(role, "input", Inputs(role), name);

    /// <summary>Edge of the square that the tile graph takes, null when it takes any.</summary>
    public int? FixedEdge() => Inputs(GraphRole.Tile)[0].Shape[2] is > 0 and long edge ? (int)edge : null;

    public void RequireShape(string role, TensorSpec tensor, long?[] wanted)
    {
        bool fits = tensor.Shape.Count == wanted.Length && tensor.Shape.Zip(wanted).All(pair => pair.Second is null ? pair.First > 0 : pair.First == pair.Second);
        if (!fits)
        {
            string shape = string.Join(", ", wanted.Select(w => w is null ? "a fixed width" : Show(w.Value)));
            throw Fail(role, $"tensor '{tensor.Name}' is {Show(tensor.Shape)}; [{shape}] is needed.");
        }
    }

    private void CheckDeclared(string role, GraphSpec spec, IInferenceEngine engine)
    {
        using IInferenceSession session = Load(role, engine);
        foreach (TensorInfo input in session.Inputs.Where(i => Find(spec.Inputs, i.Name) is null))
        {
            throw Fail(role, $"the graph takes a tensor '{input.Name}' that model.json does not name; add it to the graph's inputs.");
        }

        foreach (TensorSpec tensor in spec.Inputs)
        {
            CheckTensor(role, "input", tensor, session.Inputs);
        }

        foreach (TensorSpec tensor in spec.Outputs)
        {
            CheckTensor(role, "output", tensor, session.Outputs);
        }
    }

    private IInferenceSession Load(string role, IInferenceEngine engine)
    {
        try
        {
            return engine.Load(package, role, threads: 1);
        }
        catch (InferenceException e)
        {
            throw Fail(role, e.Message.ReplaceLineEndings(" "), e);
        }
    }

    private void CheckTensor(string role, string side, TensorSpec declared, IReadOnlyList<TensorInfo> actual)
    {
        TensorInfo tensor = actual.FirstOrDefault(t => t.Name == declared.Name)
            ?? throw Fail(role, $"has no {side} '{declared.Name}'; the graph's {side}s are {string.Join(", ", actual.Select(t => t.Name))}.");
        if (tensor.ElementType != "float")
        {
            throw Fail(role, $"{side} '{declared.Name}' is {tensor.ElementType}; float (float32) is needed.");
        }

        // Exporters leave the rank of some outputs open; ONNX Runtime reports those like scalars.
        bool unknown = side == "output" && tensor.Shape.Count == 0;
        bool fits = unknown || (tensor.Shape.Count == declared.Shape.Count
            && tensor.Shape.Zip(declared.Shape).All(pair => pair.First < 0 || pair.First == pair.Second));
        if (!fits)
        {
            throw Fail(role, $"{side} '{declared.Name}' is {Show(tensor.Shape)} in the graph, {Show(declared.Shape)} in model.json; they must agree (-1 is free).");
        }
    }

    private void CheckPixels()
    {
        TensorSpec pixels = Only(GraphRole.Tile, "input", Inputs(GraphRole.Tile));
        bool free = pixels.Shape.Count == 4 && pixels.Shape[2] == Free && pixels.Shape[3] == Free;
        long edge = free ? Free : _manifest.Tile!.SizePx;
        RequireShape(GraphRole.Tile, pixels, [Free, 3, edge, edge]);
    }

    private void CheckFeatures(string role)
    {
        IReadOnlyList<TensorSpec> inputs = [.. Inputs(role).Where(t => t.Name is not (GraphRole.CovariatesTensor or GraphRole.OmicsTensor))];
        RequireShape(role, Only(role, "input", inputs), [Free, _manifest.Encoder!.Dimension]);
    }

    private void CheckTileClassifier()
    {
        if (package.TakesPixels)
        {
            CheckPixels();
        }
        else
        {
            CheckFeatures(GraphRole.Tile);
        }

        TileOutput tiles = _manifest.TileOutput!;
        RequireShape(GraphRole.Tile, Get(GraphRole.Tile, "output", Outputs(GraphRole.Tile), tiles.Tensor), [Free, tiles.Labels.Count]);
        if (_manifest.Graphs.ContainsKey(GraphRole.Summary))
        {
            TensorSpec summary = Only(GraphRole.Summary, "input", Inputs(GraphRole.Summary));
            RequireShape(GraphRole.Summary, summary, [1, GraphRole.SummaryPerClass * tiles.Labels.Count]);
        }
    }

    private void CheckStreamedHead()
    {
        (long columns, long width) = _manifest.PoolsFeatures ? (1, _manifest.Encoder!.Dimension) : CheckInstance();
        RequireShape(GraphRole.Bag, Get(GraphRole.Bag, "input", Inputs(GraphRole.Bag), GraphRole.PooledTensor), [1, columns, width]);
        CheckCovariates(GraphRole.Bag);
        CheckOmics(GraphRole.Bag);
        if (Inputs(GraphRole.Bag).FirstOrDefault(t => t.Name is not (GraphRole.PooledTensor or GraphRole.CovariatesTensor or GraphRole.OmicsTensor)) is { } other)
        {
            throw Fail(GraphRole.Bag, $"takes '{other.Name}'; a bag graph takes '{GraphRole.PooledTensor}' and, with covariates or omics, '{GraphRole.CovariatesTensor}' and '{GraphRole.OmicsTensor}'.");
        }
    }

    /// <returns>Rows K and width H of what is pooled.</returns>
    private (long Columns, long Width) CheckInstance()
    {
        CheckFeatures(GraphRole.Instance);
        TensorSpec hidden = Get(GraphRole.Instance, "output", Outputs(GraphRole.Instance), GraphRole.HiddenTensor);
        RequireShape(GraphRole.Instance, hidden, [Free, null]);
        if (_manifest.Pooling is Pooling.Mean or Pooling.Sum or Pooling.Maximum)
        {
            return (1, hidden.Shape[1]);
        }

        TensorSpec attention = Get(GraphRole.Instance, "output", Outputs(GraphRole.Instance), GraphRole.AttentionTensor);
        RequireShape(GraphRole.Instance, attention, [Free, null]);
        return (attention.Shape[1], hidden.Shape[1]);
    }

    private void CheckCovariates(string role)
    {
        TensorSpec? covariates = Find(Inputs(role), GraphRole.CovariatesTensor);
        if ((covariates is not null) != (_manifest.Covariates.Count > 0))
        {
            throw Fail(role, $"model.json lists {_manifest.Covariates.Count} covariates and the graph {(covariates is null ? "takes none" : "takes some")}; they must agree.");
        }

        if (covariates is not null)
        {
            RequireShape(role, covariates, [1, _manifest.Covariates.Count]);
        }
    }

    private void CheckOmics(string role)
    {
        TensorSpec? omics = Find(Inputs(role), GraphRole.OmicsTensor);
        if ((omics is not null) != (_manifest.OmicsFeaturesFile is not null))
        {
            throw Fail(role, $"the graph {(omics is null ? "takes no" : "takes")} '{GraphRole.OmicsTensor}' and model.json names {_manifest.OmicsFeaturesFile ?? "no omicsFeaturesFile"}; they must agree.");
        }

        if (omics is not null)
        {
            RequireShape(role, omics, [1, OmicsFeatures.Count(package, _manifest.OmicsFeaturesFile!)]);
        }
    }

    private void CheckOutputs()
    {
        foreach (TaskOutput output in _manifest.Outputs)
        {
            TensorSpec tensor = Get(package.LastRole, "output", Outputs(package.LastRole), output.Tensor);
            int labels = output.Labels.Count;
            (long width, string rule) = output.Type switch
            {
                OutputType.Categorical => (labels, $"categorical with {labels} labels: {labels}"),
                OutputType.Ordinal => (labels - 1, $"ordinal with {labels} labels: {labels - 1}"),
                OutputType.Binary => (1L, "binary: 1"),
                OutputType.Hazards => (labels - 1, $"hazards with {labels} labels: {labels - 1}"),
                _ => (output.QuantityNames().Count, $"regression: {output.QuantityNames().Count}"),
            };
            if (tensor.Shape is not [1, var actual] || actual != width)
            {
                throw Fail(package.LastRole, $"output '{output.Tensor}' of task '{output.Task}' is {Show(tensor.Shape)}; [1, {width}] is needed ({rule}).");
            }

            foreach (int column in output.AttentionMaps.Select(m => m.Column).Concat(output.Attention is int main ? [main] : []))
            {
                string role = _manifest.Graphs.ContainsKey(GraphRole.Instance) ? GraphRole.Instance : package.LastRole;
                TensorSpec attention = Get(role, "output", Outputs(role), GraphRole.AttentionTensor);
                RequireShape(role, attention, [Free, null]);
                if (column >= attention.Shape[1])
                {
                    throw Fail(role, $"task '{output.Task}' reads column {column} of '{attention.Name}' {Show(attention.Shape)}; columns count from 0.");
                }
            }
        }
    }

    private IReadOnlyList<TensorSpec> Inputs(string role) => _manifest.Graphs[role].Inputs;

    private IReadOnlyList<TensorSpec> Outputs(string role) => _manifest.Graphs[role].Outputs;

    private TensorSpec Only(string role, string side, IReadOnlyList<TensorSpec> tensors) => tensors.Count == 1
        ? tensors[0]
        : throw Fail(role, $"has {tensors.Count} {side}s ({string.Join(", ", tensors.Select(t => t.Name))}); exactly one is needed here.");

    private TensorSpec Get(string role, string side, IReadOnlyList<TensorSpec> tensors, string name) =>
        Find(tensors, name) ?? throw Fail(role, $"needs an {side} '{name}'; model.json names {string.Join(", ", tensors.Select(t => t.Name))}.");

    private static TensorSpec? Find(IReadOnlyList<TensorSpec> tensors, string name) => tensors.FirstOrDefault(t => t.Name == name);

    private static int Elements(TensorSpec tensor) => checked((int)tensor.Shape.Aggregate(1L, (product, extent) => checked(product * extent)));

    private static string Show(IEnumerable<long> shape) => $"[{string.Join(", ", shape.Select(Show))}]";

    private static string Show(long extent) => extent < 0 ? "-1" : $"{extent}";

    private ModelPackageException Fail(string role, string message, Exception? inner = null) =>
        new(package.Folder, $"package '{package.Name}', graph '{role}': {message}", inner);
}
