using SlideMesh.Models.Checkpoints.Pickle;

namespace SlideMesh.Models.Checkpoints;

/// <summary>Finds the state dict in what a checkpoint holds, and cleans its keys.</summary>
internal static class StateDictFinder
{
    private const int MostWrappers = 4;

    /// <summary>
    /// Tensors by name. Wrapping dicts are opened; segments <c>module</c>, which data-parallel training puts anywhere into a key, are
    /// taken out (<c>attention_net.module.0.weight</c> → <c>attention_net.0.weight</c>).
    /// </summary>
    public static IReadOnlyDictionary<string, CheckpointTensor> Find(CheckpointFile file, object? root, string? key)
    {
        Dictionary<string, CheckpointTensor> tensors = new(StringComparer.Ordinal);
        foreach ((string name, CheckpointTensor tensor) in Flat(file, Unwrap(file, root, key)))
        {
            string clean = string.Join('.', name.Split('.').Where(part => part != "module"));
            if (!tensors.TryAdd(clean, tensor.Named(clean)))
            {
                throw file.Fail($"has two tensors that are both '{clean}' without 'module.'; it holds two models: save one alone.");
            }
        }

        return tensors.Count > 0 ? tensors : throw file.Fail("holds no named tensor; give the state dict of a model (torch.save(model.state_dict(), file)).");
    }

    private static object Unwrap(CheckpointFile file, object? root, string? key)
    {
        object? value = root;
        if (key is not null)
        {
            value = root is PickleDict named && named.TryGet(key, out object? below)
                ? below
                : throw file.Fail($"has no key '{key}'; it has {(root is PickleDict d ? List(d.Keys) : "no keys at all")}.");
        }

        for (int i = 0; i < MostWrappers && value is PickleDict dict && !HoldsTensors(dict); i++)
        {
            string? wrapper = CheckpointReader.WrapperKeys.FirstOrDefault(k => dict.TryGet(k, out object? v) && v is PickleDict or PickleModule);
            if (wrapper is null)
            {
                throw file.Fail($"has no state dict under {string.Join(", ", CheckpointReader.WrapperKeys)}; its keys are {List(dict.Keys)}: say which one with --key.");
            }

            value = dict[wrapper];
        }

        return value is PickleDict or PickleModule
            ? value
            : throw file.Fail("holds no state dict but something else; save torch.save(model.state_dict(), file).");
    }

    private static bool HoldsTensors(PickleDict dict) => dict.Keys.Any(k => dict[k] is CheckpointTensor);

    private static IEnumerable<(string Name, CheckpointTensor Tensor)> Flat(CheckpointFile file, object dict) => dict switch
    {
        PickleModule module => Modules("", module),
        PickleDict state => state.Keys.Select(k => state[k] is CheckpointTensor tensor
            ? (k, tensor)
            : throw file.Fail($"has beside its tensors an entry '{k}' that is none; save the state dict alone: torch.save(model.state_dict(), file).")),
        _ => throw new ArgumentException("No state dict.", nameof(dict)),
    };

    /// <summary>A scripted module's own tensors and those of the modules below; its plain attributes are constants of the code.</summary>
    private static IEnumerable<(string Name, CheckpointTensor Tensor)> Modules(string prefix, PickleModule module)
    {
        foreach (string name in module.Attributes.Keys)
        {
            object? value = module.Attributes[name];
            if (value is CheckpointTensor tensor)
            {
                yield return (prefix + name, tensor);
            }
            else if (value is PickleModule below)
            {
                foreach ((string, CheckpointTensor) inner in Modules($"{prefix}{name}.", below))
                {
                    yield return inner;
                }
            }
        }
    }

    private static string List(IReadOnlyList<string> keys) => string.Join(", ", keys.Take(12)) + (keys.Count > 12 ? ", …" : "");
}
