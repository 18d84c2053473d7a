using SlideMesh.Slides.Native;
using SlideMesh.Synth.Commands;

try
{
    switch (args)
    {
        case ["cohort", .. string[] rest]:
            SynthCommands.Cohort(rest);
            return 0;
        case ["slide", .. string[] rest]:
            SynthCommands.Slide(rest);
            return 0;
        case ["repeat", .. string[] rest]:
            SynthCommands.Repeat(rest);
            return 0;
        case [] or ["--help"] or ["-h"] or ["help"] or [_, "--help"] or [_, "-h"]:
            Console.WriteLine(SynthCommands.Help);
            return 0;
        default:
            Console.Error.WriteLine($"Unknown command '{args[0]}'; see slidemesh-synth --help.");
            return 2;
    }
}
catch (UsageException refused)
{
    Console.Error.WriteLine(refused.Message);
    return 2;
}
catch (Exception failed) when (failed is IOException or UnauthorizedAccessException or ArgumentException or NativeLibraryUnavailableException)
{
    Console.Error.WriteLine($"Cannot write the slides: {failed.Message}");
    return 1;
}
