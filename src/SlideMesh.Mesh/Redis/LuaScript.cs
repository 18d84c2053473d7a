using System.Reflection;
using System.Security.Cryptography;
using System.Text;

namespace SlideMesh.Mesh.Redis;

/// <summary>One change of state that Redis makes as a whole: a file of <c>Scripts/</c> behind the prelude.</summary>
internal sealed class LuaScript
{
    private static readonly string Prelude = Read("prelude");

    private LuaScript(string name)
    {
        Name = name;
        Text = Prelude + Read(name);
        // The protocol's name of a script, no protection of anything.
#pragma warning disable CA5350
        Sha1 = Convert.ToHexStringLower(SHA1.HashData(Encoding.UTF8.GetBytes(Text)));
#pragma warning restore CA5350
    }

    public static LuaScript Post { get; } = new("post");

    public static LuaScript Claim { get; } = new("claim");

    public static LuaScript Steal { get; } = new("steal");

    public static LuaScript Finish { get; } = new("finish");

    public static LuaScript Defer { get; } = new("defer");

    public static LuaScript Again { get; } = new("again");

    public static LuaScript Release { get; } = new("release");

    public static LuaScript Beat { get; } = new("beat");

    public static LuaScript Sweep { get; } = new("sweep");

    public static LuaScript Expect { get; } = new("expect");

    public static LuaScript Mark { get; } = new("mark");

    public static LuaScript Forget { get; } = new("forget");

    public static LuaScript Anew { get; } = new("anew");

    public static LuaScript Crash { get; } = new("crash");

    public static LuaScript Submit { get; } = new("submit");

    public static LuaScript Phase { get; } = new("phase");

    public static LuaScript End { get; } = new("end");

    public static LuaScript Close { get; } = new("close");

    public static LuaScript Cancel { get; } = new("cancel");

    public static LuaScript Pause { get; } = new("pause");

    public static LuaScript Go { get; } = new("go");

    public static LuaScript Retry { get; } = new("retry");

    public static LuaScript Erase { get; } = new("erase");

    public static LuaScript Announce { get; } = new("announce");

    public static LuaScript Census { get; } = new("census");

    public string Name { get; }

    public string Text { get; }

    public string Sha1 { get; }

    private static string Read(string name)
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream($"SlideMesh.Mesh.Redis.Scripts.{name}.lua")!;
        using StreamReader reader = new(stream, Encoding.UTF8);
        return reader.ReadToEnd();
    }
}
