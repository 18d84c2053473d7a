using System.Text.Json;

namespace SlideMesh.Inference.Packages;

/// <summary>How enum values are spelled wherever people and files meet them; the same as <see cref="KebabCaseEnumConverter{T}"/> writes.</summary>
public static class KebabCase
{
    /// <returns>E.g. <c>not-a-slide</c> for <c>NotASlide</c>.</returns>
    public static string Of<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.KebabCaseLower.ConvertName(value.ToString());
}
