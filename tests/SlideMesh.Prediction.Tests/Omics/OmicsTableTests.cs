using SlideMesh.Prediction.Omics;

namespace SlideMesh.Prediction.Tests.Omics;

public sealed class OmicsTableTests : IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"omics-{Guid.NewGuid():N}.csv");

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void Plain_layout_gives_values_by_case_and_missing_cells_as_null()
    {
        OmicsTable table = Read("case_id,TP53,EGFR,KRAS\nC1,1,-0.5,2e1\nC2,,NA,0\n");

        OmicsRow first = table.Find("C1").Row!;
        Assert.Equal([1, -0.5, 20], new[] { first["TP53"], first["EGFR"], first["KRAS"] }.Select(v => v!.Value));
        OmicsRow second = table.Find(" C2 ").Row!;
        Assert.Null(second["TP53"]);
        Assert.Null(second["EGFR"]);
        Assert.Equal(0, second["KRAS"]);
        Assert.Null(second["MYC"]);
        Assert.Empty(table.Findings);
        Assert.Equal(["TP53", "EGFR", "KRAS"], table.Features);
    }

    [Fact]
    public void Porpoise_layout_takes_only_suffixed_columns_and_several_slides_of_a_case()
    {
        OmicsTable table = Read(
            "Unnamed: 0,case_id,slide_id,age,site,survival_months,censorship,is_female,oncotree_code,train,TP53_mut,MYC_cnv,MKI67_rnaseq\n"
            + "0,C1,s1.svs,61,XY,12.5,0,1,BRCA,1,1,-2,0.25\n"
            + "1,C1,s2.svs,61,XY,12.5,0,1,BRCA,1,1,-2,0.25\n");

        Assert.Equal(["TP53_mut", "MYC_cnv", "MKI67_rnaseq"], table.Features);
        Assert.Empty(table.Findings);
        Assert.Equal(-2, table.Find("C1").Row!["MYC_cnv"]);
    }

    [Theory]
    [InlineData("high", "'high' is not a number")]
    [InlineData("1e999", "'1e999' is not a number")]
    [InlineData("\"1,5\"", "'1,5' is not a number")]
    public void Text_where_a_number_belongs_makes_only_that_case_invalid(string cell, string expected)
    {
        OmicsTable table = Read($"case_id,TP53,EGFR\nC1,1,2\nC2,3,{cell}\nC3,5,6\n");

        CaseOmics bad = table.Find("C2");
        Assert.Equal(OmicsStatus.Invalid, bad.Status);
        Assert.Null(bad.Row);
        Assert.Contains("line 3, column 'EGFR': " + expected, bad.Detail, StringComparison.Ordinal);
        OmicsFinding finding = Assert.Single(table.Findings);
        Assert.Equal((OmicsFindingKind.NotANumber, "C2", 3, "EGFR"), (finding.Kind, finding.CaseId, finding.Line, finding.Column));
        Assert.Equal(OmicsStatus.Used, table.Find("C1").Status);
        Assert.Equal(6, table.Find("C3").Row!["EGFR"]);
    }

    [Fact]
    public void Text_in_a_column_that_no_model_uses_harms_no_case()
    {
        File.WriteAllText(_path, "case_id,subtype,TP53\nC1,luminal,1\nC2,basal,x\n");

        OmicsTable table = OmicsTable.Read(_path, ["TP53", "MYC"]);

        Assert.Equal(["TP53"], table.Features);
        Assert.Equal(OmicsStatus.Used, table.Find("C1").Status);
        Assert.Equal("TP53", Assert.Single(table.Findings).Column);
    }

    [Fact]
    public void Duplicate_case_with_other_values_is_invalid_and_with_the_same_is_one()
    {
        OmicsTable table = Read("case_id,A\nC1,1\nC2,1\nC1,2\nC2,1\n");

        Assert.Equal(OmicsStatus.Invalid, table.Find("C1").Status);
        Assert.Equal(OmicsStatus.Used, table.Find("C2").Status);
        OmicsFinding finding = Assert.Single(table.Findings);
        Assert.Equal((OmicsFindingKind.DuplicateCase, "C1", 4), (finding.Kind, finding.CaseId, finding.Line));
        Assert.Contains("lines 2 and 4", finding.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void Rows_that_cannot_be_split_cost_their_own_case_only()
    {
        OmicsTable table = Read("case_id,A,B\nC1,1\nC2,1,2,3\nC3,\"1,2\nC4,1,2\n,7,8\n");

        Assert.Equal(
            [(OmicsFindingKind.MalformedRow, "C1", 2), (OmicsFindingKind.MalformedRow, "C2", 3), (OmicsFindingKind.MalformedRow, "C3", 4), (OmicsFindingKind.CaseIdMissing, null, 6)],
            table.Findings.Select(f => (f.Kind, f.CaseId, f.Line)));
        Assert.Equal(2, table.Find("C4").Row!["B"]);
    }

    [Fact]
    public void Repeated_column_is_found_and_the_first_is_used()
    {
        OmicsTable table = Read("case_id,A,B,A\nC1,1,2,3\n");

        Assert.Equal((OmicsFindingKind.DuplicateColumn, "A"), (table.Findings[0].Kind, table.Findings[0].Column));
        Assert.Equal(1, table.Find("C1").Row!["A"]);
    }

    [Fact]
    public void Case_without_a_row_and_row_without_a_slide_are_told_apart()
    {
        OmicsTable table = Read("case_id,A\nC1,1\nC9,1\n");

        CaseOmics missing = table.Find("C2");
        Assert.Equal(OmicsStatus.CaseMissing, missing.Status);
        Assert.Contains("has no row for case C2", missing.Detail, StringComparison.Ordinal);
        Assert.Equal(OmicsStatus.CaseMissing, table.Find(null).Status);
        OmicsFinding unknown = Assert.Single(table.FindUnknownCases(["C1", "C2"]));
        Assert.Equal((OmicsFindingKind.UnknownCase, "C9", 3), (unknown.Kind, unknown.CaseId, unknown.Line));
    }

    [Theory]
    [InlineData("")]
    [InlineData("patient,A\nC1,1\n")]
    public void Table_without_case_id_is_refused_as_a_whole(string text)
    {
        OmicsTableException e = Assert.Throws<OmicsTableException>(() => Read(text));

        Assert.Equal($"{_path}: the omics table has no column 'case_id' in its first line; name the column with the case ids so.", e.Message);
    }

    [Fact]
    public void Missing_file_is_refused_with_its_path() =>
        Assert.Contains("nowhere.csv", Assert.Throws<OmicsTableException>(() => OmicsTable.Read("/nowhere/nowhere.csv")).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("\uFEFFcase_id,A\r\nC1,1.5\r\n")]
    [InlineData("case_id\tA\nC1\t1.5")]
    [InlineData("A , case_id\n 1.5 , C1 \n\n")]
    public void Byte_order_mark_tabs_and_spaces_are_read_through(string text) =>
        Assert.Equal(1.5, Read(text).Find("C1").Row!["A"]);

    private OmicsTable Read(string text)
    {
        File.WriteAllText(_path, text);
        return OmicsTable.Read(_path);
    }
}
