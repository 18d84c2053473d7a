using System.Text;

namespace SlideMesh.Reporting.Features.Hdf5;

/// <summary>
/// An HDF5 file with two-dimensional datasets and attributes; no object that it writes holds a timestamp. Files that it reads may be
/// anybody's: sizes are checked before memory is taken, and a dataset whose numbers lie in another file is refused. Not for concurrent use.
/// </summary>
internal sealed unsafe class Hdf5File : IDisposable
{
    // Paths too: Linux allows 4096 bytes.
    private const int MaximumText = 8192;
    private const int MaximumRank = 32;

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

    public bool Has(string name)
    {
        using (Hdf5Library.Enter())
        {
            return Hdf5Library.Check(Hdf5Native.H5Lexists(_file, name, Hdf5Native.H5P_DEFAULT), _path) > 0;
        }
    }

    public Hdf5Id OpenDataset(string name, out long rows, out int columns)
    {
        Hdf5Id dataset = OpenDataset(name, out long[] shape, out _);
        if (shape.Length != 2)
        {
            dataset.Dispose();
            throw new Hdf5Exception($"{_path}: dataset '{name}' is not two-dimensional");
        }

        rows = shape[0];
        columns = checked((int)shape[1]);
        return dataset;
    }

    /// <param name="shape">As stored; as many entries as the dataset has dimensions, none for a scalar.</param>
    /// <param name="kind">What its elements are.</param>
    public Hdf5Id OpenDataset(string name, out long[] shape, out Hdf5Kind kind)
    {
        if (!Has(name))
        {
            throw new Hdf5Exception($"{_path}: no dataset '{name}'; this is not a features file");
        }

        using (Hdf5Library.Enter())
        {
            if (IsExternalLink(name))
            {
                throw Elsewhere(name);
            }

            Hdf5Id dataset = Hdf5Library.Check(Hdf5Native.H5Dopen2(_file, name, Hdf5Native.H5P_DEFAULT), _path);
            try
            {
                RefuseElsewhere(name, dataset);
                using Hdf5Id space = Hdf5Library.Check(Hdf5Native.H5Dget_space(dataset), _path);
                shape = ReadShape(space);
                using Hdf5Id type = Hdf5Library.Check(Hdf5Native.H5Dget_type(dataset), _path);
                kind = KindOf(type);
                return dataset;
            }
            catch
            {
                dataset.Dispose();
                throw;
            }
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

    /// <summary>A text of any length kind; null when the attribute is absent or no single text.</summary>
    public string? ReadText(Hdf5Id owner, string name)
    {
        using (Hdf5Library.Enter())
        {
            if (OpenAttribute(owner, name, Hdf5Kind.Text, most: 1) is not { } attribute)
            {
                return null;
            }

            using (attribute)
            {
                // Its own type in memory too: the library does not convert between ASCII and UTF-8.
                using Hdf5Id stored = Hdf5Library.Check(Hdf5Native.H5Aget_type(attribute), _path);
                if (Hdf5Native.H5Tis_variable_str(stored) > 0)
                {
                    byte* text = null;
                    Hdf5Library.Check(Hdf5Native.H5Aread(attribute, stored.DangerousGetHandle(), &text), _path);
                    string? value = System.Runtime.InteropServices.Marshal.PtrToStringUTF8((nint)text);
                    _ = Hdf5Native.H5free_memory(text);
                    return value;
                }

                nuint size = Hdf5Native.H5Tget_size(stored);
                if (size is 0 or > MaximumText)
                {
                    return null;
                }

                byte[] bytes = new byte[size];
                fixed (byte* pointer = bytes)
                {
                    Hdf5Library.Check(Hdf5Native.H5Aread(attribute, stored.DangerousGetHandle(), pointer), _path);
                }

                return Encoding.UTF8.GetString(bytes).TrimEnd('\0', ' ');
            }
        }
    }

    /// <summary>A single number, converted to double; null when the attribute is absent or no single number.</summary>
    public double? ReadNumber(Hdf5Id owner, string name) => ReadNumbers(owner, name, most: 1) is [double value] ? value : null;

    /// <summary>A few numbers, converted to double; empty when the attribute is absent, no number, or holds more than <paramref name="most"/>.</summary>
    public double[] ReadNumbers(Hdf5Id owner, string name, int most)
    {
        using (Hdf5Library.Enter())
        {
            if (OpenAttribute(owner, name, Hdf5Kind.Number, most) is not { } attribute)
            {
                return [];
            }

            using (attribute)
            {
                using Hdf5Id space = Hdf5Library.Check(Hdf5Native.H5Aget_space(attribute), _path);
                double[] values = new double[(int)Hdf5Native.H5Sget_simple_extent_npoints(space)];
                fixed (double* pointer = values)
                {
                    Hdf5Library.Check(Hdf5Native.H5Aread(attribute, _library.Float64, pointer), _path);
                }

                return values;
            }
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

    /// <summary>Null when the attribute is absent, of another kind, or has no or more than <paramref name="most"/> elements: reading it would write past a buffer.</summary>
    private Hdf5Id? OpenAttribute(Hdf5Id owner, string name, Hdf5Kind kind, int most)
    {
        if (Hdf5Library.Check(Hdf5Native.H5Aexists(owner, name), _path) == 0)
        {
            return null;
        }

        Hdf5Id attribute = Hdf5Library.Check(Hdf5Native.H5Aopen(owner, name, Hdf5Native.H5P_DEFAULT), _path);
        using Hdf5Id type = Hdf5Library.Check(Hdf5Native.H5Aget_type(attribute), _path);
        using Hdf5Id space = Hdf5Library.Check(Hdf5Native.H5Aget_space(attribute), _path);
        long elements = Hdf5Native.H5Sget_simple_extent_npoints(space);
        Hdf5Kind found = KindOf(type);
        bool fits = elements >= 1 && elements <= most && (found == kind || (kind == Hdf5Kind.Number && found == Hdf5Kind.Integer));
        if (fits)
        {
            return attribute;
        }

        attribute.Dispose();
        return null;
    }

    /// <summary>External links, external storage and virtual datasets would let a features file read any file of this user's.</summary>
    private void RefuseElsewhere(string name, Hdf5Id dataset)
    {
        using Hdf5Id creation = Hdf5Library.Check(Hdf5Native.H5Dget_create_plist(dataset), _path);
        if (Hdf5Native.H5Pget_external_count(creation) != 0 || Hdf5Native.H5Pget_layout(creation) == Hdf5Native.H5D_VIRTUAL || FileOf(dataset) != FileOf(_file))
        {
            throw Elsewhere(name);
        }
    }

    /// <summary>
    /// Asked before the link is followed: opening the other file fails when this process has it open already. The value of an external link
    /// begins with its version and flags, both 0; that of a soft link with its path; a hard link has none.
    /// </summary>
    private bool IsExternalLink(string name)
    {
        byte* value = stackalloc byte[MaximumText];
        return Hdf5Native.H5Lget_val(_file, name, value, MaximumText, Hdf5Native.H5P_DEFAULT) >= 0 && value[0] == 0;
    }

    private FeatureFileException Elsewhere(string name) => new(
        _path, FeatureFileFailure.FeaturesElsewhere, $"{_path}: dataset '{name}' keeps its numbers in another file; copy them into this one");

    private static string FileOf(Hdf5Id item)
    {
        byte* name = stackalloc byte[MaximumText];
        return Hdf5Native.H5Fget_name(item, name, MaximumText) >= 0 ? System.Runtime.InteropServices.Marshal.PtrToStringUTF8((nint)name) ?? "" : "";
    }

    private long[] ReadShape(Hdf5Id space)
    {
        int rank = Hdf5Native.H5Sget_simple_extent_ndims(space);
        if (rank is < 0 or > MaximumRank)
        {
            throw new Hdf5Exception($"{_path}: a dataset has {rank} dimensions");
        }

        ulong* dims = stackalloc ulong[MaximumRank];
        Hdf5Library.Check(Hdf5Native.H5Sget_simple_extent_dims(space, dims, null), _path);
        long[] shape = new long[rank];
        for (int i = 0; i < rank; i++)
        {
            shape[i] = checked((long)dims[i]);
        }

        return shape;
    }

    private static Hdf5Kind KindOf(Hdf5Id type) => Hdf5Native.H5Tget_class(type) switch
    {
        Hdf5Native.H5T_INTEGER => Hdf5Kind.Integer,
        Hdf5Native.H5T_FLOAT => Hdf5Kind.Number,
        Hdf5Native.H5T_STRING => Hdf5Kind.Text,
        _ => Hdf5Kind.Other,
    };

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

    /// <summary>Rows of a dataset [N, columns], also when dimensions of one stand before it ([1, N, columns]).</summary>
    private Hdf5Id SelectRows(Hdf5Id dataset, long start, long rows, int columns)
    {
        Hdf5Id space = Hdf5Library.Check(Hdf5Native.H5Dget_space(dataset), _path);
        int rank = Math.Clamp(Hdf5Native.H5Sget_simple_extent_ndims(space), 2, MaximumRank);
        ulong* offset = stackalloc ulong[MaximumRank];
        ulong* count = stackalloc ulong[MaximumRank];
        for (int i = 0; i < rank; i++)
        {
            offset[i] = 0;
            count[i] = 1;
        }

        offset[rank - 2] = (ulong)start;
        count[rank - 2] = (ulong)rows;
        count[rank - 1] = (ulong)columns;
        Hdf5Library.Check(Hdf5Native.H5Sselect_hyperslab(space, Hdf5Native.H5S_SELECT_SET, offset, null, count, null), _path);
        return space;
    }
}
