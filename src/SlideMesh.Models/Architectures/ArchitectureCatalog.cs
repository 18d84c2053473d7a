using SlideMesh.Models.Architectures.Encoders;
using SlideMesh.Models.Architectures.Heads;
using SlideMesh.Models.Checkpoints;

namespace SlideMesh.Models.Architectures;

/// <summary>Every architecture that can be imported.</summary>
public static class ArchitectureCatalog
{
    public static IReadOnlyList<IArchitecture> All { get; } = [.. HeadCatalog.All, .. EncoderCatalog.All];

    public static IArchitecture? Find(string name) => All.FirstOrDefault(a => a.Name == name);

    /// <summary>The one architecture whose keys these are.</summary>
    /// <exception cref="CheckpointException">None, or several; the message says which and what to do.</exception>
    public static IArchitecture Recognise(StateDict weights)
    {
        ArgumentNullException.ThrowIfNull(weights);
        IArchitecture[] candidates = [.. All.Where(a => a.Recognises(weights))];
        return candidates switch
        {
            [var one] => one,
            [] => throw weights.Fail(
                $"holds keys of no architecture that is known ({string.Join(", ", weights.Keys.Take(4))} …); give --arch, one of {string.Join(", ", All.Select(a => a.Name))}."),
            _ => throw weights.Fail($"may be {string.Join(" or ", candidates.Select(a => a.Name))}; say which with --arch."),
        };
    }
}
