using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using SlideMesh.Models.Checkpoints;

namespace SlideMesh.Models.Tests.Checkpoints;

/// <summary>Files made to do harm, or damaged: a clear refusal, nothing run, no memory taken.</summary>
public sealed class HostileFileTests : IDisposable
{
    private const string Trace = "/tmp/slidemesh-hostile-pickle-ran";

    /// <summary>A refusal reads a header and a pickle of some hundred bytes.</summary>
    private const long MostBytes = 2 << 20;

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Pickles => [.. Directory.EnumerateFiles(ReferenceFolder.File("checkpoints"), "hostile-*.pt").Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Pickles))]
    public void A_hostile_pickle_is_refused(string file)
    {
        File.Delete(Trace);
        CheckpointException failure = Refused(ReferenceFolder.File("checkpoints", file));

        Assert.False(File.Exists(Trace), "the pickle's code ran");
        Assert.DoesNotContain('\n', failure.Message);
    }

    [Theory]
    [InlineData("hostile-system.pt", "names 'posix.system', which is not part of a state dict; it is refused and nothing was run")]
    [InlineData("hostile-system.legacy.pt", "names 'posix.system'")]
    [InlineData("hostile-reduce.pt", "names 'io.open'")]
    [InlineData("hostile-object.pt", "names 'torch.nn.modules.linear.Linear'")]
    [InlineData("hostile-elements.pt", "its storage claims 1099511627776 elements, 4 are there")]
    [InlineData("hostile-elements.legacy.pt", "claims 1099511627776 elements for storage '0', 16 bytes are left")]
    [InlineData("hostile-outside.pt", "claims 3 elements up to position 4, its storage has 4")]
    [InlineData("hostile-repeated.pt", "claims 1099511627776 elements up to position 0, its storage has 4")]
    [InlineData("hostile-path.pt", "lies in storage '../../etc/passwd', which is not there")]
    public void The_refusal_names_what_was_found(string file, string words)
    {
        Assert.Contains(words, Refused(ReferenceFolder.File("checkpoints", file)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("clam.pt")]
    [InlineData("clam.legacy.pt")]
    [InlineData("types.pt")]
    [InlineData("types.legacy.pt")]
    public void A_file_that_is_cut_short_anywhere_is_refused(string file)
    {
        byte[] whole = File.ReadAllBytes(ReferenceFolder.File("checkpoints", file));
        string cut = _folder.File(file);
        for (int length = 0; length < whole.Length; length += 1 + (whole.Length / 100))
        {
            File.WriteAllBytes(cut, whole[..length]);
            Refused(cut);
        }
    }

    [Theory]
    [InlineData("clam.pt")]
    [InlineData("clam.legacy.pt")]
    [InlineData("types.legacy.pt")]
    public void A_file_with_a_changed_byte_is_read_or_refused_and_nothing_else(string file)
    {
        byte[] bytes = File.ReadAllBytes(ReferenceFolder.File("checkpoints", file));
        string changed = _folder.File(file);
        for (int i = 0; i < bytes.Length; i += 11)
        {
            byte kept = bytes[i];
            bytes[i] ^= (byte)(1 << (i % 8));
            File.WriteAllBytes(changed, bytes);
            bytes[i] = kept;
            try
            {
                using Checkpoint checkpoint = CheckpointReader.Open(changed);
                Assert.All(checkpoint.Tensors.Values, t => Assert.Equal(t.Count, t.Load().LongLength));
            }
            catch (CheckpointException)
            {
                // The usual end.
            }
        }
    }

    [Fact]
    public void A_zip_bomb_is_refused_before_anything_is_unpacked()
    {
        string path = _folder.File("bomb.pt");
        using (ZipArchive archive = new(File.Create(path), ZipArchiveMode.Create))
        {
            using Stream pickle = archive.CreateEntry("archive/data.pkl", CompressionLevel.SmallestSize).Open();
            pickle.Write(new byte[64 << 20]);
        }

        Assert.Contains("compressed", Refused(path).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../data.pkl")]
    [InlineData("/etc/data.pkl")]
    [InlineData("archive/../../data.pkl")]
    [InlineData("archive\\data.pkl")]
    public void An_archive_that_names_files_outside_of_it_is_refused(string name)
    {
        string path = _folder.File("path.pt");
        using (ZipArchive archive = new(File.Create(path), ZipArchiveMode.Create))
        {
            archive.CreateEntry(name, CompressionLevel.NoCompression).Open().Dispose();
        }

        Assert.Contains("outside", Refused(path).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"w":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4]}}""", "more elements|elements up to")]
    [InlineData("""{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4000]}}""", "points outside")]
    [InlineData("""{"w":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}""", "points outside")]
    [InlineData("""{"w":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", "negative")]
    [InlineData("""{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,16]}}""", "takes 8 bytes, 16 are given")]
    [InlineData("""{"w":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}}""", "'F8_E4M3', which is not read")]
    [InlineData("""{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", "not safetensors'")]
    [InlineData("""{"w":[1]}""", "not safetensors'")]
    [InlineData("""{"w":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}""", "more elements than fit any file")]
    public void A_safetensors_header_that_does_not_fit_its_file_is_refused(string header, string words)
    {
        string path = _folder.File("w.safetensors");
        byte[] length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, Encoding.UTF8.GetByteCount(header));
        File.WriteAllBytes(path, [.. length, .. Encoding.UTF8.GetBytes(header), .. new byte[16]]);

        string message = Refused(path).Message;

        Assert.True(words.Split('|').Any(w => message.Contains(w, StringComparison.Ordinal)), message);
    }

    [Fact]
    public void A_safetensors_header_of_terabytes_takes_no_memory()
    {
        string path = _folder.File("w.safetensors");
        byte[] length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, 90_000_000);
        File.WriteAllBytes(path, [.. length, .. "{}"u8]);

        Assert.Contains("claims a header of 90000000 bytes", Refused(path).Message, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    private static CheckpointException Refused(string path)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        CheckpointException failure = Assert.Throws<CheckpointException>(() =>
        {
            using Checkpoint checkpoint = CheckpointReader.Open(path);
        });
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, MostBytes);
        return failure;
    }
}
