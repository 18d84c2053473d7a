using System.Globalization;
using System.Text;
using SlideMesh.Synth.Scenes;

namespace SlideMesh.Synth.Cohorts;

/// <summary>
/// Made-up expression of 200 genes (standardised log units), driven by the same hidden variables as the slides. What drives which gene
/// is fixed for all cohorts, so that a model trained on one cohort holds on another. Every gene is noisy and each task's genes carry a
/// shared error per case, so that the table is informative for every task but settles none.
/// </summary>
public static class OmicsTable
{
    public const int Genes = 200;

    private const ulong LoadingSeed = 0x0E1C5;

    /// <summary>Columns case_id, GENE001 … GENE200. About 15 % of the cases are missing and 0.3 % of the cells are empty.</summary>
    public static string ToCsv(IReadOnlyList<SyntheticCase> cases, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(cases);
        StringBuilder csv = new("case_id");
        for (int gene = 1; gene <= Genes; gene++)
        {
            csv.Append(CultureInfo.InvariantCulture, $",GENE{gene:000}");
        }

        csv.Append('\n');
        for (int i = 0; i < cases.Count; i++)
        {
            Dice dice = Dice.For(seed, 0x0E1C, (ulong)i);
            if (dice.Chance(0.15))
            {
                continue;
            }

            csv.Append(cases[i].CaseId);
            foreach (float value in Expression(cases[i], ref dice))
            {
                bool empty = dice.Chance(0.003);
                csv.Append(empty ? "," : string.Create(CultureInfo.InvariantCulture, $",{value:0.###}"));
            }

            csv.Append('\n');
        }

        return csv.ToString();
    }

    private static float[] Expression(SyntheticCase patient, ref Dice dice)
    {
        SlideParameters slide = patient.Slide;
        float grade = ((slide.Grade - 2.5f) / 1.7f) + (0.45f * dice.Normal());
        float burden = (float)((Math.Log10(slide.Tmb) - 0.85) / 0.45) + (0.4f * dice.Normal());
        float site = (slide.Site == SpecimenSite.Metastatic ? 1 : -1) + (0.5f * dice.Normal());
        float sex = patient.Sex == PatientSex.F ? 1 : -1;
        float batch = 0.4f * dice.Normal();
        float purity = dice.Between(0.6f, 1);
        float[] values = new float[Genes];
        for (int gene = 0; gene < Genes; gene++)
        {
            Dice loadings = Dice.For(LoadingSeed, 1, (ulong)gene);
            float weight = loadings.Between(0.5f, 1.1f) * (loadings.Chance(0.5) ? 1 : -1);
            float offset = loadings.Between(-0.7f, 0.7f);
            int kind = loadings.Below(3);
            float signal = gene switch
            {
                < 60 => gene / 10 == (int)slide.Origin ? 1.3f * purity * Math.Abs(weight) : -0.25f,
                < 100 => weight * Shaped(grade, offset, kind),
                < 140 => weight * Shaped(burden, offset, kind),
                < 155 => weight * 0.8f * site,
                < 160 => weight * sex,
                _ => 0,
            };
            values[gene] = signal + (batch * loadings.Between(-0.5f, 1)) + (1.05f * dice.Normal());
        }

        return values;
    }

    /// <summary>Straight, saturating, or switching on above a threshold.</summary>
    private static float Shaped(float value, float offset, int kind) => kind switch
    {
        0 => value,
        1 => 1.4f * MathF.Tanh(value - offset),
        _ => value > offset ? 0.9f : -0.9f,
    };
}
