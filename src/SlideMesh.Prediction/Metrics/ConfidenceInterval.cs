namespace SlideMesh.Prediction.Metrics;

/// <param name="Value">The metric on all cases.</param>
/// <param name="Low">Lower bound.</param>
/// <param name="High">Upper bound.</param>
public readonly record struct ConfidenceInterval(double Value, double Low, double High);
