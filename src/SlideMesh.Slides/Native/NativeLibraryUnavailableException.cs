namespace SlideMesh.Slides.Native;

/// <summary>A native library is missing or too old. The message names the library, the version needed and how to install it.</summary>
public sealed class NativeLibraryUnavailableException(string message, Exception? inner = null) : Exception(message, inner);
