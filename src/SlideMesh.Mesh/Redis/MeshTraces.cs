using System.Diagnostics;

namespace SlideMesh.Mesh.Redis;

/// <summary>Spans of messages: children of whoever sent them, on whatever machine.</summary>
internal static class MeshTraces
{
    private static readonly ActivitySource Source = new("SlideMesh.Mesh.Messages");

    public static Activity? Start(Claim claim)
    {
        ActivityContext.TryParse(claim.Trace, null, isRemote: true, out ActivityContext sender);
        Activity? activity = Source.StartActivity(claim.Pool + " " + claim.Message.GetType().Name, ActivityKind.Consumer, sender);
        activity?.SetTag("slidemesh.run.id", claim.Run);
        activity?.SetTag("slidemesh.slide.id", claim.Slide);
        activity?.SetTag("slidemesh.message.attempt", claim.Message.Attempt);
        return activity;
    }
}
