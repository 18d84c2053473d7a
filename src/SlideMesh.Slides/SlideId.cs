namespace SlideMesh.Slides;

/// <summary>Identity of a slide within a run: from its file name, unique in the cohort, safe as a folder name.</summary>
public readonly record struct SlideId(string Value)
{
    public override string ToString() => Value;
}
