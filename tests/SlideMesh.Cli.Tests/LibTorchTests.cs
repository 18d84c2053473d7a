using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace SlideMesh.Cli.Tests;

/// <summary>The main job on the libtorch engine, and what a machine without it sees.</summary>
[Collection(OneAfterAnother.Name)]
public sealed class LibTorchTests(Workplace workplace)
{
    /// <summary>Set by tools/test.sh, which builds the engine's library: its tests must then run.</summary>
    private const string Needed = "SLIDEMESH_TESTS_NEED_LIBTORCH";

    private static bool IsBuilt => File.Exists(Path.Combine(SlideMeshProcess.Repository, ".native", "linux-x64", "libslidemesh_torch.so"))
        || File.Exists(Path.Combine(SlideMeshProcess.Repository, ".native", "linux-arm64", "libslidemesh_torch.so"));

    [LibTorchFact]
    public void Whole_job_on_libtorch_predicts_what_onnx_runtime_does()
    {
        string output = workplace.NewOutput();
        workplace.Run("run", "good", "--out", output, "--engine", "libtorch", "--quiet").Expect(0);

        OutputTree tree = workplace.Tree(output);
        int numbers = 0;
        foreach (string slide in Workplace.Good)
        {
            string file = Path.Combine("slides", slide, "predictions.json");
            using JsonDocument expected = JsonDocument.Parse(File.ReadAllBytes(workplace.Undisturbed.At(file)));
            using JsonDocument found = JsonDocument.Parse(File.ReadAllBytes(tree.At(file)));
            numbers += AssertNear(expected.RootElement.GetProperty("tasks"), found.RootElement.GetProperty("tasks"), slide);
        }

        Assert.True(numbers > 30, $"Only {numbers} numbers were compared.");

        // The engine is part of what results are kept under: ONNX Runtime's are not taken for libtorch's, nor the other way round.
        workplace.Run("run", "good", "--out", output, "--quiet").Expect(0);
        tree.AssertSameAs(workplace.Undisturbed);
    }

    [LibTorchFact]
    public void Device_that_is_not_there_is_bad_input()
    {
        workplace.Run("run", "good", "--out", workplace.NewOutput(), "--engine", "libtorch", "--device", "cuda:63").ExpectOneLine(2, "there is no device cuda:63");
        workplace.Run("run", "good", "--out", workplace.NewOutput(), "--engine", "libtorch", "--device", "gpu").ExpectOneLine(2, "'gpu' is not one of auto, cpu, cuda, cuda:N, all");
    }

    [Fact]
    public void Without_its_library_doctor_says_so_and_the_rest_works()
    {
        Dictionary<string, string> without = new() { ["SLIDEMESH_LIBTORCH"] = "/nowhere/libslidemesh_torch.so" };

        CliResult doctor = SlideMeshProcess.RunWith(workplace.Root, without, "doctor").Expect(0);
        Assert.Contains("engine libtorch      not usable", doctor.Out, StringComparison.Ordinal);
        Assert.Contains("doctor --build-torch", doctor.Out, StringComparison.Ordinal);
        Assert.Contains("everything else works", doctor.Out, StringComparison.Ordinal);
        Assert.Contains("all good", doctor.Out, StringComparison.Ordinal);

        SlideMeshProcess.RunWith(workplace.Root, without, "run", "good", "--out", workplace.NewOutput(), "--engine", "libtorch")
            .ExpectOneLine(5, "tools/setup.sh --torch");
        string output = workplace.NewOutput();
        SlideMeshProcess.RunWith(workplace.Root, without, "run", "good/a.tiff", "--out", output, "--quiet").Expect(0);
    }

    [Fact]
    public void Library_that_cannot_be_built_says_why()
    {
        using Process which = Process.Start(new ProcessStartInfo("sh", ["-c", "readlink -f \"$(command -v dotnet)\""]) { RedirectStandardOutput = true })!;
        string dotnet = which.StandardOutput.ReadToEnd().Trim();
        string tools = Directory.CreateDirectory(Path.Combine(workplace[workplace.NewOutput()], "bin")).FullName;
        File.CreateSymbolicLink(Path.Combine(tools, "dotnet"), dotnet);
        string old = Torch(tools, 1, 12);

        workplace.Run("doctor", "--build-torch", "--torch-path", "/nowhere").ExpectOneLine(2, "--torch-path '/nowhere' is no libtorch");
        workplace.Run("doctor", "--torch-path", "/usr").ExpectOneLine(2, "add --build-torch");
        SlideMeshProcess.RunWith(workplace.Root, new() { ["PATH"] = tools }, "doctor", "--build-torch", "--torch-path", old).ExpectOneLine(5, "cmake is missing: apt-get install cmake");
    }

    [LibTorchFact]
    public void Libtorch_that_is_too_old_to_build_against_is_named()
    {
        string old = Torch(workplace[workplace.NewOutput()], 1, 12);

        workplace.Run("doctor", "--build-torch", "--torch-path", old).ExpectOneLine(5, $"libtorch 1.12 at {old} is too old: 1.13 or newer is needed");
    }

    [LibTorchTheory]
    [InlineData("int smt_interface(void) { return 99; }", "has interface 99, this SlideMesh needs")]
    [InlineData(
        "#include <string.h>\nint smt_interface(void) { return 1; } int smt_get_versions(char* v, void* e) { (void)e; strcpy(v, \"2.4.0\"); strcpy(v + 64, \"2.5.1\"); return 0; }",
        "was built for libtorch 2.4.0 and finds 2.5.1; build it: tools/setup.sh --torch")]
    [InlineData("int other(void) { return 1; }", "is not libslidemesh_torch.so")]
    public void Library_that_does_not_fit_says_what_to_do(string source, string expected)
    {
        string folder = Directory.CreateDirectory(workplace[workplace.NewOutput()]).FullName;
        string library = Path.Combine(folder, "libslidemesh_torch.so");
        File.WriteAllText(Path.Combine(folder, "library.c"), source);
        using Process compiler = Process.Start("g++", ["-x", "c", "-shared", "-fPIC", "-o", library, Path.Combine(folder, "library.c")]);
        Assert.True(compiler.WaitForExit(TimeSpan.FromMinutes(1)) && compiler.ExitCode == 0, "The compiler failed.");

        CliResult doctor = SlideMeshProcess.RunWith(workplace.Root, new() { ["SLIDEMESH_LIBTORCH"] = library }, "doctor").Expect(0);

        Assert.Contains("engine libtorch      not usable", doctor.Out, StringComparison.Ordinal);
        Assert.Contains(expected, doctor.Out, StringComparison.Ordinal);
    }

    /// <summary>What looks like an installation of libtorch, without anything in it.</summary>
    private static string Torch(string folder, int major, int minor)
    {
        string root = Directory.CreateDirectory(Path.Combine(folder, "torch")).FullName;
        Directory.CreateDirectory(Path.Combine(root, "lib"));
        string api = Directory.CreateDirectory(Path.Combine(root, "include", "torch", "csrc", "api", "include", "torch")).FullName;
        foreach (string name in (string[])["c10", "torch", "torch_cpu"])
        {
            File.WriteAllText(Path.Combine(root, "lib", $"lib{name}.so"), "");
        }

        File.WriteAllText(Path.Combine(root, "include", "torch", "script.h"), "");
        File.WriteAllText(Path.Combine(api, "version.h"), $"#define TORCH_VERSION_MAJOR {major}\n#define TORCH_VERSION_MINOR {minor}\n");
        return root;
    }

    [Fact]
    public void Onnx_runtime_without_a_cuda_provider_says_what_to_do()
    {
        workplace.Run("run", "good", "--out", workplace.NewOutput(), "--device", "cuda").ExpectOneLine(5, "SLIDEMESH_ONNXRUNTIME");
        workplace.Run("run", "good", "--out", workplace.NewOutput(), "--precision", "bf16").ExpectOneLine(2, "--engine libtorch");
    }

    /// <returns>Numbers compared.</returns>
    private static int AssertNear(JsonElement expected, JsonElement found, string where)
    {
        Assert.Equal(expected.ValueKind, found.ValueKind);
        switch (expected.ValueKind)
        {
            case JsonValueKind.Object:
                Assert.Equal(expected.EnumerateObject().Select(m => m.Name), found.EnumerateObject().Select(m => m.Name));
                return expected.EnumerateObject().Sum(member => AssertNear(member.Value, found.GetProperty(member.Name), $"{where}.{member.Name}"));
            case JsonValueKind.Array:
                Assert.Equal(expected.GetArrayLength(), found.GetArrayLength());
                return expected.EnumerateArray().Zip(found.EnumerateArray()).Select((pair, i) => AssertNear(pair.First, pair.Second, $"{where}[{i}]")).Sum();
            case JsonValueKind.Number:
                // Mutations per megabase go up to some tens; everything else is a probability.
                double tolerance = 1e-4 * Math.Max(1, Math.Abs(expected.GetDouble()));
                Assert.True(
                    Math.Abs(expected.GetDouble() - found.GetDouble()) <= tolerance,
                    string.Create(CultureInfo.InvariantCulture, $"{where}: {expected.GetDouble()} expected, {found.GetDouble()} found"));
                return 1;
            default:
                Assert.Equal(expected.ToString(), found.ToString());
                return 0;
        }
    }

    private sealed class LibTorchFactAttribute : FactAttribute
    {
        public LibTorchFactAttribute() => Skip = WhyNot();
    }

    private sealed class LibTorchTheoryAttribute : TheoryAttribute
    {
        public LibTorchTheoryAttribute() => Skip = WhyNot();
    }

    private static string? WhyNot() => IsBuilt || Environment.GetEnvironmentVariable(Needed) is { Length: > 0 }
        ? null
        : "libslidemesh_torch.so is not built: tools/setup.sh --torch";
}
