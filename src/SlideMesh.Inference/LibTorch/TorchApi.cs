using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using SlideMesh.Inference.Engines;

namespace SlideMesh.Inference.LibTorch;

/// <summary>The functions of native/slidemesh_torch.h, under their C names.</summary>
internal static unsafe partial class TorchApi
{
    /// <summary>Must be SMT_INTERFACE of the header.</summary>
    public const int Interface = 1;

    public const string Library = "slidemesh_torch";

    public const int OutOfMemory = 2;

    /// <summary>Every call's code comes through here.</summary>
    /// <exception cref="InferenceException">The call failed; the message is the library's own text.</exception>
    public static void Check(int code, in TorchError error)
    {
        if (code != 0)
        {
            throw new InferenceException(error.Message) { IsOutOfMemory = code == OutOfMemory };
        }
    }

    [LibraryImport(Library)]
    public static partial int smt_interface();

    [LibraryImport(Library)]
    public static partial int smt_get_versions(out TorchVersions versions, out TorchError error);

    [LibraryImport(Library)]
    public static partial int smt_device_count(int kind, out int count, out TorchError error);

    [LibraryImport(Library)]
    public static partial int smt_get_device(int kind, int index, out TorchDeviceInfo device, out TorchError error);

    [LibraryImport(Library)]
    public static partial int smt_context_open(int kind, int index, int precision, out TorchContextHandle context, out TorchError error);

    [LibraryImport(Library)]
    public static partial void smt_context_release(nint context);

    [LibraryImport(Library)]
    public static partial long smt_context_handles(TorchContextHandle context);

    [LibraryImport(Library)]
    public static partial int smt_context_try_precision(TorchContextHandle context, out TorchError error);

    [LibraryImport(Library)]
    public static partial int smt_context_trim(TorchContextHandle context, out TorchError error);

    [LibraryImport(Library)]
    public static partial int smt_builder_open(TorchContextHandle context, out TorchBuilderHandle builder, out TorchError error);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int smt_builder_weight(
        TorchBuilderHandle builder, string name, int type, long* shape, int rank, void* data, long bytes, int onHost, out TorchError error);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int smt_builder_finish(TorchBuilderHandle builder, string source, int channelsLast, out TorchSessionHandle session, out TorchError error);

    [LibraryImport(Library)]
    public static partial void smt_builder_release(nint builder);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int smt_session_load(TorchContextHandle context, string path, int channelsLast, out TorchSessionHandle session, out TorchError error);

    [LibraryImport(Library)]
    public static partial void smt_session_release(nint session);

    [LibraryImport(Library)]
    public static partial int smt_session_input_count(TorchSessionHandle session);

    [LibraryImport(Library)]
    public static partial int smt_run(TorchSessionHandle session, TorchTensor* inputs, int count, int threads, out TorchResultHandle result, out TorchError error);

    [LibraryImport(Library)]
    public static partial int smt_result_count(TorchResultHandle result);

    [LibraryImport(Library)]
    public static partial int smt_result_rank(TorchResultHandle result, int index);

    [LibraryImport(Library)]
    public static partial int smt_result_shape(TorchResultHandle result, int index, long* shape, out TorchError error);

    [LibraryImport(Library)]
    public static partial int smt_result_copy(TorchResultHandle result, int index, float* data, long length, out TorchError error);

    [LibraryImport(Library)]
    public static partial void smt_result_release(nint result);

    [LibraryImport(Library)]
    public static partial int smt_run_tiles(TorchSessionHandle session, in TorchTiles tiles, out TorchTimings timings, out TorchError error);

    [LibraryImport(Library)]
    public static partial int smt_host_allocate(TorchContextHandle context, long bytes, out TorchHostHandle handle, out nint data, out TorchError error);

    [LibraryImport(Library)]
    public static partial void smt_host_release(nint handle);
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct TorchError
{
    private const int Capacity = 4092;

    public int Code;

    private fixed byte _text[Capacity];

    public readonly string Message
    {
        get
        {
            fixed (byte* text = _text)
            {
                return TorchText.Read(text, Capacity);
            }
        }
    }
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct TorchVersions
{
    private fixed byte _compiled[64];
    private fixed byte _running[64];
    public int HasCuda;
    public int HasGraphs;

    public readonly string Compiled
    {
        get
        {
            fixed (byte* text = _compiled)
            {
                return TorchText.Read(text, 64);
            }
        }
    }

    public readonly string Running
    {
        get
        {
            fixed (byte* text = _running)
            {
                return TorchText.Read(text, 64);
            }
        }
    }
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct TorchDeviceInfo
{
    private fixed byte _name[256];
    public long TotalBytes;
    public long FreeBytes;

    public readonly string Name
    {
        get
        {
            fixed (byte* text = _name)
            {
                return TorchText.Read(text, 256);
            }
        }
    }
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct TorchTensor
{
    public float* Data;
    public long* Shape;
    public long Rank;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct TorchTiles
{
    public byte* Rgb;
    public float* Output;
    public long Rows;
    public long Width;
    public int Edge;
    public int ModelEdge;
    public int OutputIndex;
    public int Threads;
    public int ChannelsLast;
    public int UseGraph;
    public fixed float Scale[3];
    public fixed float Bias[3];
}

[StructLayout(LayoutKind.Sequential)]
internal struct TorchTimings
{
    public double CopyIn;
    public double Compute;
    public double CopyOut;
}

internal sealed class TorchContextHandle() : SafeHandleZeroOrMinusOneIsInvalid(ownsHandle: true)
{
    protected override bool ReleaseHandle()
    {
        TorchApi.smt_context_release(handle);
        return true;
    }
}

internal sealed class TorchBuilderHandle() : SafeHandleZeroOrMinusOneIsInvalid(ownsHandle: true)
{
    protected override bool ReleaseHandle()
    {
        TorchApi.smt_builder_release(handle);
        return true;
    }
}

internal sealed class TorchSessionHandle() : SafeHandleZeroOrMinusOneIsInvalid(ownsHandle: true)
{
    protected override bool ReleaseHandle()
    {
        TorchApi.smt_session_release(handle);
        return true;
    }
}

internal sealed class TorchResultHandle() : SafeHandleZeroOrMinusOneIsInvalid(ownsHandle: true)
{
    protected override bool ReleaseHandle()
    {
        TorchApi.smt_result_release(handle);
        return true;
    }
}

internal sealed class TorchHostHandle() : SafeHandleZeroOrMinusOneIsInvalid(ownsHandle: true)
{
    protected override bool ReleaseHandle()
    {
        TorchApi.smt_host_release(handle);
        return true;
    }
}
