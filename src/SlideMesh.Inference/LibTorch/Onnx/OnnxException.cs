namespace SlideMesh.Inference.LibTorch.Onnx;

/// <summary>An ONNX file that is damaged, or holds what is not covered; the message is part of a sentence and names no path.</summary>
internal sealed class OnnxException(string message) : Exception(message);
