using System.Reflection;

namespace SlideMesh.Mesh.Runs;

/// <summary>The version that results name as their maker.</summary>
public static class SoftwareVersion
{
    public static string Current { get; } =
        typeof(SoftwareVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;
}
