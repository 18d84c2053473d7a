using System.Security.Cryptography;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using SlideMesh.Inference.Engines;
using SlideMesh.Inference.Packages;
using SlideMesh.Models.Graphs;

namespace SlideMesh.Models.Packaging;

/// <summary>
/// Writes a package into a folder beside its place, has it checked as any package is, and moves it there: what stands at the place is
/// whole. The same model gives the same bytes: no date, no path, no machine.
/// </summary>
internal sealed class PackageWriter : IDisposable
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>The one member that must be there though it is null: an encoder's hash, when any will do.</summary>
    private const string RequiredNull = "sha256";

    private readonly string _target;
    private readonly string _folder;
    private readonly List<string> _files = [];

    /// <param name="target">Where the package shall be: a folder that does not exist or is empty.</param>
    /// <exception cref="PackageOutputException">It holds something, or cannot be written.</exception>
    public PackageWriter(string target)
    {
        _target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(target));
        if (File.Exists(_target) || (Directory.Exists(_target) && Directory.EnumerateFileSystemEntries(_target).Any()))
        {
            throw new PackageOutputException($"{target}: exists already; remove it or give another --out.");
        }

        _folder = $"{_target}.{Environment.ProcessId}.tmp";
        try
        {
            Directory.CreateDirectory(_folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new PackageOutputException($"{target}: cannot be written: {e.Message}", e);
        }
    }

    /// <summary>Writes a graph and remembers its files.</summary>
    /// <returns>Its entry in the manifest.</returns>
    public GraphSpec Add(string role, OnnxGraph graph) => Written(() =>
    {
        string file = $"{role}.onnx";
        _files.AddRange(OnnxWriter.Save(graph, _folder, file));
        return new GraphSpec(file, graph.Inputs, graph.Outputs);
    });

    /// <summary>Copies a file of the user's under <paramref name="name"/>.</summary>
    public void AddCopy(string source, string name) => Written(() =>
    {
        // The contents alone: rights and times of the source are not the package's.
        using FileStream from = File.OpenRead(source);
        using FileStream to = new(Path.Combine(_folder, name), FileMode.CreateNew, FileAccess.Write);
        from.CopyTo(to);
        _files.Add(name);
        return 0;
    });

    /// <summary>Writes the manifest with the hashes of all files, checks the package and moves it to its place.</summary>
    /// <exception cref="ModelPackageException">The package contradicts itself: the architecture and the checkpoint do not fit.</exception>
    public ModelPackage Finish(ModelManifest manifest, IInferenceEngine engine)
    {
        Written(() =>
        {
            ModelManifest whole = manifest with { Files = [.. _files.Order(StringComparer.Ordinal).Select(Describe)] };
            JsonNode json = JsonSerializer.SerializeToNode(whole, Json)!;
            RemoveEmpty(json);
            File.WriteAllText(Path.Combine(_folder, ModelPackage.ManifestFileName), json.ToJsonString(Json) + "\n");
            return 0;
        });
        PackageCheck.Graphs(ModelPackage.Load(_folder), engine);
        Written(() =>
        {
            if (Directory.Exists(_target))
            {
                Directory.Delete(_target);
            }

            Directory.Move(_folder, _target);
            return 0;
        });
        return ModelPackage.Load(_target);
    }

    public void Dispose()
    {
        if (Directory.Exists(_folder))
        {
            Directory.Delete(_folder, recursive: true);
        }
    }

    private PackageFile Describe(string name)
    {
        using FileStream stream = File.OpenRead(Path.Combine(_folder, name));
        return new PackageFile(name, Convert.ToHexStringLower(SHA256.HashData(stream)), stream.Length);
    }

    /// <summary>Optional members that say nothing: null, an empty list or an empty text.</summary>
    private static void RemoveEmpty(JsonNode? node)
    {
        switch (node)
        {
            case JsonObject members:
                foreach ((string name, JsonNode? value) in members.ToArray())
                {
                    RemoveEmpty(value);
                    if (name != RequiredNull && (value is null or JsonArray { Count: 0 } || (value is JsonValue text && text.TryGetValue(out string? words) && words.Length == 0)))
                    {
                        members.Remove(name);
                    }
                }

                break;
            case JsonArray items:
                foreach (JsonNode? item in items)
                {
                    RemoveEmpty(item);
                }

                break;
        }
    }

    private T Written<T>(Func<T> write)
    {
        try
        {
            return write();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new PackageOutputException($"{_target}: cannot be written: {e.Message}", e);
        }
    }
}

/// <summary>A place where a package cannot be written; one line for the user.</summary>
public sealed class PackageOutputException(string message, Exception? inner = null) : Exception(message, inner);
