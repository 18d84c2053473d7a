using System.Text;

namespace SlideMesh.Reporting.Features.Hdf5;

/// <summary>An HDF5 file with two-dimensional datasets and attributes; no object holds a timestamp. Not for concurrent use.</summary>
internal sealed unsafe class Hdf5File : IDisposable
{
    private readonly Hdf5Library _library = Hdf5Library.Instance;
    private readonly string _path;
    private readonly Hdf5Id _file;

    private Hdf5File(string path, bool create)
    {
        _path = path;
        using (Hdf5Library.Enter())
        {
            // No file locks: a file has one writer under a temporary name, network file systems often refuse locks, and a child
            // process inherits an open file and with it the lock.
            using Hdf5Id access = Hdf5Library.Check(Hdf5Native.H5Pcreate(_library.FileAccess), path);
            Hdf5Library.Check(Hdf5Native.H5Pset_file_locking(access, 0, 1), path);
            if (!create)
            {
                _file = Hdf5Library.Check(Hdf5Native.H5Fopen(path, Hdf5Native.H5F_ACC_RDONLY, access.DangerousGetHandle()), path);
                return;
            }

            using Hdf5Id properties = Hdf5Library.Check(Hdf5Native.H5Pcreate(_library.FileCreation), path);
            Hdf5Library.Check(Hdf5Native.H5Pset_obj_track_times(properties, 0), path);
            _file = Hdf5Library.Check(
                Hdf5Native.H5Fcreate(path, Hdf5Native.H5F_ACC_TRUNC, properties.DangerousGetHandle(), access.DangerousGetHandle()), path);
        }
    }

    public Hdf5Id Root => _file;

    public static Hdf5File Create(string path) => new(path, create: true);

    public static Hdf5File OpenRead(string path) => new(path, create: false);

    /// <summary>A half-precision type; HDF5 1.10 has none of its own, and this is how NumPy's float16 is stored.</summary>
    public Hdf5Id CreateFloat16Type()
    {
        using (Hdf5Library.Enter())
        {
            Hdf5Id type = Hdf5Library.Check(Hdf5Native.H5Tcopy(_library.Float32), _path);
            Hdf5Library.Check(Hdf5Native.H5Tset_fields(type, 15, 10, 5, 0, 10), _path);
            Hdf5Library.Check(Hdf5Native.H5Tset_size(type, 2), _path);
            Hdf5Library.Check(Hdf5Native.H5Tset_ebias(type, 15), _path);
            return type;
        }
    }

    /// <summary>A contiguous dataset [rows, columns]. It is not filled first: the caller writes every row.</summary>
    public Hdf5Id CreateDataset(string name, nint type, long rows, int columns)
    {
        using (Hdf5Library.Enter())
        {
            using Hdf5Id space = CreateSpace(rows, columns);
            using Hdf5Id properties = Hdf5Library.Check(Hdf5Native.H5Pcreate(_library.DatasetCreation), _path);
            Hdf5Library.Check(Hdf5Native.H5Pset_obj_track_times(properties, 0), _path);
            Hdf5Library.Check(Hdf5Native.H5Pset_layout(properties, Hdf5Native.H5D_CONTIGUOUS), _path);
            Hdf5Library.Check(Hdf5Native.H5Pset_fill_time(properties, Hdf5Native.H5D_FILL_TIME_NEVER), _path);
            return Hdf5Library.Check(
                Hdf5Native.H5Dcreate2(_file, name, type, space, Hdf5Native.H5P_DEFAULT, properties, Hdf5Native.H5P_DEFAULT), _path);
        }
    }

    public Hdf5Id OpenDataset(string name, out long rows, out int columns)
    {
        using (Hdf5Library.Enter())
        {
            if (Hdf5Library.Check(Hdf5Native.H5Lexists(_file, name, Hdf5Native.H5P_DEFAULT), _path) == 0)
            {
                throw new Hdf5Exception($"{_path}: no dataset '{name}'; this is not a features file");
            }

            Hdf5Id dataset = Hdf5Library.Check(Hdf5Native.H5Dopen2(_file, name, Hdf5Native.H5P_DEFAULT), _path);
            using Hdf5Id space = Hdf5Library.Check(Hdf5Native.H5Dget_space(dataset), _path);
            if (Hdf5Native.H5Sget_simple_extent_ndims(space) != 2)
            {
                dataset.Dispose();
                throw new Hdf5Exception($"{_path}: dataset '{name}' is not two-dimensional");
            }

            ulong* dims = stackalloc ulong[2];
            Hdf5Library.Check(Hdf5Native.H5Sget_simple_extent_dims(space, dims, null), _path);
            rows = checked((long)dims[0]);
            columns = checked((int)dims[1]);
            return dataset;
        }
    }

    public void WriteRows<T>(Hdf5Id dataset, nint memoryType, long start, int columns, ReadOnlySpan<T> values)
        where T : unmanaged
    {
        if (values.Length == 0)
        {
            return;
        }

        using (Hdf5Library.Enter())
        {
            using Hdf5Id memory = CreateSpace(values.Length / columns, columns);
            using Hdf5Id target = SelectRows(dataset, start, values.Length / columns, columns);
            fixed (T* pointer = values)
            {
                Hdf5Library.Check(Hdf5Native.H5Dwrite(dataset, memoryType, memory, target, Hdf5Native.H5P_DEFAULT, pointer), _path);
            }
        }
    }

    public void ReadRows<T>(Hdf5Id dataset, nint memoryType, long start, int columns, Span<T> values)
        where T : unmanaged
    {
        if (values.Length == 0)
        {
            return;
        }

        using (Hdf5Library.Enter())
        {
            using Hdf5Id memory = CreateSpace(values.Length / columns, columns);
            using Hdf5Id source = SelectRows(dataset, start, values.Length / columns, columns);
            fixed (T* pointer = values)
            {
                Hdf5Library.Check(Hdf5Native.H5Dread(dataset, memoryType, memory, source, Hdf5Native.H5P_DEFAULT, pointer), _path);
            }
        }
    }

    public void WriteAttribute(Hdf5Id owner, string name, string value)
    {
        byte[] text = [.. Encoding.UTF8.GetBytes(value.Replace("\0", "", StringComparison.Ordinal)), 0];
        using (Hdf5Library.Enter())
        {
            using Hdf5Id type = CreateStringType();
            using Hdf5Id space = Hdf5Library.Check(Hdf5Native.H5Screate(Hdf5Native.H5S_SCALAR), _path);
            fixed (byte* pointer = text)
            {
                byte* argument = pointer;
                WriteAttribute(owner, name, type.DangerousGetHandle(), space, &argument);
            }
        }
    }

    public void WriteAttribute(Hdf5Id owner, string name, long value) => WriteScalar(owner, name, _library.Int64, value);

    public void WriteAttribute(Hdf5Id owner, string name, double value) => WriteScalar(owner, name, _library.Float64, value);

    public void WriteAttribute(Hdf5Id owner, string name, ReadOnlySpan<long> values) => WriteArray(owner, name, _library.Int64, values);

    public void WriteAttribute(Hdf5Id owner, string name, ReadOnlySpan<double> values) => WriteArray(owner, name, _library.Float64, values);

    public string? ReadText(Hdf5Id owner, string name)
    {
        using (Hdf5Library.Enter())
        {
            if (Hdf5Library.Check(Hdf5Native.H5Aexists(owner, name), _path) == 0)
            {
                return null;
            }

            using Hdf5Id attribute = Hdf5Library.Check(Hdf5Native.H5Aopen(owner, name, Hdf5Native.H5P_DEFAULT), _path);
            using Hdf5Id stored = Hdf5Library.Check(Hdf5Native.H5Aget_type(attribute), _path);
            if (Hdf5Native.H5Tis_variable_str(stored) <= 0)
            {
                return null;
            }

            using Hdf5Id type = CreateStringType();
            byte* text = null;
            Hdf5Library.Check(Hdf5Native.H5Aread(attribute, type.DangerousGetHandle(), &text), _path);
            string? value = System.Runtime.InteropServices.Marshal.PtrToStringUTF8((nint)text);
            _ = Hdf5Native.H5free_memory(text);
            return value;
        }
    }

    /// <summary>A scalar number, converted to double; null when the attribute is absent.</summary>
    public double? ReadNumber(Hdf5Id owner, string name)
    {
        using (Hdf5Library.Enter())
        {
            if (Hdf5Library.Check(Hdf5Native.H5Aexists(owner, name), _path) == 0)
            {
                return null;
            }

            using Hdf5Id attribute = Hdf5Library.Check(Hdf5Native.H5Aopen(owner, name, Hdf5Native.H5P_DEFAULT), _path);
            double value;
            Hdf5Library.Check(Hdf5Native.H5Aread(attribute, _library.Float64, &value), _path);
            return value;
        }
    }

    /// <summary>Writes everything to the operating system; a full disk shows here and not in <see cref="Dispose"/>.</summary>
    public void Flush()
    {
        using (Hdf5Library.Enter())
        {
            Hdf5Library.Check(Hdf5Native.H5Fflush(_file, 1), _path);
        }
    }

    public void Dispose() => _file.Dispose();

    private void WriteScalar<T>(Hdf5Id owner, string name, nint type, T value)
        where T : unmanaged
    {
        using (Hdf5Library.Enter())
        {
            using Hdf5Id space = Hdf5Library.Check(Hdf5Native.H5Screate(Hdf5Native.H5S_SCALAR), _path);
            WriteAttribute(owner, name, type, space, &value);
        }
    }

    private void WriteArray<T>(Hdf5Id owner, string name, nint type, ReadOnlySpan<T> values)
        where T : unmanaged
    {
        using (Hdf5Library.Enter())
        {
            ulong length = (ulong)values.Length;
            using Hdf5Id space = Hdf5Library.Check(Hdf5Native.H5Screate_simple(1, &length, null), _path);
            fixed (T* pointer = values)
            {
                WriteAttribute(owner, name, type, space, pointer);
            }
        }
    }

    private void WriteAttribute(Hdf5Id owner, string name, nint type, Hdf5Id space, void* value)
    {
        using Hdf5Id attribute = Hdf5Library.Check(
            Hdf5Native.H5Acreate2(owner, name, type, space, Hdf5Native.H5P_DEFAULT, Hdf5Native.H5P_DEFAULT), _path);
        Hdf5Library.Check(Hdf5Native.H5Awrite(attribute, type, value), _path);
    }

    private Hdf5Id CreateStringType()
    {
        Hdf5Id type = Hdf5Library.Check(Hdf5Native.H5Tcopy(_library.CString), _path);
        Hdf5Library.Check(Hdf5Native.H5Tset_size(type, Hdf5Native.H5T_VARIABLE), _path);
        Hdf5Library.Check(Hdf5Native.H5Tset_cset(type, Hdf5Native.H5T_CSET_UTF8), _path);
        return type;
    }

    private Hdf5Id CreateSpace(long rows, int columns)
    {
        ulong* dims = stackalloc ulong[2] { (ulong)rows, (ulong)columns };
        return Hdf5Library.Check(Hdf5Native.H5Screate_simple(2, dims, null), _path);
    }

    private Hdf5Id SelectRows(Hdf5Id dataset, long start, long rows, int columns)
    {
        Hdf5Id space = Hdf5Library.Check(Hdf5Native.H5Dget_space(dataset), _path);
        ulong* offset = stackalloc ulong[2] { (ulong)start, 0 };
        ulong* count = stackalloc ulong[2] { (ulong)rows, (ulong)columns };
        Hdf5Library.Check(Hdf5Native.H5Sselect_hyperslab(space, Hdf5Native.H5S_SELECT_SET, offset, null, count, null), _path);
        return space;
    }
}
