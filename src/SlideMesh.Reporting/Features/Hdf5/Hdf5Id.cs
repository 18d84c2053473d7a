using System.Runtime.InteropServices;

namespace SlideMesh.Reporting.Features.Hdf5;

/// <summary>An HDF5 identifier of any kind (file, dataset, space, type, property list, attribute).</summary>
internal sealed class Hdf5Id : SafeHandle
{
    // hid_t is 64 bits wide; SlideMesh runs on 64-bit machines, so a pointer-sized handle holds it.
    public Hdf5Id()
        : base(-1, ownsHandle: true)
    {
    }

    public override bool IsInvalid => handle < 0;

    protected override bool ReleaseHandle()
    {
        using (Hdf5Library.Enter())
        {
            // Drops the last reference, which closes the object whatever its kind.
            return Hdf5Native.H5Idec_ref(handle) >= 0;
        }
    }
}
