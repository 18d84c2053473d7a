using SlideMesh.Models.Checkpoints;

namespace SlideMesh.Models.Tests.Checkpoints;

public sealed class StateDictTests
{
    [Fact]
    public void Finish_lists_missing_and_left_over_keys_together()
    {
        StateDict weights = Example();
        weights.Below("a.").Take("weight", 2);
        weights.Take("c.weight", 5);

        CheckpointException failure = Assert.Throws<CheckpointException>(weights.Finish);

        Assert.Contains("lacks the keys c.weight;", failure.Message, StringComparison.Ordinal);
        Assert.Contains("does not know: b.bias, b.weight.", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Finish_passes_when_every_key_was_taken_or_set_aside()
    {
        StateDict weights = Example();
        weights.Take("a.weight", -1);
        weights.Take("b.weight");
        weights.Ignore("b.bias", "training only");

        weights.Finish();

        Assert.Equal(["b.bias: training only"], weights.Ignored);
    }

    [Fact]
    public void Another_shape_is_refused_with_both_shapes()
    {
        CheckpointException failure = Assert.Throws<CheckpointException>(() => Example().Take("a.weight", 7));

        Assert.Contains("'a.weight' is [2]; [7] is needed", failure.Message, StringComparison.Ordinal);
    }

    private static StateDict Example()
    {
        Dictionary<string, CheckpointTensor> tensors = new();
        foreach (string name in new[] { "a.weight", "b.weight", "b.bias" })
        {
            tensors.Add(name, new CheckpointTensor(name, TensorElementType.Float32, [2], new MemoryBytes(new byte[8])));
        }

        return new StateDict("example.pt", tensors);
    }
}
