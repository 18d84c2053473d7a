using SlideMesh.Models.Checkpoints;

namespace SlideMesh.Models.Architectures;

/// <summary>A network that the importer knows: what its state dict looks like and which graphs compute it. Stateless.</summary>
public interface IArchitecture
{
    /// <summary>As <c>--arch</c> takes it: lower case with hyphens, e.g. <c>clam-sb</c>.</summary>
    string Name { get; }

    /// <summary>One line: what it is and whose.</summary>
    string Description { get; }

    /// <summary>
    /// Whether the keys (and shapes) can be this architecture's and no other's. Takes nothing. An architecture whose keys look like
    /// another's answers false and is imported by <c>--arch</c> only.
    /// </summary>
    bool Recognises(StateDict weights);

    /// <summary>
    /// Builds the graphs. Takes every key it uses; sets aside by <see cref="StateDict.Ignore"/> what its table of known unused keys
    /// names with a reason. The caller calls <see cref="StateDict.Finish"/>.
    /// </summary>
    /// <exception cref="CheckpointException">A key has the wrong shape, or a choice is missing that the keys do not tell.</exception>
    ModelDesign Build(StateDict weights, ImportOptions options);
}
