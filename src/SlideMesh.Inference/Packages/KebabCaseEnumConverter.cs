using System.Text.Json;
using System.Text.Json.Serialization;

namespace SlideMesh.Inference.Packages;

/// <summary>Writes enum values as <c>kebab-case</c> and accepts nothing else.</summary>
public sealed class KebabCaseEnumConverter<T>() : JsonStringEnumConverter<T>(JsonNamingPolicy.KebabCaseLower, allowIntegerValues: false)
    where T : struct, Enum;
