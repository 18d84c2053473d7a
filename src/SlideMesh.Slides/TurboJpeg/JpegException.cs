namespace SlideMesh.Slides.TurboJpeg;

/// <summary>libjpeg-turbo refused; the message carries its own text.</summary>
public sealed class JpegException(string message) : Exception(message);
