using SlideMesh.Synth.Scenes;

namespace SlideMesh.Synth.Cohorts;

/// <summary>One patient of a made-up cohort, with one slide.</summary>
public sealed record SyntheticCase
{
    public required string CaseId { get; init; }

    public required string SlideId { get; init; }

    public required PatientSex Sex { get; init; }

    /// <summary>Years.</summary>
    public required int Age { get; init; }

    public required SlideParameters Slide { get; init; }

    /// <summary>Whether the mutation rate reaches 10 per megabase.</summary>
    public bool TmbHigh => Slide.Tmb >= 10;
}
