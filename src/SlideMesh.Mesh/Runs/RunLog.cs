using SlideMesh.Mesh.Cohort;
using SlideMesh.Mesh.Messages;

namespace SlideMesh.Mesh.Runs;

/// <summary><c>run.log</c>: the traces behind the one-line reasons. Appended to by each run; holds no pixels and no patient data.</summary>
public sealed class RunLog : IDisposable
{
    private readonly StreamWriter _writer;
    private readonly TimeProvider _time;

    public RunLog(string path, TimeProvider time)
    {
        _time = time;
        _writer = new StreamWriter(path, append: true) { AutoFlush = true };
    }

    public void Failure(CohortEntry slide, MeshMessage message, Exception failure)
    {
        string trace = failure.ToString().Replace(slide.FullPath, slide.Path, StringComparison.Ordinal);
        Write($"slide {slide.Id}, {message.GetType().Name}, delivery {message.Attempt + 1}: {trace}");
    }

    /// <summary>One line about the run as a whole.</summary>
    public void Note(string note) => Write($"note: {note}");

    private void Write(string text)
    {
        lock (_writer)
        {
            try
            {
                _writer.WriteLine($"{_time.GetUtcNow():O} {text}");
            }
            catch (Exception full) when (IsWriteFailure(full))
            {
                // A full disk is reported by the slides that fail for it; the log must not bring the run down.
            }
        }
    }

    public void Dispose()
    {
        try
        {
            _writer.Dispose();
        }
        catch (Exception full) when (IsWriteFailure(full))
        {
            // As above.
        }
    }

    // .NET reports EFBIG as a bad argument.
    private static bool IsWriteFailure(Exception failure) => failure is IOException or ArgumentOutOfRangeException;
}
