namespace SlideMesh.Reporting.Features.Hdf5;

/// <summary>What the elements of a dataset or attribute are.</summary>
internal enum Hdf5Kind
{
    /// <summary>Floating point of any width.</summary>
    Number,

    Integer,

    Text,

    /// <summary>Compound, enumeration, reference and the like.</summary>
    Other,
}
