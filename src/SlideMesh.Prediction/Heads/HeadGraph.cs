using System.Globalization;
using SlideMesh.Inference.Engines;
using SlideMesh.Inference.Packages;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace SlideMesh.Prediction.Heads;

/// <summary>One loaded graph of a head: shapes its inputs, and lets nothing out that is not finite. Owns the session.</summary>
internal sealed class HeadGraph : IDisposable
{
    private readonly IInferenceSession _session;
    private readonly string[] _outputNames;

    public HeadGraph(string model, string role, GraphSpec spec, IInferenceSession session)
    {
        Model = model;
        Role = role;
        Spec = spec;
        _session = session;
        _outputNames = [.. spec.Outputs.Select(o => o.Name)];
    }

    public string Model { get; }

    public string Role { get; }

    public GraphSpec Spec { get; }

    /// <summary>The input that is neither the covariates nor the omics.</summary>
    public TensorSpec MainInput => Spec.Inputs.FirstOrDefault(i => i.Name is not (GraphRole.CovariatesTensor or GraphRole.OmicsTensor))
        ?? throw Contract($"the graph '{Role}' has no input besides the covariates and the omics");

    /// <summary>Runs the graph on inputs by name; a free dimension takes what their length leaves for it.</summary>
    /// <returns>Every output that model.json lists, all values finite.</returns>
    public IReadOnlyDictionary<string, Tensor> Run(params ReadOnlySpan<(string Name, ReadOnlyMemory<float> Data)> inputs)
    {
        var views = new List<TensorView>(inputs.Length);
        foreach ((string name, ReadOnlyMemory<float> data) in inputs)
        {
            views.Add(new TensorView(name, data, ShapeFor(name, data.Length)));
        }

        return ByName(RunSession(views));
    }

    /// <summary>
    /// <see cref="Run"/> on one input, into <paramref name="kept"/>: outputs of an earlier run on as many rows, or null. Fresh arrays for each block
    /// of a bag are memory that the system has to find and clear, and a copy.
    /// </summary>
    public IReadOnlyDictionary<string, Tensor> RunInto(string name, ReadOnlyMemory<float> data, IReadOnlyDictionary<string, Tensor>? kept)
    {
        if (kept is null)
        {
            return Run((name, data));
        }

        try
        {
            _session.RunInto(
                [new TensorView(name, data, ShapeFor(name, data.Length))],
                [.. _outputNames.Select(output => new TensorBuffer(output, kept[output].Data, kept[output].Shape))]);
        }
        catch (InferenceException e)
        {
            throw Failed(e);
        }

        return ByName(kept.Values);
    }

    private Dictionary<string, Tensor> ByName(IEnumerable<Tensor> outputs)
    {
        var byName = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        foreach (Tensor output in outputs)
        {
            int at = output.Data.AsSpan().IndexOfNonFinite();
            if (at >= 0)
            {
                throw new PredictionException(
                    PredictionFailureReason.NonFiniteOutput, Model,
                    string.Create(CultureInfo.InvariantCulture,
                        $"{Model}: output '{output.Name}' of the graph '{Role}' is {output.Data[at]} at position {at} although all inputs are finite; the model is damaged or its inputs lie far outside of what it was trained on."));
            }

            byName[output.Name] = output;
        }

        return byName;
    }

    /// <summary>Runs a head's last graph on its main input and, when the graph takes them, the covariates and the omics.</summary>
    public IReadOnlyDictionary<string, Tensor> RunLast(ReadOnlyMemory<float> main, CaseFacts facts)
    {
        var inputs = new List<(string, ReadOnlyMemory<float>)> { (MainInput.Name, main) };
        if (Spec.Inputs.Any(i => i.Name == GraphRole.CovariatesTensor))
        {
            inputs.Add((GraphRole.CovariatesTensor, facts.Covariates));
        }

        if (Spec.Inputs.Any(i => i.Name == GraphRole.OmicsTensor))
        {
            inputs.Add((GraphRole.OmicsTensor, facts.Omics));
        }

        return Run([.. inputs]);
    }

    public PredictionException Contract(string what) => new(
        PredictionFailureReason.PackageContract, Model, $"{Model}: {what}; the package does not match its model.json.");

    public void Dispose() => _session.Dispose();

    private IReadOnlyList<Tensor> RunSession(List<TensorView> views)
    {
        try
        {
            return _session.Run(views, _outputNames);
        }
        catch (InferenceException e)
        {
            throw Failed(e);
        }
    }

    private InferenceException Failed(InferenceException e) => new($"{Model}: the graph '{Role}' failed: {e.Message}", e);

    private long[] ShapeFor(string name, int length)
    {
        TensorSpec spec = Spec.Inputs.FirstOrDefault(i => i.Name == name)
            ?? throw Contract($"the graph '{Role}' has no input '{name}'");
        long[] shape = [.. spec.Shape];

        // Where several dimensions are free, rows are the last one, as in [1, N, D] written as [-1, -1, D].
        int free = Array.FindLastIndex(shape, d => d < 0);
        long product = 1;
        for (int i = 0; i < shape.Length; i++)
        {
            shape[i] = shape[i] < 0 ? 1 : shape[i];
            product *= shape[i];
        }

        if (free >= 0 && product > 0)
        {
            shape[free] = length / product;
            product *= shape[free];
        }

        return product == length
            ? shape
            : throw Contract($"input '{name}' of the graph '{Role}' is [{string.Join(", ", spec.Shape)}] but is given {length} numbers");
    }
}

file static class Finite
{
    public static int IndexOfNonFinite(this Span<float> values)
    {
        if (TensorPrimitives.IsFiniteAll<float>(values))
        {
            return -1;
        }

        for (int i = 0; i < values.Length; i++)
        {
            if (!float.IsFinite(values[i]))
            {
                return i;
            }
        }

        return -1;
    }
}
