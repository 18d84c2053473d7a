using SlideMesh.Inference.Engines;
using SlideMesh.Inference.Packages;
using SlideMesh.Mesh.Engine;
using SlideMesh.Prediction;
using SlideMesh.Slides;
using SlideMesh.Reporting.Features.Hdf5;

namespace SlideMesh.Mesh.Tests.Engine;

public sealed class FailureClassifierTests
{
    public static TheoryData<Exception, FailureClass, string> Failures => new()
    {
        { new IOException("Input/output error", 5), FailureClass.Transient, "io-error" },
        { new IOException("No space left on device", 28), FailureClass.Permanent, "output-full" },
        { new IOException("Disk quota exceeded", 122), FailureClass.Permanent, "output-full" },
        { new IOException("File too large", 27), FailureClass.Permanent, "output-full" },
        { new IOException("Read-only file system", 30), FailureClass.Permanent, "output-full" },
        { new FileNotFoundException("gone"), FailureClass.Permanent, "io-error" },
        { new DirectoryNotFoundException("gone"), FailureClass.Permanent, "io-error" },
        { new UnauthorizedAccessException("denied"), FailureClass.Permanent, "output-not-writable" },
        { new TimeoutException("slow"), FailureClass.Transient, "internal-error" },
        { new Hdf5Exception("a.h5: HDF5 failed: errno = 28, error message = 'No space left on device'"), FailureClass.Permanent, "output-full" },
        { new Hdf5Exception("a.h5: HDF5 failed: errno = 5, error message = 'Input/output error', total write size = 28"), FailureClass.Permanent, "io-error" },
        { new SlideFormatException("a.svs", SlideFailureReason.MicronsPerPixelMissing, "?"), FailureClass.Permanent, "microns-per-pixel-missing" },
        { new SlideFormatException("a.svs", SlideFailureReason.NotASlide, "?"), FailureClass.Permanent, "not-a-slide" },
        { new InferenceException("the graph"), FailureClass.Permanent, "inference-failed" },
        { new InsufficientMemoryException(), FailureClass.Permanent, "out-of-memory" },
        { new InvalidOperationException("a defect"), FailureClass.Permanent, "internal-error" },
        { new InvalidDataException("a defect"), FailureClass.Permanent, "internal-error" },
    };

    [Theory]
    [MemberData(nameof(Failures), DisableDiscoveryEnumeration = true)]
    public void Failure_is_classed_by_its_type_and_gets_a_reason(Exception failure, FailureClass expected, string reason)
    {
        Assert.Equal(expected, FailureClassifier.Classify(failure));
        Assert.Equal(reason, FailureClassifier.Reason(failure));
    }

    [Fact]
    public void Every_reason_of_slides_and_heads_is_kebab_case()
    {
        IEnumerable<string> reasons = Enum.GetValues<SlideFailureReason>().Select(KebabCase.Of).Concat(Enum.GetValues<PredictionFailureReason>().Select(KebabCase.Of));
        Assert.All(reasons, reason => Assert.Matches("^[a-z]+(-[a-z]+)*$", reason));
    }

    [Fact]
    public void Full_disk_of_this_system_is_known_as_such()
    {
        // A real ENOSPC, not one made up: the kernel's own full disk.
        if (!File.Exists("/dev/full"))
        {
            return;
        }

        IOException full = Assert.Throws<IOException>(() =>
        {
            using FileStream stream = new("/dev/full", FileMode.Open, FileAccess.Write);
            stream.Write(new byte[8192]);
            stream.Flush();
        });
        Assert.Equal("output-full", FailureClassifier.Reason(full));
    }
}
