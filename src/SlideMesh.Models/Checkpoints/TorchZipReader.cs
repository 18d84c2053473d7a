using System.Text;
using SlideMesh.Models.Checkpoints.Pickle;

namespace SlideMesh.Models.Checkpoints;

/// <summary>
/// PyTorch's format since 1.6: a zip archive with one folder that holds <c>data.pkl</c> and a file in <c>data/</c> for each storage.
/// TorchScript's archives look alike and hold code beside, which is not read: only their weights are, under the modules' names.
/// </summary>
internal static class TorchZipReader
{
    /// <summary>Names and shapes take some hundred bytes a tensor.</summary>
    private const long LongestPickle = 256L << 20;

    public static object? Read(CheckpointFile file)
    {
        Dictionary<string, FileSegment?> files = ZipDirectory.Read(file);
        string[] pickles = [.. files.Keys.Where(name => name.EndsWith("/data.pkl", StringComparison.Ordinal) && name.Count(c => c == '/') == 1)];
        if (pickles is not [var pickleName])
        {
            throw file.Fail("is a zip archive, but not one of PyTorch's (a folder with data.pkl); give the file that torch.save wrote.");
        }

        string folder = pickleName[..^"data.pkl".Length];
        if (files.ContainsKey(folder + "byteorder") && Text(Stored(file, files, folder + "byteorder")) != "little")
        {
            throw file.Fail("was written on a big-endian machine; save it again on a usual one.");
        }

        FileSegment pickle = Stored(file, files, pickleName);
        if (pickle.Length > LongestPickle)
        {
            throw file.Fail($"has a pickle of {pickle.Length} bytes; state dicts have less than {LongestPickle}: it is refused.");
        }

        bool script = files.Keys.Any(name => name.StartsWith(folder + "code/", StringComparison.Ordinal));
        object? root = new Unpickler(file, new PickleInput(file, pickle), script).Read();
        Dictionary<string, IByteSource> storages = files
            .Where(f => f.Key.StartsWith(folder + "data/", StringComparison.Ordinal))
            .ToDictionary(f => f.Key[(folder.Length + "data/".Length)..], f => (IByteSource)Stored(file, files, f.Key), StringComparer.Ordinal);
        return StorageBinder.Bind(file, root, storages);
    }

    private static FileSegment Stored(CheckpointFile file, Dictionary<string, FileSegment?> files, string name) => files[name]
        ?? throw file.Fail($"holds '{ZipDirectory.Printable(name)}' compressed or encrypted; PyTorch stores it as it is: save it again with torch.save.");

    private static string Text(FileSegment segment)
    {
        byte[] bytes = new byte[Math.Min(segment.Length, 16)];
        segment.Read(0, bytes);
        return Encoding.ASCII.GetString(bytes);
    }
}
