using Microsoft.Win32.SafeHandles;

namespace SlideMesh.Inference.OnnxRuntime;

/// <summary>A native object of ONNX Runtime with the table's own release function.</summary>
internal abstract unsafe class OrtHandle : SafeHandleZeroOrMinusOneIsInvalid
{
    private readonly delegate* unmanaged<nint, void> _release;

    protected OrtHandle(nint handle, delegate* unmanaged<nint, void> release)
        : base(ownsHandle: true)
    {
        _release = release;
        SetHandle(handle);
    }

    protected override bool ReleaseHandle()
    {
        _release(handle);
        return true;
    }
}

internal sealed unsafe class OrtEnvHandle(nint handle, delegate* unmanaged<nint, void> release) : OrtHandle(handle, release);

internal sealed unsafe class OrtSessionOptionsHandle(nint handle, delegate* unmanaged<nint, void> release) : OrtHandle(handle, release);

/// <summary>Keeps its environment alive: a session's last run may end after both were disposed.</summary>
internal sealed unsafe class OrtSessionHandle : OrtHandle
{
    private readonly OrtEnvHandle _env;

    public OrtSessionHandle(nint handle, delegate* unmanaged<nint, void> release, OrtEnvHandle env)
        : base(handle, release)
    {
        bool held = false;
        env.DangerousAddRef(ref held);
        _env = env;
    }

    protected override bool ReleaseHandle()
    {
        bool released = base.ReleaseHandle();
        _env.DangerousRelease();
        return released;
    }
}

internal sealed unsafe class OrtRunOptionsHandle(nint handle, delegate* unmanaged<nint, void> release) : OrtHandle(handle, release);

internal sealed unsafe class OrtMemoryInfoHandle(nint handle, delegate* unmanaged<nint, void> release) : OrtHandle(handle, release);

internal sealed unsafe class OrtValueHandle(nint handle, delegate* unmanaged<nint, void> release) : OrtHandle(handle, release);

internal sealed unsafe class OrtTypeInfoHandle(nint handle, delegate* unmanaged<nint, void> release) : OrtHandle(handle, release);

internal sealed unsafe class OrtTensorTypeAndShapeInfoHandle(nint handle, delegate* unmanaged<nint, void> release) : OrtHandle(handle, release);
