using System.Text.RegularExpressions;
using System.Xml.Linq;
using SlideMesh.Operation.Tests.Kubernetes;

namespace SlideMesh.Operation.Tests.Images;

/// <summary>What can be told of the Dockerfile without building it; tools/check_image.sh runs its steps.</summary>
[Collection(RenderedOnce.Name)]
public sealed partial class DockerfileTests(Renderings renderings)
{
    /// <summary>Instructions with their continuation lines joined, comments left out.</summary>
    private static readonly string[] Instructions =
        [.. string.Join('\n', Checkout.Read("Dockerfile").Split('\n').Where(line => !line.StartsWith('#'))).Replace("\\\n", " ", StringComparison.Ordinal).Split('\n').Where(line => line.Length > 0)];

    [Fact]
    public void Stages_build_on_stages_or_on_images_with_a_version()
    {
        HashSet<string> stages = [];
        string debian = Instructions.Single(i => i.StartsWith("ARG DEBIAN=", StringComparison.Ordinal)).Split('=')[1];
        foreach (string[] from in Instructions.Where(i => i.StartsWith("FROM ", StringComparison.Ordinal)).Select(i => i.Split(' ', StringSplitOptions.RemoveEmptyEntries)))
        {
            string image = from[1] == "${DEBIAN}" ? debian : from[1];
            Assert.True(stages.Contains(image) || (VersionedImage().IsMatch(image) && !image.EndsWith(":latest", StringComparison.Ordinal)), $"'{image}' is neither a stage nor an image with a version");
            if (from is [_, _, "AS", string name])
            {
                stages.Add(name);
            }
        }

        // A context that the operator names at the build.
        Assert.All(
            Instructions.Select(i => StageSource().Match(i)).Where(m => m.Success).Select(m => m.Groups[1].Value), source => Assert.True(stages.Contains(source) || source == "torch", $"'--from={source}' is no stage"));
        Assert.Equal("FROM slidemesh", Instructions[^1]);
    }

    [Fact]
    public void What_is_copied_exists_and_is_let_through()
    {
        string[] allowed = [.. Checkout.Read(".dockerignore").Split('\n').Where(line => line.StartsWith('!')).Select(line => line[1..])];
        Assert.All(allowed, path => Assert.True(Path.Exists(Checkout.PathOf(path)), $".dockerignore lets '{path}' through, which is not there"));
        Assert.Contains("*", Checkout.Read(".dockerignore").Split('\n'));
        // src/ publishes the demo models too, and the build needs its central settings.
        Assert.All(["src", "tools/setup.sh", "tools/demo-models", "Directory.Build.props", "Directory.Packages.props", "global.json"], needed => Assert.Contains(needed, allowed));
        Assert.All(
            Instructions.Where(i => i.StartsWith("COPY ", StringComparison.Ordinal) && !i.Contains("--from=", StringComparison.Ordinal)).Select(i => i.Split(' ')[1]).Where(s => s != "."),
            source => Assert.Contains(source, allowed));
    }

    [Fact]
    public void Image_installs_the_libraries_that_setup_installs()
    {
        string[] image = Stage("slidemesh").Single(i => i.Contains("apt-get install", StringComparison.Ordinal)).Split(' ');
        string[] setup = PackageList().Match(Checkout.Read("tools/setup.sh")).Groups[1].Value.Split(' ');
        Assert.True(setup.Length >= 3, "tools/setup.sh has no list of packages");
        Assert.All(setup, package => Assert.Contains(package, image));
        // Of HDF5's packages a release of Debian has one; the image must install one of those that setup.sh chooses from.
        string[] hdf5 = Hdf5Packages().Match(Checkout.Read("tools/setup.sh")).Groups[1].Value.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Assert.Single(image.Intersect(hdf5));
        Assert.Contains("RUN tools/setup.sh", Stage("build"));
    }

    [Fact]
    public void Image_runs_as_the_pods_user_without_a_shell_in_between()
    {
        string user = Stage("slidemesh").Single(i => i.StartsWith("USER ", StringComparison.Ordinal))[5..];
        Rendering rendering = renderings["gpu"];
        Assert.All(rendering.Nodes, n => Assert.Equal($"{n.Pod.Number("securityContext", "runAsUser")}:{n.Pod.Number("securityContext", "runAsGroup")}", user));
        Assert.StartsWith("ENTRYPOINT [\"/opt/slidemesh/slidemesh\"]", Stage("slidemesh").Single(i => i.StartsWith("ENTRYPOINT", StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.DoesNotContain(Stage("gpu"), i => i.StartsWith("USER", StringComparison.Ordinal) || i.StartsWith("ENTRYPOINT", StringComparison.Ordinal));
    }

    [Fact]
    public void Overlays_name_the_version_that_is_built()
    {
        string version = XDocument.Load(Checkout.PathOf("Directory.Build.props")).Descendants("Version").Single().Value;
        Assert.All(renderings["gpu"].Nodes, n => Assert.EndsWith($":{version}", n.Containers[0].Text("image"), StringComparison.Ordinal));
    }

    /// <summary>The program's own list of frameworks decides which of Microsoft's images its .NET must come from.</summary>
    [Fact]
    public void Runtime_has_the_frameworks_of_the_program()
    {
        string configuration = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "slidemesh.runtimeconfig.json"));
        string image = configuration.Contains("Microsoft.AspNetCore.App", StringComparison.Ordinal) ? "aspnet" : "runtime";
        Assert.Contains(Instructions, i => RuntimeImage().Match(i).Groups[1].Value == image);
    }

    private static string[] Stage(string name)
    {
        int start = Array.FindIndex(Instructions, i => i.StartsWith("FROM ", StringComparison.Ordinal) && i.EndsWith($" AS {name}", StringComparison.Ordinal));
        Assert.True(start >= 0, $"the Dockerfile has no stage '{name}'");
        return [.. Instructions.Skip(start + 1).TakeWhile(i => !i.StartsWith("FROM ", StringComparison.Ordinal))];
    }

    [GeneratedRegex(@"^[a-z0-9./-]+:[a-z]*[0-9.]*[a-z0-9.-]+$")]
    private static partial Regex VersionedImage();

    [GeneratedRegex(@"--from=(\S+)")]
    private static partial Regex StageSource();

    [GeneratedRegex(@"(?m)^packages=\(([^)]*)\)")]
    private static partial Regex PackageList();

    [GeneratedRegex(@"(?m)^hdf5_packages=\(([^)]*)\)")]
    private static partial Regex Hdf5Packages();

    [GeneratedRegex(@"^FROM \S+/dotnet/(\w+):[0-9.]+ AS runtime$")]
    private static partial Regex RuntimeImage();
}
