using System.Buffers;
using SlideMesh.Inference.Packages;

namespace SlideMesh.Inference.Engines;

/// <summary>
/// A loaded graph of one input that takes tiles as bytes: they are normalised, and resized where the graph wants another size, on its device.
/// Bytes cross the bus, not floats. Thread-safe; a call's copies run beside another call's computation where the device can.
/// </summary>
public interface ITileSession : IInferenceSession
{
    /// <summary>Runs at a time that keep the device busy; null where that is the number of threads.</summary>
    int? RunsAtOnce { get; }

    /// <summary>The largest batch worth trying.</summary>
    int LargestBatch { get; }

    /// <summary>Memory of the device: free, and in all; null where the process's own memory is meant.</summary>
    DeviceMemory? Memory { get; }

    /// <summary>Memory that the device reads without a detour. Disposed by the caller, after its last run.</summary>
    IMemoryOwner<byte> AllocatePixels(int bytes);

    /// <summary>Memory that the device writes without a detour. Disposed by the caller, after its last run.</summary>
    IMemoryOwner<float> AllocateRows(int floats);

    /// <exception cref="InferenceException">Wrong shapes, a device without memory, or a failure inside of the engine, with its own text.</exception>
    TileRunTimings RunTiles(in TileRun run);

    /// <summary>Gives memory that no run holds back to the device, so that a smaller run finds room.</summary>
    void Trim();

    /// <summary>Tries what may make runs of this shape faster, and keeps it where it did.</summary>
    /// <returns>What was chosen, with figures, for the log; null when there was nothing to choose.</returns>
    string? Tune(in TileRun run);
}

/// <param name="FreeBytes">Not in use by anyone.</param>
public readonly record struct DeviceMemory(long FreeBytes, long TotalBytes);

/// <summary>Seconds of one run; on a device measured there, so that those of several runs overlap.</summary>
public readonly record struct TileRunTimings(double CopyIn, double Compute, double CopyOut);

/// <summary>One run of tiles.</summary>
/// <param name="Rgb">[Rows, EdgePx, EdgePx, 3].</param>
/// <param name="Rows">Takes [Count, Dimension].</param>
/// <param name="Output">Name of the output tensor that is wanted.</param>
public readonly record struct TileRun(
    ReadOnlyMemory<byte> Rgb, Memory<float> Rows, int Count, int EdgePx, string Output, int Dimension, Normalisation Normalisation);
