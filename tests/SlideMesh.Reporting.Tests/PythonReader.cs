using System.Diagnostics;
using System.Text.Json;

namespace SlideMesh.Reporting.Tests;

/// <summary>Runs Reference/read_outputs.py with Debian's Python, which has h5py, PyTorch, Pillow and openslide.</summary>
internal static class PythonReader
{
    private const string Python = "/usr/bin/python3";

    public static JsonElement Read(string how, string file, params ReadOnlySpan<long> position)
    {
        Assert.True(File.Exists(Python), $"{Python} is missing; tools/setup.sh installs it with what the reference readers need");
        ProcessStartInfo start = new(Python) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "Reference", "read_outputs.py"));
        start.ArgumentList.Add(how);
        start.ArgumentList.Add(file);
        foreach (long number in position)
        {
            start.ArgumentList.Add(number.ToString());
        }

        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"the reference reader '{how}' failed: {errors.Result}");
        return JsonDocument.Parse(output).RootElement;
    }

    public static T[] Numbers<T>(this JsonElement array) => array.Deserialize<T[]>()!;
}
