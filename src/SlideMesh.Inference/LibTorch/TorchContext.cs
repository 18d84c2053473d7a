using SlideMesh.Inference.Engines;

namespace SlideMesh.Inference.LibTorch;

/// <summary>A device with a precision, and what is made on it. Thread-safe; sessions may outlive it.</summary>
internal sealed class TorchContext : IDisposable
{
    private readonly TorchContextHandle _handle;

    /// <exception cref="InferenceException">There is no such device, or it does not compute in this precision.</exception>
    public TorchContext(TorchDevice device, Precision precision)
    {
        Device = device;
        Precision = precision;
        TorchApi.Check(TorchApi.smt_context_open(device.Kind, device.Index, (int)precision, out _handle, out TorchError error), error);
    }

    public TorchDevice Device { get; }

    public Precision Precision { get; }

    public TorchContextHandle Handle => _handle;

    /// <summary>Native objects of this context that live.</summary>
    public long Handles => TorchApi.smt_context_handles(_handle);

    public DeviceMemory? Memory
    {
        get
        {
            if (!Device.IsCuda)
            {
                return null;
            }

            TorchApi.Check(TorchApi.smt_get_device(Device.Kind, Device.Index, out TorchDeviceInfo info, out TorchError error), error);
            return info.TotalBytes > 0 ? new DeviceMemory(info.FreeBytes, info.TotalBytes) : null;
        }
    }

    /// <exception cref="InferenceException">The device does not compute in this precision.</exception>
    public void TryPrecision() => TorchApi.Check(TorchApi.smt_context_try_precision(_handle, out TorchError error), error);

    public void Trim() => TorchApi.Check(TorchApi.smt_context_trim(_handle, out TorchError error), error);

    public void Dispose() => _handle.Dispose();
}
