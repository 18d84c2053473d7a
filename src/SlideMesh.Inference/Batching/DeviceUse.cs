namespace SlideMesh.Inference.Batching;

/// <summary>How much of a device's time was used.</summary>
/// <param name="Busy">
/// Time in runs, summed over device loops, those under way counted up to now; on a GPU, time in which it computed, of runs that are over.
/// </param>
/// <param name="Elapsed">Time since the first run; zero before it.</param>
/// <param name="Places">Runs at a time that keep the device busy: the loops of a CPU; 1 on a GPU, whose runs overlap in their copies only.</param>
public readonly record struct DeviceUse(TimeSpan Busy, TimeSpan Elapsed, int Places)
{
    /// <summary>The most that <see cref="Busy"/> can be, but for models that compute at the same time.</summary>
    public TimeSpan Available => Elapsed * Places;

    /// <summary>
    /// Busy / available, 0 to 1; 0 before the first run. Models that share a device may compute at the same time and then count twice: together
    /// they make 1 at most.
    /// </summary>
    public double Share => Available > TimeSpan.Zero ? Math.Min(1, Busy / Available) : 0;

    /// <summary>Of a device that several models use, one after the other or at the same time.</summary>
    public static DeviceUse OfOneDevice(IEnumerable<DeviceUse> models)
    {
        ArgumentNullException.ThrowIfNull(models);
        DeviceUse sum = default;
        foreach (DeviceUse use in models)
        {
            sum = new DeviceUse(sum.Busy + use.Busy, sum.Elapsed > use.Elapsed ? sum.Elapsed : use.Elapsed, Math.Max(sum.Places, use.Places));
        }

        return sum;
    }
}
