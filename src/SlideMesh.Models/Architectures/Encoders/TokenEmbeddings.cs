using SlideMesh.Models.Checkpoints;
using SlideMesh.Models.Graphs;

namespace SlideMesh.Models.Architectures.Encoders;

/// <summary>What a vision transformer adds to its tokens before the first block: class token, register tokens, position embeddings.</summary>
internal sealed class TokenEmbeddings(StateDict weights, VisionTransformerForm form)
{
    /// <summary>One tensor [1, tokens, C]: prefix tokens, then the patches' positions at the tile's size. Null: there is nothing to add.</summary>
    public Weight? Take()
    {
        Weight? classToken = form.HasClassToken ? weights.Take("cls_token", 1, 1, form.Width) : null;
        Weight? registers = form.Registers > 0 ? weights.Take(form.RegisterKey, 1, form.Registers, form.Width) : null;
        Weight? positions = form.HasPositions ? weights.Take("pos_embed", 1, form.PositionedPrefix + ((long)form.TrainedGrid * form.TrainedGrid), form.Width) : null;
        return classToken is null && registers is null && positions is null
            ? null
            : Weight.Of("embeddings", [1, form.Tokens, form.Width], () => Sum(classToken?.Load() ?? [], registers?.Load() ?? [], positions?.Load()));
    }

    private float[] Sum(float[] classToken, float[] registers, float[]? positions)
    {
        float[] result = new float[form.Tokens * form.Width];
        classToken.CopyTo(result, 0);
        registers.CopyTo(result, classToken.Length);
        if (positions is null)
        {
            return result;
        }

        // In DINOv2's layout positions begin with the class token's, and registers have none: its one row falls on the class token.
        int prefix = form.PositionedPrefix * form.Width;
        for (int i = 0; i < prefix; i++)
        {
            result[i] += positions[i];
        }

        PositionEmbeddings.Resample(positions[prefix..], form.TrainedGrid, form.Grid, form.Width).CopyTo(result, form.PrefixTokens * form.Width);
        return result;
    }
}
