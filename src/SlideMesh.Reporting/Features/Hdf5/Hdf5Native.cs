using System.Runtime.InteropServices;

namespace SlideMesh.Reporting.Features.Hdf5;

/// <summary>The functions of the HDF5 C library (1.10.7 or newer) that feature files need. Call them under <see cref="Hdf5Library.Enter"/>.</summary>
internal static unsafe partial class Hdf5Native
{
    public const string Library = "hdf5";

    public const uint H5F_ACC_RDONLY = 0;
    public const uint H5F_ACC_TRUNC = 2;
    public const nint H5P_DEFAULT = 0;
    public const nint H5S_ALL = 0;
    public const nint H5E_DEFAULT = 0;
    public const int H5S_SCALAR = 0;
    public const int H5S_SELECT_SET = 0;
    public const int H5T_CSET_UTF8 = 1;
    public const int H5D_CONTIGUOUS = 1;
    public const int H5D_VIRTUAL = 3;
    public const int H5T_INTEGER = 0;
    public const int H5T_FLOAT = 1;
    public const int H5T_STRING = 3;
    public const int H5D_FILL_TIME_NEVER = 1;
    public const int H5E_WALK_DOWNWARD = 1;
    public static readonly nuint H5T_VARIABLE = nuint.MaxValue;

    [LibraryImport(Library)]
    public static partial int H5dont_atexit();

    [LibraryImport(Library)]
    public static partial int H5open();

    [LibraryImport(Library)]
    public static partial int H5get_libversion(out uint majnum, out uint minnum, out uint relnum);

    [LibraryImport(Library)]
    public static partial int H5Eset_auto2(nint estack_id, nint func, nint client_data);

    [LibraryImport(Library)]
    public static partial int H5Eclear2(nint err_stack);

    [LibraryImport(Library)]
    public static partial int H5Ewalk2(nint err_stack, int direction, delegate* unmanaged<uint, H5E_error2_t*, nint, int> func, nint client_data);

    [LibraryImport(Library)]
    public static partial int H5Idec_ref(nint id);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial Hdf5Id H5Fcreate(string filename, uint flags, nint fcpl_id, nint fapl_id);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial Hdf5Id H5Fopen(string filename, uint flags, nint fapl_id);

    [LibraryImport(Library)]
    public static partial int H5Fflush(Hdf5Id object_id, int scope);

    [LibraryImport(Library)]
    public static partial Hdf5Id H5Pcreate(nint cls_id);

    [LibraryImport(Library)]
    public static partial int H5Pset_obj_track_times(Hdf5Id plist_id, byte track_times);

    [LibraryImport(Library)]
    public static partial int H5Pset_file_locking(Hdf5Id fapl_id, byte use_file_locking, byte ignore_when_disabled);

    [LibraryImport(Library)]
    public static partial int H5Pset_layout(Hdf5Id plist_id, int layout);

    [LibraryImport(Library)]
    public static partial int H5Pset_fill_time(Hdf5Id plist_id, int fill_time);

    [LibraryImport(Library)]
    public static partial Hdf5Id H5Screate(int type);

    [LibraryImport(Library)]
    public static partial Hdf5Id H5Screate_simple(int rank, ulong* current_dims, ulong* maximum_dims);

    [LibraryImport(Library)]
    public static partial int H5Sget_simple_extent_ndims(Hdf5Id space_id);

    [LibraryImport(Library)]
    public static partial long H5Sget_simple_extent_npoints(Hdf5Id space);

    [LibraryImport(Library)]
    public static partial int H5Sget_simple_extent_dims(Hdf5Id space_id, ulong* dims, ulong* maxdims);

    [LibraryImport(Library)]
    public static partial int H5Sselect_hyperslab(Hdf5Id space_id, int op, ulong* start, ulong* stride, ulong* count, ulong* block);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial Hdf5Id H5Dcreate2(
        Hdf5Id loc_id, string name, nint dtype_id, Hdf5Id space_id, nint lcpl_id, Hdf5Id dcpl_id, nint dapl_id);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial Hdf5Id H5Dopen2(Hdf5Id loc_id, string name, nint dapl_id);

    [LibraryImport(Library)]
    public static partial Hdf5Id H5Dget_space(Hdf5Id dset_id);

    [LibraryImport(Library)]
    public static partial int H5Dwrite(
        Hdf5Id dset_id, nint mem_type_id, Hdf5Id mem_space_id, Hdf5Id file_space_id, nint xfer_plist_id, void* buf);

    [LibraryImport(Library)]
    public static partial int H5Dread(
        Hdf5Id dset_id, nint mem_type_id, Hdf5Id mem_space_id, Hdf5Id file_space_id, nint xfer_plist_id, void* buf);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int H5Lexists(Hdf5Id loc_id, string name, nint lapl_id);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int H5Lget_val(Hdf5Id loc_id, string name, void* buf, nuint size, nint lapl_id);

    [LibraryImport(Library)]
    public static partial nint H5Fget_name(Hdf5Id obj_id, byte* name, nuint size);

    [LibraryImport(Library)]
    public static partial Hdf5Id H5Dget_create_plist(Hdf5Id dset_id);

    [LibraryImport(Library)]
    public static partial Hdf5Id H5Dget_type(Hdf5Id dset_id);

    [LibraryImport(Library)]
    public static partial int H5Pget_layout(Hdf5Id plist_id);

    [LibraryImport(Library)]
    public static partial int H5Pget_external_count(Hdf5Id plist_id);

    [LibraryImport(Library)]
    public static partial int H5Tget_class(Hdf5Id type_id);

    [LibraryImport(Library)]
    public static partial nuint H5Tget_size(Hdf5Id type_id);

    [LibraryImport(Library)]
    public static partial Hdf5Id H5Tcopy(nint type_id);

    [LibraryImport(Library)]
    public static partial int H5Tset_size(Hdf5Id type_id, nuint size);

    [LibraryImport(Library)]
    public static partial int H5Tset_fields(Hdf5Id type_id, nuint spos, nuint epos, nuint esize, nuint mpos, nuint msize);

    [LibraryImport(Library)]
    public static partial int H5Tset_ebias(Hdf5Id type_id, nuint ebias);

    [LibraryImport(Library)]
    public static partial int H5Tset_cset(Hdf5Id type_id, int cset);

    [LibraryImport(Library)]
    public static partial int H5Tis_variable_str(Hdf5Id type_id);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial Hdf5Id H5Acreate2(Hdf5Id loc_id, string attr_name, nint type_id, Hdf5Id space_id, nint acpl_id, nint aapl_id);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial Hdf5Id H5Aopen(Hdf5Id obj_id, string attr_name, nint aapl_id);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int H5Aexists(Hdf5Id obj_id, string attr_name);

    [LibraryImport(Library)]
    public static partial Hdf5Id H5Aget_space(Hdf5Id attr_id);

    [LibraryImport(Library)]
    public static partial Hdf5Id H5Aget_type(Hdf5Id attr_id);

    [LibraryImport(Library)]
    public static partial int H5Awrite(Hdf5Id attr_id, nint mem_type_id, void* buf);

    [LibraryImport(Library)]
    public static partial int H5Aread(Hdf5Id attr_id, nint mem_type_id, void* buf);

    [LibraryImport(Library)]
    public static partial int H5free_memory(void* mem);

    // Layout of H5E_error2_t in H5Epublic.h.
    [StructLayout(LayoutKind.Sequential)]
    public struct H5E_error2_t
    {
        public long cls_id;
        public long maj_num;
        public long min_num;
        public uint line;
        public byte* func_name;
        public byte* file_name;
        public byte* desc;
    }
}
