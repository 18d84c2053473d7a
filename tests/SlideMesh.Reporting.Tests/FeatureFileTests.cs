using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using SlideMesh.Inference.Packages;
using SlideMesh.Reporting.Features;
using SlideMesh.Reporting.Features.Hdf5;
using SlideMesh.Slides;
using SlideMesh.Slides.Pyramid;
using SlideMesh.Tissue.Quality;

namespace SlideMesh.Reporting.Tests;

public sealed class FeatureFileTests : IDisposable
{
    private const int Dimension = 7;
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void Features_written_in_blocks_are_read_back_equal()
    {
        ArrayBag bag = MadeUp.Bag(Dimension);
        Write(_folder["a.h5"], bag, blockRows: 100);

        using FeatureFile file = FeatureFile.Open(_folder["a.h5"]);
        Assert.Equal((bag.Count, Dimension), (file.Count, file.Dimension));
        Assert.Equal(bag.Coordinates.ToArray(), file.Coordinates.ToArray());
        Assert.Equal(bag.TileSizeLevel0, file.TileSizeLevel0);
        float[] expected = new float[50 * Dimension];
        float[] read = new float[50 * Dimension];
        bag.Read(321, 50, expected);
        file.Read(321, 50, read);
        Assert.Equal(expected, read);
        Assert.Equal(Finding(bag.Count - 1), file.ReadQuality()[^1]);
        Assert.Equal(("fingerprint", "toy-encoder-512px", "toy-encoder", "abc123", "0.1.0"), (file.Claims.SlideFingerprint, file.Claims.Stream, file.Claims.Encoder, file.Claims.EncoderSha256, file.Claims.SoftwareVersion));
    }

    [Fact]
    public void Same_features_in_other_blocks_make_the_same_bytes()
    {
        Write(_folder["a.h5"], MadeUp.Bag(Dimension), blockRows: 100);
        Write(_folder["b.h5"], MadeUp.Bag(Dimension), blockRows: 517);
        Assert.Equal(File.ReadAllBytes(_folder["a.h5"]), File.ReadAllBytes(_folder["b.h5"]));
    }

    [Fact]
    public void Clam_reads_features_and_patch_geometry()
    {
        ArrayBag bag = MadeUp.Bag(Dimension);
        Write(_folder["a.h5"], bag);

        JsonElement clam = PythonReader.Read("clam", _folder["a.h5"]);
        Assert.Equal("float32", clam.GetProperty("dtype").GetString());
        Assert.Equal([bag.Count, Dimension], clam.GetProperty("shape").Numbers<int>());
        Assert.Equal(Sha256(bag), clam.GetProperty("sha256").GetString());
        Assert.Equal("i", clam.GetProperty("coords_kind").GetString());
        Assert.Equal([bag.Coordinates[0], bag.Coordinates[1]], clam.GetProperty("coords")[0].Numbers<long>());
        Assert.Equal(MadeUp.TileEdge, clam.GetProperty("level0_edge").GetDouble());
        Assert.Equal("slide-é", clam.GetProperty("attrs").GetProperty("name").GetString());
        Assert.Equal([40000L, 28000L], clam.GetProperty("attrs").GetProperty("level_dim").Numbers<long>());
    }

    [Fact]
    public void Trident_reads_every_attribute_it_looks_for()
    {
        Write(_folder["a.h5"], MadeUp.Bag(Dimension));

        JsonElement trident = PythonReader.Read("trident", _folder["a.h5"]);
        JsonElement attributes = trident.GetProperty("attrs");
        Assert.Equal("int64", trident.GetProperty("coords_dtype").GetString());
        Assert.Equal(512, attributes.GetProperty("patch_size_level0").GetInt32());
        Assert.Equal(40, attributes.GetProperty("level0_magnification").GetInt32());
        Assert.Equal(0, attributes.GetProperty("overlap").GetInt32());
        Assert.Equal(40000, attributes.GetProperty("level0_width").GetInt64());
        Assert.Equal(28000, attributes.GetProperty("level0_height").GetInt64());
        Assert.Equal("slide-é", attributes.GetProperty("name").GetString());
        Assert.Equal(".", attributes.GetProperty("savetodir").GetString());
        Assert.Equal(MadeUp.TileEdge, trident.GetProperty("level0_edge").GetDouble());
        Assert.Equal("toy-encoder-512px", trident.GetProperty("feature_attrs").GetProperty("encoder").GetString());
        Assert.Equal(0.5, trident.GetProperty("root").GetProperty("tile_mpp").GetDouble());
        Assert.Equal("abc123", trident.GetProperty("root").GetProperty("encoder_sha256").GetString());
        Assert.Equal([0.125, 0, 1], trident.GetProperty("quality")[1].Numbers<double>());
    }

    [Fact]
    public void Both_tools_cut_the_same_tissue_when_a_coarser_level_was_read()
    {
        FeatureFileHeader header = Header() with
        {
            ObjectivePower = null,
            Plan = MadeUp.Plan with { ReadLevel = new PyramidLevel(2, 10000, 7000, 4), ReadWidthPx = 128, ReadHeightPx = 128 },
        };
        Write(_folder["a.h5"], MadeUp.Bag(Dimension), header: header);

        JsonElement clam = PythonReader.Read("clam", _folder["a.h5"]);
        Assert.Equal(2, clam.GetProperty("patch_level").GetInt32());
        Assert.Equal(512, clam.GetProperty("level0_edge").GetDouble());
        Assert.Equal(512, PythonReader.Read("trident", _folder["a.h5"]).GetProperty("level0_edge").GetDouble());
    }

    [Fact]
    public void Slide_without_tiles_has_a_valid_empty_file()
    {
        Write(_folder["a.h5"], new ArrayBag([], [], Dimension));

        using FeatureFile file = FeatureFile.Open(_folder["a.h5"]);
        Assert.Equal((0, Dimension), (file.Count, file.Dimension));
        Assert.Equal([0, Dimension], PythonReader.Read("trident", _folder["a.h5"]).GetProperty("shape").Numbers<int>());
    }

    [Fact]
    public void Complete_with_rows_missing_throws()
    {
        using FeatureFileWriter writer = FeatureFileWriter.Create(_folder["a.h5"], Header(), 3, Dimension);
        writer.Append(new float[Dimension], [0, 0], [default]);
        InvalidOperationException error = Assert.Throws<InvalidOperationException>(writer.Complete);
        Assert.StartsWith("1 of 3 rows", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Truncated_file_is_refused_with_the_librarys_own_text()
    {
        Write(_folder["a.h5"], MadeUp.Bag(Dimension));
        using (FileStream stream = File.OpenWrite(_folder["a.h5"]))
        {
            stream.SetLength(stream.Length / 2);
        }

        Hdf5Exception error = Assert.Throws<Hdf5Exception>(() => FeatureFile.Open(_folder["a.h5"]));
        Assert.Contains("truncated", error.Message, StringComparison.Ordinal);
        Assert.Contains("a.h5", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void File_that_cannot_be_made_is_reported_with_its_path()
    {
        Hdf5Exception error = Assert.Throws<Hdf5Exception>(
            () => FeatureFileWriter.Create(_folder["no/such/folder/a.h5"], Header(), 0, Dimension));
        Assert.Contains("No such file or directory", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_file_is_not_locked_against_others()
    {
        Write(_folder["a.h5"], MadeUp.Bag(Dimension));
        using FeatureFileWriter writer = FeatureFileWriter.Create(_folder["b.h5"], Header(), 0, Dimension);
        using FeatureFile reader = FeatureFile.Open(_folder["a.h5"]);
        using FileStream same = new(_folder["a.h5"], FileMode.Open, FileAccess.ReadWrite, FileShare.None);
        using FileStream other = new(_folder["b.h5"], FileMode.Open, FileAccess.ReadWrite, FileShare.None);
        Assert.True(same.Length > 0);
    }

    [Fact]
    public void Concurrent_reads_return_their_own_rows()
    {
        ArrayBag bag = MadeUp.Bag(Dimension);
        Write(_folder["a.h5"], bag);
        using FeatureFile file = FeatureFile.Open(_folder["a.h5"]);
        Parallel.For(0, 200, i =>
        {
            float[] expected = new float[3 * Dimension];
            float[] read = new float[3 * Dimension];
            bag.Read(i * 5, 3, expected);
            file.Read(i * 5, 3, read);
            Assert.Equal(expected, read);
        });
    }

    [Fact]
    public void Stamp_reads_half_precision_features_and_coordinates_in_microns()
    {
        ArrayBag bag = new([1, 2.5f, -0.125f, 65504, 0.1f, 0], [1000, 2000, 3000, 4000], 3);
        StampFeatureFile.Write(_folder["s.h5"], bag, Header());
        StampFeatureFile.Write(_folder["t.h5"], bag, Header());

        JsonElement stamp = PythonReader.Read("stamp", _folder["s.h5"]);
        Assert.Equal("float16", stamp.GetProperty("dtype").GetString());
        Assert.Equal("float32", stamp.GetProperty("coords_dtype").GetString());
        Assert.Equal([1, 2.5, -0.125], stamp.GetProperty("feats")[0].Numbers<double>());
        Assert.Equal([65504, (double)(Half)0.1f, 0], stamp.GetProperty("feats")[1].Numbers<double>());
        Assert.Equal([750.0, 1000.0], stamp.GetProperty("coords")[1].Numbers<double>());
        Assert.Equal("um", stamp.GetProperty("attrs").GetProperty("unit").GetString());
        Assert.Equal(128.0, stamp.GetProperty("attrs").GetProperty("tile_size_um").GetDouble());
        Assert.Equal("tile", stamp.GetProperty("attrs").GetProperty("feat_type").GetString());
        Assert.Equal(File.ReadAllBytes(_folder["s.h5"]), File.ReadAllBytes(_folder["t.h5"]));
    }

    [Fact]
    public void Stamp_gets_the_largest_half_for_values_beyond_it_and_their_number()
    {
        StampFeatureFile.Write(_folder["s.h5"], new ArrayBag([1e6f, -7e4f, 65519, 65520, -65504, 1], [0, 0, 512, 0], 3), Header());
        StampFeatureFile.Write(_folder["t.h5"], new ArrayBag([65519, 1, 2], [0, 0], 3), Header());

        JsonElement stamp = PythonReader.Read("stamp", _folder["s.h5"]);
        Assert.Equal([65504.0, -65504, 65504], stamp.GetProperty("feats")[0].Numbers<double>());
        Assert.Equal([65504.0, -65504, 1], stamp.GetProperty("feats")[1].Numbers<double>());
        Assert.Equal(3, stamp.GetProperty("attrs").GetProperty("clamped_values").GetInt32());
        Assert.False(PythonReader.Read("stamp", _folder["t.h5"]).GetProperty("attrs").TryGetProperty("clamped_values", out _));
    }

    [Fact]
    public void Torch_loads_the_plain_tensor()
    {
        ArrayBag bag = MadeUp.Bag(Dimension);
        using (FileStream stream = File.Create(_folder["a.pt"]))
        {
            TorchTensorFile.Write(stream, bag);
        }

        JsonElement tensor = PythonReader.Read("torch", _folder["a.pt"]);
        Assert.Equal("torch.float32", tensor.GetProperty("dtype").GetString());
        Assert.Equal([bag.Count, Dimension], tensor.GetProperty("shape").Numbers<int>());
        Assert.Equal(Sha256(bag), tensor.GetProperty("sha256").GetString());

        using MemoryStream again = new();
        TorchTensorFile.Write(again, bag);
        Assert.Equal(File.ReadAllBytes(_folder["a.pt"]), again.ToArray());
    }

    public void Dispose() => _folder.Dispose();

    private static FeatureFileHeader Header() => new()
    {
        Slide = new SlideId("slide-é"),
        SlideFingerprint = "fingerprint",
        Stream = new FeatureStream("toy-encoder-512px", "toy-encoder", new TileView(256, 0.5), Dimension),
        EncoderSha256 = "abc123",
        SoftwareVersion = "0.1.0",
        Plan = MadeUp.Plan,
        ObjectivePower = 40,
    };

    private static TileQuality Finding(int row) => new(row % 8 / 8f, 0, row);

    private static void Write(string path, ArrayBag bag, int blockRows = 1000, FeatureFileHeader? header = null)
    {
        using FeatureFileWriter writer = FeatureFileWriter.Create(path, header ?? Header(), bag.Count, bag.Dimension);
        for (int start = 0; start < bag.Count; start += blockRows)
        {
            int rows = Math.Min(blockRows, bag.Count - start);
            float[] block = new float[rows * bag.Dimension];
            bag.Read(start, rows, block);
            writer.Append(block, bag.Coordinates.Slice(start * 2, rows * 2), [.. Enumerable.Range(start, rows).Select(Finding)]);
        }

        writer.Complete();
    }

    private static string Sha256(ArrayBag bag)
    {
        float[] all = new float[bag.Count * bag.Dimension];
        bag.Read(0, bag.Count, all);
        return Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes<float>(all)));
    }
}
