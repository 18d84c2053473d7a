using System.Globalization;
using SlideMesh.Benchmarks;

// slidemesh-bench bare|pipeline SLIDE PACKAGE OUT BATCH
// slidemesh-bench read ...   (see Reading)
// Prints one line "tiles seconds tiles-per-second", and for the pipeline where the time went on standard error.
if (args is ["read", .. string[] what])
{
    Console.WriteLine(Reading.Run(what).ToString("0.0", CultureInfo.InvariantCulture));
    return 0;
}

if (args is not [string side, string slide, string package, string output, string batch])
{
    Console.Error.WriteLine("usage: slidemesh-bench bare|pipeline SLIDE PACKAGE OUT BATCH");
    return 2;
}

int batchSize = int.Parse(batch, CultureInfo.InvariantCulture);
(int tiles, double seconds) = side switch
{
    "bare" => BareRuntime.Run(output, slide, package, batchSize),
    "pipeline" => await Pipeline.RunAsync(slide, package, output, batchSize).ConfigureAwait(false),
    _ => throw new ArgumentException($"'{side}' is neither bare nor pipeline"),
};
Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{tiles} {seconds:0.000} {tiles / seconds:0.00}"));
return 0;
