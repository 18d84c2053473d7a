using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using SlideMesh.Reporting.OutputStore;
using SlideMesh.Tissue.Quality;

namespace SlideMesh.Mesh.Stages;

/// <summary>Why a planned tile has no row.</summary>
public enum TileOutcome
{
    /// <summary>Embedded: it has a row.</summary>
    Embedded = 0,

    /// <summary>Left out by quality: mostly background once seen at full resolution.</summary>
    Background = 1,

    /// <summary>Left out by quality: mostly pen.</summary>
    Pen = 2,

    /// <summary>Left out by quality: blurred, when blurred tiles are excluded.</summary>
    Blurred = 3,

    /// <summary>Could not be decoded.</summary>
    Unreadable = 4,

    /// <summary>The model's row holds NaN or infinity.</summary>
    NonFinite = 5,
}

/// <summary>What became of one planned tile.</summary>
/// <param name="PlanIndex">Index in the stream's plan.</param>
/// <param name="Detail">Native text for unreadable tiles, empty otherwise.</param>
public sealed record TileRecord(int PlanIndex, TileOutcome Outcome, TileQuality Quality, string Detail);

/// <summary>
/// One shard's rows as they wait for the merge. Little endian: magic, key (32 bytes), tile count, row count, width D, tile
/// records in plan order, rows float32 [rows, D], SHA-256 of all that stands before. A file that is cut short, damaged or made
/// from other inputs reads as absent.
/// </summary>
public sealed class ShardFile
{
    private static readonly byte[] Magic = "SMSHARD1"u8.ToArray();

    public required IReadOnlyList<TileRecord> Tiles { get; init; }

    /// <summary>[embedded tiles, D], row-major, in plan order.</summary>
    public required float[] Rows { get; init; }

    public required int Dimension { get; init; }

    public int RowCount => Dimension == 0 ? 0 : Rows.Length / Dimension;

    public void Write(string path, string key, bool createFolder = true)
    {
        using MemoryStream memory = new((Rows.Length * sizeof(float)) + (Tiles.Count * 32) + 256);
        using (BinaryWriter writer = new(memory, Encoding.UTF8, leaveOpen: true))
        {
            writer.Write(Magic);
            writer.Write(Convert.FromHexString(key));
            writer.Write(Tiles.Count);
            writer.Write(RowCount);
            writer.Write(Dimension);
            foreach (TileRecord tile in Tiles)
            {
                writer.Write(tile.PlanIndex);
                writer.Write((byte)tile.Outcome);
                writer.Write(tile.Quality.BackgroundShare);
                writer.Write(tile.Quality.PenShare);
                writer.Write(tile.Quality.BlurVariance);
                writer.Write(tile.Detail);
            }

            writer.Write(MemoryMarshal.AsBytes(Rows.AsSpan()));
        }

        byte[] hash = SHA256.HashData(memory.GetBuffer().AsSpan(0, (int)memory.Length));
        memory.Write(hash);
        AtomicFile.WriteBytes(path, memory.GetBuffer().AsMemory(0, (int)memory.Length), createFolder);
    }

    /// <returns>Null when the file is absent, damaged, or belongs to another key or range.</returns>
    public static ShardFile? TryRead(string path, string key, ShardRange range) =>
        TryRead(path, key) is { } shard && shard.Tiles.Count == range.Count && shard.Tiles[0].PlanIndex == range.Start ? shard : null;

    private static ShardFile? TryRead(string path, string key)
    {
        byte[] bytes;
        try
        {
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }

        int head = Magic.Length + 32 + 12;
        if (bytes.Length < head + 32
            || !bytes.AsSpan(0, Magic.Length).SequenceEqual(Magic)
            || !bytes.AsSpan(Magic.Length, 32).SequenceEqual(Convert.FromHexString(key))
            || !SHA256.HashData(bytes.AsSpan(0, bytes.Length - 32)).AsSpan().SequenceEqual(bytes.AsSpan(bytes.Length - 32)))
        {
            return null;
        }

        int tiles = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(Magic.Length + 32));
        int rows = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(Magic.Length + 36));
        int dimension = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(Magic.Length + 40));
        using MemoryStream memory = new(bytes, head, bytes.Length - head - 32, writable: false);
        using BinaryReader reader = new(memory, Encoding.UTF8);
        List<TileRecord> records = new(tiles);
        for (int i = 0; i < tiles; i++)
        {
            int index = reader.ReadInt32();
            TileOutcome outcome = (TileOutcome)reader.ReadByte();
            TileQuality quality = new(reader.ReadSingle(), reader.ReadSingle(), reader.ReadSingle());
            records.Add(new TileRecord(index, outcome, quality, reader.ReadString()));
        }

        float[] values = new float[checked(rows * dimension)];
        reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(values.AsSpan()));
        return new ShardFile { Tiles = records, Rows = values, Dimension = dimension };
    }
}
