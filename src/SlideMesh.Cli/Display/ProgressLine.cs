using System.Globalization;
using SlideMesh.Inference.Batching;
using SlideMesh.Mesh.Progress;
using SlideMesh.Mesh.Stages;

namespace SlideMesh.Cli.Display;

/// <summary>Rates over the last seconds, and what the device waits for.</summary>
internal sealed class ProgressLine
{
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(15);

    private readonly Queue<(TimeSpan At, long Tiles, TimeSpan Busy, TimeSpan Available)> _samples = new();

    public double TilesPerSecond { get; private set; }

    /// <summary>Share of the devices' time in runs over the window, 0 to 1; null before one has run.</summary>
    public double? DeviceBusy { get; private set; }

    /// <summary>Whether nothing has been computed yet because models are still being loaded.</summary>
    public bool IsLoading { get; private set; }

    public TimeSpan? Remaining { get; private set; }

    /// <summary>False where no model takes pixels: features existed already.</summary>
    public bool HasDevice { get; private set; } = true;

    public void Update(ProgressSnapshot now, DeviceFleet? device)
    {
        HasDevice = device is not null;
        DeviceUse[] uses = [.. device?.Devices.Select(d => d.Use) ?? []];
        TimeSpan busy = uses.Aggregate(TimeSpan.Zero, (sum, use) => sum + use.Busy);
        TimeSpan available = uses.Aggregate(TimeSpan.Zero, (sum, use) => sum + use.Available);
        _samples.Enqueue((now.Elapsed, now.TilesDone - now.TilesReused, busy, available));
        while (_samples.Count > 2 && now.Elapsed - _samples.Peek().At > Window)
        {
            _samples.Dequeue();
        }

        (TimeSpan at, long tiles, TimeSpan busyThen, TimeSpan availableThen) = _samples.Peek();
        double seconds = (now.Elapsed - at).TotalSeconds;
        TilesPerSecond = seconds > 0 ? (now.TilesDone - now.TilesReused - tiles) / seconds : 0;
        DeviceBusy = available > availableThen ? Math.Clamp((busy - busyThen) / (available - availableThen), 0, 1) : null;
        IsLoading = DeviceBusy is null && device?.Devices.Any(d => d.IsPreparing) == true;
        Remaining = Estimate(now);
    }

    public string Text(ProgressSnapshot now)
    {
        string device = !HasDevice ? ""
            : DeviceBusy is double busy ? string.Create(CultureInfo.InvariantCulture, $" | device {busy * 100:0} % busy{(WaitsForTiles(now) ? ", waits for tiles" : "")}")
            : IsLoading ? " | device loads models"
            : " | device idle";
        string failed = now.Failed > 0 ? string.Create(CultureInfo.InvariantCulture, $", {now.Failed} failed") : "";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"slides {now.Done + now.Failed}/{now.Slides}{failed}, {now.Active} active | tiles {now.TilesDone:N0}/{now.TilesPlanned:N0}, {TilesPerSecond:0} tiles/s{device} | {Left(now)}");
    }

    /// <summary>The time left; with every tile done, what is left are heatmaps and reports, of which no rate is known.</summary>
    public string Left(ProgressSnapshot now) => IsWriting(now) ? "writing results" : $"ETA {Clock(Remaining)}";

    /// <summary>Whether the device waits because decoding is slow, not because there is nothing left for it.</summary>
    public bool WaitsForTiles(ProgressSnapshot now) => WaitsForTiles(DeviceBusy, now);

    internal static bool WaitsForTiles(double? busy, ProgressSnapshot now) => busy < 0.85 && !IsWriting(now) && now.Done + now.Failed < now.Slides;

    private static bool IsWriting(ProgressSnapshot now) =>
        now.TilesDone >= now.TilesPlanned && now.Active > 0 && now.Done + now.Failed + now.Active >= now.Slides;

    public static void WriteStopped(ProgressSnapshot now, TextWriter error) => error.WriteLine(
        $"slidemesh: stopped after {Clock(now.Elapsed)}: {now.Done} of {now.Slides} slides done, {now.Failed} failed; run the same command to go on");

    public static string Clock(TimeSpan? time) => time is not { } t ? "?"
        : t.TotalHours >= 1 ? string.Create(CultureInfo.InvariantCulture, $"{(int)t.TotalHours}:{t.Minutes:00}:{t.Seconds:00}")
        : string.Create(CultureInfo.InvariantCulture, $"{t.Minutes}:{t.Seconds:00}");

    /// <summary>Slides that are not planned yet are taken to have as many tiles as the mean of those that are.</summary>
    private TimeSpan? Estimate(ProgressSnapshot now)
    {
        int planned = now.Done + now.Failed + now.Active - now.Resumed;
        if (TilesPerSecond <= 0 || planned <= 0 || now.TilesPlanned == 0)
        {
            return null;
        }

        double perSlide = now.TilesPlanned / (double)planned;
        double left = now.TilesPlanned - now.TilesDone + (perSlide * Math.Max(0, now.Slides - now.Resumed - planned));
        return TimeSpan.FromSeconds(Math.Min(left / TilesPerSecond, 1e7));
    }
}
