using System.CommandLine;
using System.CommandLine.Parsing;

namespace SlideMesh.Cli;

/// <summary>Arguments that the command line cannot be made of, as one line.</summary>
internal static class ParseErrors
{
    public static string Describe(ParseResult parsed)
    {
        Command command = parsed.CommandResult.Command;
        string verb = command is RootCommand ? "" : command.Name + " ";
        // The last error is the telling one: before an unknown verb comes that a verb is missing.
        string line = parsed.Errors[^1].SymbolResult is OptionResult option && option.Errors.Any()
            ? Describe(option, parsed.Errors[^1].Message)
            : parsed.Errors[^1].Message;
        return $"slidemesh: {line.TrimEnd('.').ReplaceLineEndings(" ")} (see 'slidemesh {verb}--help')";
    }

    /// <summary>The library names .NET types; a user knows numbers.</summary>
    private static string Describe(OptionResult option, string message) =>
        option.Tokens is [var token, ..] && message.StartsWith("Cannot parse", StringComparison.Ordinal)
            ? $"{option.Option.Name} '{token.Value}' is not a {(option.Option.ValueType == typeof(double) || option.Option.ValueType == typeof(double?) ? "number" : "whole number")}"
            : message;
}
