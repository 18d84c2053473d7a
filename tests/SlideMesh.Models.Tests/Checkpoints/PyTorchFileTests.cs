using System.Text.Json;
using SlideMesh.Models.Checkpoints;

namespace SlideMesh.Models.Tests.Checkpoints;

/// <summary>Files that PyTorch 1.13 wrote (tests/reference/make_checkpoints.py), in both of its formats.</summary>
public sealed class PyTorchFileTests
{
    [Theory]
    [InlineData("types.pt", "types")]
    [InlineData("types.legacy.pt", "types")]
    [InlineData("clam.pt", "clam")]
    [InlineData("clam.legacy.pt", "clam")]
    [InlineData("clam-model.pt", "clam")]
    [InlineData("clam-model.legacy.pt", "clam")]
    [InlineData("scripted.pt", "scripted")]
    public void Tensors_have_the_shapes_and_values_that_PyTorch_reads(string file, string expected)
    {
        using Checkpoint checkpoint = CheckpointReader.Open(ReferenceFolder.File("checkpoints", file));

        CheckAgainst(expected, checkpoint);
    }

    [Theory]
    [InlineData("clam-training.pt")]
    [InlineData("clam-training.legacy.pt")]
    public void Data_parallel_names_within_a_training_checkpoint_are_cleaned(string file)
    {
        using Checkpoint checkpoint = CheckpointReader.Open(ReferenceFolder.File("checkpoints", file));

        Assert.Contains("instance_loss_fn.labels", checkpoint.Tensors.Keys);
        Assert.Contains("attention_net.0.weight", checkpoint.Tensors.Keys);
        Assert.DoesNotContain(checkpoint.Tensors.Keys, k => k.Contains("module", StringComparison.Ordinal));
        Assert.Equal(Expected("clam").Length + 1, checkpoint.Tensors.Count);
    }

    [Fact]
    public void A_state_dict_at_an_unusual_place_is_asked_for_and_found()
    {
        string path = ReferenceFolder.File("checkpoints", "clam-training.pt");
        using Checkpoint checkpoint = CheckpointReader.Open(path, "state_dict");

        Assert.Contains("classifiers.weight", checkpoint.Tensors.Keys);
        CheckpointException failure = Assert.Throws<CheckpointException>(() => CheckpointReader.Open(path, "teacher"));
        Assert.Contains("has no key 'teacher'; it has epoch, state_dict, best_acc, optimizer", failure.Message, StringComparison.Ordinal);
    }

    private static JsonProperty[] Expected(string name) =>
        [.. JsonDocument.Parse(File.ReadAllBytes(ReferenceFolder.File("expected", "checkpoints.json"))).RootElement.GetProperty(name).EnumerateObject()];

    private static void CheckAgainst(string name, Checkpoint checkpoint)
    {
        JsonProperty[] expected = Expected(name);
        Assert.Equal(expected.Select(e => e.Name).Order(StringComparer.Ordinal), checkpoint.Tensors.Keys);
        foreach (JsonProperty entry in expected)
        {
            CheckpointTensor tensor = checkpoint.Tensors[entry.Name];
            Assert.Equal(entry.Value.GetProperty("shape").EnumerateArray().Select(s => s.GetInt64()), tensor.Shape);
            Assert.Equal(entry.Value.GetProperty("values").EnumerateArray().Select(v => v.GetSingle()), tensor.Load());
        }
    }
}
