using System.Globalization;
using SlideMesh.Synth.Scenes;

namespace SlideMesh.Synth.Cohorts;

/// <summary>
/// Draws the patients of a cohort. Origins and grades are balanced and independent of each other; mutation rates are log-normal with
/// about 37 % at or above 10 per megabase; about a third are metastases.
/// </summary>
public static class CohortPlan
{
    /// <param name="size">Edge of the slides, pixels.</param>
    /// <param name="threads">0: all cores.</param>
    public static IReadOnlyList<SyntheticCase> Draw(int slides, ulong seed, int size = 4096, double micronsPerPixel = 0.5, int threads = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(slides);
        Origin[] origins = Balanced(Enum.GetValues<Origin>(), slides, seed, 1);
        int[] grades = Balanced([0, 1, 2, 3, 4, 5], slides, seed, 2);
        return [.. Enumerable.Range(0, slides).Select(i => Case(i))];

        SyntheticCase Case(int i)
        {
            Dice dice = Dice.For(seed, 0xCA5E, (ulong)i);
            string number = string.Create(CultureInfo.InvariantCulture, $"{seed:00}-{i + 1:0000}");
            double tmb = Math.Clamp(Math.Pow(10, 0.85 + (0.45 * dice.Normal())), 0.3, 120);
            bool metastatic = dice.Chance(0.35);
            PatientSex sex = origins[i] switch
            {
                Origin.Prostate => PatientSex.M,
                Origin.Breast => dice.Chance(0.02) ? PatientSex.M : PatientSex.F,
                _ => dice.Chance(0.5) ? PatientSex.M : PatientSex.F,
            };
            int age = (int)Math.Clamp(Math.Round(63 + (11 * dice.Normal())), 25, 90);
            return new()
            {
                CaseId = $"CASE-{number}",
                SlideId = $"SYN-{number}",
                Sex = sex,
                Age = age,
                Slide = new()
                {
                    Seed = Dice.Mix(Dice.Mix(seed) + (ulong)i) >> 1,
                    WidthPx = size,
                    HeightPx = size,
                    MicronsPerPixel = micronsPerPixel,
                    Origin = origins[i],
                    Grade = grades[i],
                    Tmb = Math.Round(tmb, 2),
                    Site = metastatic ? SpecimenSite.Metastatic : SpecimenSite.Primary,
                    Threads = threads,
                },
            };
        }
    }

    private static T[] Balanced<T>(T[] values, int count, ulong seed, ulong stream)
    {
        T[] drawn = [.. Enumerable.Range(0, count).Select(i => values[i % values.Length])];
        Dice dice = Dice.For(seed, 0xBA1, stream);
        dice.Shuffle(drawn.AsSpan());
        return drawn;
    }
}
