using System.Runtime.InteropServices;
using System.Runtime.Versioning;

[assembly: UnsupportedOSPlatform("windows")]

namespace SlideMesh.Mesh.Tests;

/// <summary>
/// Takes all permissions from a file or folder and, where tests run as root, root's rights from this thread (Linux keeps the user who
/// opens files by thread): root would read it all the same. Undone on the same thread when disposed.
/// </summary>
internal sealed partial class LesserUser : IDisposable
{
    private const uint Nobody = 65534;
    private const UnixFileMode Open = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    private readonly string _denied;
    private readonly int _before;

    /// <param name="reachable">Folder that others than its owner must be able to enter.</param>
    public LesserUser(string reachable, string denied)
    {
        _denied = denied;
        File.SetUnixFileMode(reachable, Open);
        File.SetUnixFileMode(denied, UnixFileMode.None);
        _before = setfsuid(Nobody);
    }

    public void Dispose()
    {
        _ = setfsuid((uint)_before);
        File.SetUnixFileMode(_denied, Open);
    }

    [LibraryImport("libc")]
    private static partial int setfsuid(uint user);
}
