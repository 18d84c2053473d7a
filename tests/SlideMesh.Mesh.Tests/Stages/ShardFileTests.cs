using SlideMesh.Mesh.Stages;
using SlideMesh.Tissue.Quality;

namespace SlideMesh.Mesh.Tests.Stages;

public sealed class ShardFileTests : IDisposable
{
    private static readonly string Key = new('a', 64);
    private static readonly ShardRange Range = new(2, 20, 5);

    private readonly TemporaryFolder _folder = new();
    private readonly string _path;

    public ShardFileTests()
    {
        _path = _folder["x.shard"];
        Shard().Write(_path, Key);
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Shard_written_is_read_back_equal()
    {
        ShardFile read = ShardFile.TryRead(_path, Key, Range)!;
        Assert.Equal(Shard().Tiles, read.Tiles);
        Assert.Equal(Shard().Rows, read.Rows);
        Assert.Equal((3, 3), (read.Dimension, read.RowCount));
    }

    [Fact]
    public void Shard_without_a_row_is_read_back()
    {
        ShardFile empty = new() { Tiles = [new TileRecord(0, TileOutcome.Pen, default, "")], Rows = [], Dimension = 0 };
        empty.Write(_path, Key);
        ShardFile read = ShardFile.TryRead(_path, Key, new ShardRange(0, 0, 1))!;
        Assert.Equal(0, read.RowCount);
        Assert.Equal(TileOutcome.Pen, Assert.Single(read.Tiles).Outcome);
    }

    [Fact]
    public void Same_shard_is_the_same_bytes()
    {
        byte[] first = File.ReadAllBytes(_path);
        Shard().Write(_path, Key);
        Assert.Equal(first, File.ReadAllBytes(_path));
    }

    [Fact]
    public void Shard_cut_short_at_any_length_reads_as_absent()
    {
        byte[] whole = File.ReadAllBytes(_path);
        for (int length = 0; length < whole.Length; length++)
        {
            File.WriteAllBytes(_path, whole[..length]);
            Assert.Null(ShardFile.TryRead(_path, Key, Range));
        }
    }

    [Fact]
    public void Shard_with_any_byte_changed_reads_as_absent()
    {
        byte[] whole = File.ReadAllBytes(_path);
        for (int at = 0; at < whole.Length; at++)
        {
            byte[] damaged = [.. whole];
            damaged[at] ^= (byte)(1 << (at % 8));
            File.WriteAllBytes(_path, damaged);
            Assert.Null(ShardFile.TryRead(_path, Key, Range));
        }
    }

    [Fact]
    public void Shard_with_bytes_behind_it_reads_as_absent()
    {
        File.AppendAllText(_path, "more");
        Assert.Null(ShardFile.TryRead(_path, Key, Range));
    }

    [Fact]
    public void Shard_of_another_key_reads_as_absent() =>
        Assert.Null(ShardFile.TryRead(_path, "b" + Key[1..], Range));

    [Theory]
    [InlineData(20, 4)]
    [InlineData(20, 6)]
    [InlineData(19, 5)]
    [InlineData(0, 5)]
    public void Shard_of_another_range_reads_as_absent(int start, int count) =>
        Assert.Null(ShardFile.TryRead(_path, Key, new ShardRange(2, start, count)));

    [Fact]
    public void Missing_file_or_folder_reads_as_absent()
    {
        Assert.Null(ShardFile.TryRead(_folder["none.shard"], Key, Range));
        Assert.Null(ShardFile.TryRead(_folder["none/none.shard"], Key, Range));
    }

    private static ShardFile Shard() => new()
    {
        Tiles =
        [
            new TileRecord(20, TileOutcome.Embedded, new TileQuality(0.1f, 0, 31.5f), ""),
            new TileRecord(21, TileOutcome.Unreadable, default, "der Block fehlt: ü"),
            new TileRecord(22, TileOutcome.Embedded, new TileQuality(0.2f, 0.01f, 12), ""),
            new TileRecord(23, TileOutcome.Background, new TileQuality(0.99f, 0, 0), ""),
            new TileRecord(24, TileOutcome.Embedded, new TileQuality(0, 0, float.MaxValue), ""),
        ],
        Rows = [1, 2, 3, -0f, float.Epsilon, 1e30f, 7, 8, 9],
        Dimension = 3,
    };
}
