using System.Globalization;
using SlideMesh.Benchmarks;

// slidemesh-bench encoder PACKAGE BATCH THREADS FEATURES: see EncoderTurns.
if (args is ["encoder", string encoder, string tilesInBatch, string threads, string features])
{
    EncoderTurns.Serve(encoder, int.Parse(tilesInBatch, CultureInfo.InvariantCulture), int.Parse(threads, CultureInfo.InvariantCulture), features);
    return 0;
}

// slidemesh-bench mesh-overhead REDIS BACKLOG SHARDS SECONDS_AT_MOST
if (args is ["mesh-overhead", string redis, string backlog, string shards, string atMost])
{
    return await MeshOverhead.RunAsync(
        redis, int.Parse(backlog, CultureInfo.InvariantCulture), int.Parse(shards, CultureInfo.InvariantCulture),
        TimeSpan.FromSeconds(int.Parse(atMost, CultureInfo.InvariantCulture))).ConfigureAwait(false);
}

// slidemesh-bench mesh-scaling REDIS WAIT_MS SHARDS_PER_NODE
if (args is ["mesh-scaling", string server, string wait, string perNode])
{
    return await MeshScaling.RunAsync(server, TimeSpan.FromMilliseconds(int.Parse(wait, CultureInfo.InvariantCulture)), int.Parse(perNode, CultureInfo.InvariantCulture)).ConfigureAwait(false);
}

// slidemesh-bench mesh-urgency REDIS BACKLOG TRIES
if (args is ["mesh-urgency", string where, string waiting, string tries])
{
    return await MeshUrgency.RunAsync(where, int.Parse(waiting, CultureInfo.InvariantCulture), int.Parse(tries, CultureInfo.InvariantCulture)).ConfigureAwait(false);
}

// slidemesh-bench tissue SLIDE auto|openslide
// Prints one line "mm2 share-read seconds".
if (args is ["tissue", string surveyed, "auto" or "openslide"])
{
    (double area, double share, double wall) = TissueSurvey.Run(surveyed, args[2] == "openslide");
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{area:0.00} {share:0.0000} {wall:0.00}"));
    return 0;
}

// slidemesh-bench bare|pipeline SLIDE PACKAGE OUT BATCH
// slidemesh-bench read ...   (see Reading)
// bare and pipeline print one line "tiles seconds tiles-per-second", the pipeline where the time went on standard error.
if (args is ["read", .. string[] what])
{
    Reading.Run(what, Console.In, Console.Out);
    return 0;
}

if (args is not [string side, string slide, string package, string output, string batch])
{
    Console.Error.WriteLine("usage: slidemesh-bench tissue SLIDE auto|openslide, bare|pipeline SLIDE PACKAGE OUT BATCH, or encoder PACKAGE BATCH THREADS FEATURES");
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
