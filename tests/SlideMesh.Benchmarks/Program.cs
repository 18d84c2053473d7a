using System.Globalization;
using SlideMesh.Benchmarks;

// slidemesh-bench mesh-overhead REDIS BACKLOG SHARDS
if (args is ["mesh-overhead", string redis, string backlog, string shards])
{
    return await MeshOverhead.RunAsync(redis, int.Parse(backlog, CultureInfo.InvariantCulture), int.Parse(shards, CultureInfo.InvariantCulture)).ConfigureAwait(false);
}

// slidemesh-bench bare|pipeline SLIDE PACKAGE OUT BATCH
// Prints one line "tiles seconds tiles-per-second", and for the pipeline where the time went on standard error.
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
