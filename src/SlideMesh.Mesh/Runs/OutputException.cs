namespace SlideMesh.Mesh.Runs;

/// <summary>The output folder cannot be used; one line that says why and what to do.</summary>
public sealed class OutputException(string message, Exception? inner = null) : Exception(message, inner);
