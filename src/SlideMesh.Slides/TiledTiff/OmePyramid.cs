using System.Globalization;
using System.Xml;
using SlideMesh.Slides.Pyramid;

namespace SlideMesh.Slides.TiledTiff;

/// <summary>
/// An OME-TIFF of one RGB picture whose lower levels hang below the first directory (OME-TIFF specification 6: SubIFDs), where OpenSlide
/// does not look.
/// </summary>
/// <param name="Levels">Finest first.</param>
/// <param name="Directories">Of each level.</param>
/// <param name="MicronsPerPixel">Of the OME-XML; null when it does not say.</param>
internal sealed record OmePyramid(IReadOnlyList<PyramidLevel> Levels, IReadOnlyList<TiffDirectory> Directories, MicronsPerPixel? MicronsPerPixel)
{
    private const int MaxXmlBytes = 16 << 20;
    private const int MaxLevels = 32;

    /// <param name="first">The file's first directory.</param>
    /// <param name="seen">Levels that OpenSlide sees.</param>
    /// <returns>Null when the file is no OME-TIFF.</returns>
    /// <exception cref="UnservedTiffException">It is one of another kind.</exception>
    public static OmePyramid? Read(TiffDirectory first, IReadOnlyList<PyramidLevel> seen)
    {
        string xml = first.Text(TiffTag.ImageDescription, MaxXmlBytes);
        if (!xml.Contains("<OME", StringComparison.Ordinal))
        {
            return null;
        }

        PyramidLevel finest = seen[0];
        if (seen.Count != 1 || first.Number(TiffTag.ImageWidth) != finest.Width || first.Number(TiffTag.ImageLength) != finest.Height)
        {
            throw new UnservedTiffException("it is OME-TIFF with levels in more than one place");
        }

        MicronsPerPixel? micronsPerPixel = ReadXml(xml, finest);
        List<PyramidLevel> levels = [finest];
        List<TiffDirectory> directories = [first];
        foreach (TiffDirectory directory in first.SubDirectories(MaxLevels))
        {
            long width = directory.Number(TiffTag.ImageWidth);
            long height = directory.Number(TiffTag.ImageLength);
            if (width < 1 || height < 1 || width >= levels[^1].Width || height >= levels[^1].Height)
            {
                throw new UnservedTiffException("its levels are not in the order of their sizes");
            }

            // As OpenSlide has it: the mean of both axes.
            levels.Add(new PyramidLevel(levels.Count, width, height, (((double)finest.Width / width) + ((double)finest.Height / height)) / 2));
            directories.Add(directory);
        }

        return new OmePyramid(levels, directories, micronsPerPixel);
    }

    private static MicronsPerPixel? ReadXml(string xml, PyramidLevel finest)
    {
        try
        {
            // Neither entities nor anything from elsewhere.
            using var reader = XmlReader.Create(
                new StringReader(xml), new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null, MaxCharactersInDocument = MaxXmlBytes });
            int pictures = 0;
            MicronsPerPixel? micronsPerPixel = null;
            while (reader.Read())
            {
                if (reader.NodeType != XmlNodeType.Element || reader.LocalName != "Pixels")
                {
                    continue;
                }

                bool isRgbPlane = reader.GetAttribute("SizeC") == "3" && (reader.GetAttribute("SizeZ") ?? "1") == "1" && (reader.GetAttribute("SizeT") ?? "1") == "1"
                    && reader.GetAttribute("SizeX") == finest.Width.ToString(CultureInfo.InvariantCulture)
                    && reader.GetAttribute("SizeY") == finest.Height.ToString(CultureInfo.InvariantCulture);
                if (++pictures > 1 || !isRgbPlane)
                {
                    throw new UnservedTiffException("it is OME-TIFF of more than one RGB picture");
                }

                micronsPerPixel = Pair(Microns(reader, "X"), Microns(reader, "Y"));
            }

            return pictures == 1 ? micronsPerPixel : throw new UnservedTiffException("its OME-XML names no picture");
        }
        catch (XmlException e)
        {
            throw new UnservedTiffException($"its OME-XML is damaged: {e.Message}");
        }
    }

    private static MicronsPerPixel? Pair(double? x, double? y) => (x ?? y) is { } either
        ? new MicronsPerPixel(x ?? either, y ?? either, MicronsPerPixelSource.VendorProperty)
        : null;

    /// <summary>The unit is µm where none is given.</summary>
    private static double? Microns(XmlReader pixels, string axis)
    {
        double? factor = (pixels.GetAttribute($"PhysicalSize{axis}Unit") ?? "µm") switch
        {
            "µm" or "μm" or "um" => 1,
            "nm" => 0.001,
            "mm" => 1000,
            _ => null,
        };
        return double.TryParse(pixels.GetAttribute($"PhysicalSize{axis}"), NumberStyles.Float, CultureInfo.InvariantCulture, out double size)
            && size * factor is { } microns && MicronsPerPixelResolver.IsPlausible(microns)
                ? microns
                : null;
    }
}
