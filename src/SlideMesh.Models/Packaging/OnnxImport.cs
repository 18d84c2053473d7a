using SlideMesh.Inference.Engines;
using SlideMesh.Inference.Packages;
using SlideMesh.Models.Architectures;
using SlideMesh.Models.Architectures.Heads;
using SlideMesh.Models.Checkpoints;

namespace SlideMesh.Models.Packaging;

/// <summary>
/// An ONNX file as it is. What it takes decides what it is: pixels make an encoder, or with classes a tile classifier; features make a
/// head that sees the whole bag. It is run once, so that its outputs are what they seem.
/// </summary>
internal static class OnnxImport
{
    private const long Free = -1;

    public static ImportResult Import(ImportRequest request, IInferenceEngine engine)
    {
        if (request.Architecture is { } architecture)
        {
            throw new ImportOptionException($"--arch {architecture}: an ONNX file says itself what it computes; leave --arch out.");
        }

        if (!File.Exists(request.Source))
        {
            throw new CheckpointException(request.Source, "is not there; give an ONNX file.");
        }

        using IInferenceSession session = Load(request.Source, engine);
        TensorInfo[] features = [.. session.Inputs.Where(i => i.Name is not (GraphRole.CovariatesTensor or GraphRole.OmicsTensor))];
        foreach (TensorInfo tensor in session.Inputs.Concat(session.Outputs).Where(t => t.ElementType != "float"))
        {
            throw Fail(request, $"tensor '{tensor.Name}' is {tensor.ElementType}; float32 is needed: export the model in float32.");
        }

        if (features is not [var input] || session.Inputs.Any(i => i.Name == GraphRole.CovariatesTensor))
        {
            throw Fail(request, $"takes {string.Join(", ", session.Inputs.Select(Show))}; one input of pixels [N, 3, s, s] or of features [N, D] is needed (and '{GraphRole.OmicsTensor}' for heads with omics).");
        }

        (string role, ModelDesign design, GraphSpec graph) = input.Shape.Count switch
        {
            4 => Pixels(request, session, input),
            2 => Head(request, session, input),
            _ => throw Fail(request, $"takes {Show(input)}; pixels [N, 3, s, s] or features [N, D] are needed."),
        };
        if (request.Options.UnusedSettings.FirstOrDefault() is { } unused)
        {
            throw new ImportOptionException($"--set {unused}: an ONNX file has no such choice.");
        }

        using PackageWriter writer = new(request.Target);
        string file = $"{role}.onnx";
        writer.AddCopy(request.Source, file);
        foreach (string data in PackageCheck.DataFiles(request.Source))
        {
            if (data != Path.GetFileName(data) || !File.Exists(Path.Combine(Path.GetDirectoryName(Path.GetFullPath(request.Source))!, data)))
            {
                throw Fail(request, $"keeps weights in '{data}', which must be a file beside it.");
            }

            writer.AddCopy(Path.Combine(Path.GetDirectoryName(Path.GetFullPath(request.Source))!, data), data);
        }

        List<string> notes = [.. design.Notes];
        ModelManifest manifest = ModelImporter.Manifest(request, design, new Dictionary<string, GraphSpec> { [role] = graph with { File = file } }, notes);
        if (manifest.OmicsFeaturesFile is { } omics)
        {
            writer.AddCopy(request.OmicsFeatures!, omics);
        }

        return new ImportResult(writer.Finish(manifest, engine), "onnx", notes);
    }

    private static (string Role, ModelDesign Design, GraphSpec Graph) Pixels(ImportRequest request, IInferenceSession session, TensorInfo input)
    {
        if (input.Shape[0] >= 0 || input.Shape[1] != 3)
        {
            throw Fail(request, $"takes {Show(input)}; [N, 3, s, s] with a free N is needed: export it with a dynamic batch axis.");
        }

        long? fixedEdge = input.Shape[2] > 0 && input.Shape[2] == input.Shape[3] ? input.Shape[2] : null;
        int edge = (int)(fixedEdge ?? request.Options.TileSizePx ?? throw new ImportOptionException("this model takes tiles of any size; say which it shall see (--tile-size)."));
        if (request.Options.TileSizePx is { } wanted && wanted != edge)
        {
            throw new ImportOptionException($"--tile-size {wanted}: this model takes {edge} px.");
        }

        if (session.Outputs is not [var output])
        {
            throw Fail(request, $"gives {string.Join(", ", session.Outputs.Select(Show))}; one output of features or scores is needed.");
        }

        Tensor rows = Run(request, session, [new TensorView(input.Name, ProbeInput.Numbers(2L * 3 * edge * edge), [2, 3, edge, edge])], output.Name);
        if (rows.Shape is not [2, var width])
        {
            throw Fail(request, $"gives [{string.Join(", ", rows.Shape)}] for two tiles; [2, D] is needed: pool its output.");
        }

        long spatial = fixedEdge ?? Free;
        GraphSpec graph = new("", [new TensorSpec(input.Name, [Free, 3, spatial, spatial])], [new TensorSpec(output.Name, [Free, width])]);
        ModelDesign design = new()
        {
            Kind = ModelKind.Encoder,
            Graphs = new Dictionary<string, Graphs.OnnxGraph>(),
            Tile = new TileView(edge, request.Options.MicronsPerPixel ?? throw new ImportOptionException("say at how many microns per pixel this model sees tiles (--mpp).")),
            Normalisation = ImageNet,
            Description = $"ONNX model, {width} outputs a tile",
            Notes = request.Mean.Count > 0 ? [] : ["normalisation: ImageNet's mean and standard deviation were taken; say --mean and --std when the model was trained with others"],
        };
        if (request.Options.Classes.Count == 0)
        {
            return (GraphRole.Tile, design, graph);
        }

        RequireProbabilities(request, rows, (int)width);
        return (GraphRole.Tile, design with
        {
            Kind = ModelKind.TileClassifier,
            TileOutput = new TileOutput(Task(request), output.Name, HeadAnswers.Labels(request.Options.Classes, (int)width), "probability"),
        }, graph);
    }

    private static (string Role, ModelDesign Design, GraphSpec Graph) Head(ImportRequest request, IInferenceSession session, TensorInfo input)
    {
        if (input.Shape[0] >= 0 || input.Shape[1] < 1)
        {
            throw Fail(request, $"takes {Show(input)}; [N, D] with a free N and a fixed D is needed: export it with a dynamic bag axis.");
        }

        long width = input.Shape[1];
        TensorInfo? omics = session.Inputs.FirstOrDefault(i => i.Name == GraphRole.OmicsTensor);
        if (omics is not null && omics.Shape is not [1, > 0])
        {
            throw Fail(request, $"takes {Show(omics)}; [1, G] is needed.");
        }

        List<TensorView> inputs = [new TensorView(input.Name, ProbeInput.Numbers(3 * width), [3, width])];
        if (omics is not null)
        {
            inputs.Add(new TensorView(omics.Name, ProbeInput.Numbers(omics.Shape[1]), [.. omics.Shape]));
        }

        List<TensorSpec> outputs = [];
        foreach (TensorInfo output in session.Outputs)
        {
            long[] shape = Run(request, session, inputs, output.Name).Shape;
            bool fits = output.Name == GraphRole.AttentionTensor ? shape is [3, > 0] : shape is [1, > 0];
            outputs.Add(fits
                ? new TensorSpec(output.Name, output.Name == GraphRole.AttentionTensor ? [Free, shape[1]] : shape)
                : throw Fail(request, $"output '{output.Name}' is [{string.Join(", ", shape)}] for a bag of three tiles; [1, L] is needed, or [N, K] for one called '{GraphRole.AttentionTensor}'."));
        }

        TensorSpec[] answers = [.. outputs.Where(o => o.Name != GraphRole.AttentionTensor)];
        if (answers is not [var answer])
        {
            throw Fail(request, $"has {answers.Length} outputs besides '{GraphRole.AttentionTensor}' ({string.Join(", ", answers.Select(a => a.Name))}); one is needed: export one task at a time.");
        }

        bool attends = outputs.Any(o => o.Name == GraphRole.AttentionTensor);
        List<TensorSpec> takes = [new TensorSpec(input.Name, [Free, width])];
        takes.AddRange(omics is null ? [] : [new TensorSpec(omics.Name, omics.Shape)]);
        _ = Task(request);
        return (GraphRole.Whole, new ModelDesign
        {
            Kind = ModelKind.SlideHead,
            Graphs = new Dictionary<string, Graphs.OnnxGraph>(),
            FeatureDimension = (int)width,
            OmicsFeatures = omics is null ? 0 : (int)omics.Shape[1],
            Outputs = [HeadAnswers.Classes(request.Options, answer.Shape[1], attends ? 0 : null, tensor: answer.Name)],
            Description = $"ONNX head, {width} features, {answer.Shape[1]} logits",
            Notes = ["outputs are taken for logits: a softmax (one output: a sigmoid) follows"],
        }, new GraphSpec("", takes, outputs));
    }

    private static Normalisation ImageNet => new([0.485f, 0.456f, 0.406f], [0.229f, 0.224f, 0.225f]);

    private static void RequireProbabilities(ImportRequest request, Tensor rows, int width)
    {
        bool within = rows.Data.All(v => v is >= 0 and <= 1);
        bool sums = width == 1 || Enumerable.Range(0, 2).All(r => Math.Abs(rows.Data.Skip(r * width).Take(width).Sum() - 1) < 1e-3);
        if (!within || !sums)
        {
            throw Fail(request, "gives scores that are no probabilities; export the model with its softmax or sigmoid.");
        }
    }

    private static string Task(ImportRequest request) =>
        request.Options.Task ?? throw new ImportOptionException("say which task this model answers (--task NAME).");

    private static IInferenceSession Load(string path, IInferenceEngine engine)
    {
        try
        {
            return engine.Load(path, threads: 1);
        }
        catch (InferenceException e)
        {
            throw new CheckpointException(path, $"is no ONNX model that can be loaded: {e.Message.ReplaceLineEndings(" ")}", e);
        }
    }

    private static Tensor Run(ImportRequest request, IInferenceSession session, IReadOnlyList<TensorView> inputs, string output)
    {
        try
        {
            return session.Run(inputs, [output])[0];
        }
        catch (InferenceException e)
        {
            throw Fail(request, $"fails on a trial input: {e.Message.ReplaceLineEndings(" ")}");
        }
    }

    private static string Show(TensorInfo tensor) => $"{tensor.Name} [{string.Join(", ", tensor.Shape.Select(d => d < 0 ? "N" : $"{d}"))}]";

    private static CheckpointException Fail(ImportRequest request, string message) => new(request.Source, message);
}
