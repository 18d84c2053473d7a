namespace SlideMesh.Reporting.Features.Hdf5;

/// <summary>A failed HDF5 call; the message names the file and holds the text of the library's own error stack.</summary>
public sealed class Hdf5Exception(string message, Exception? inner = null) : Exception(message, inner);
