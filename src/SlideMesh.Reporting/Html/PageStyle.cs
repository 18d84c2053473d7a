namespace SlideMesh.Reporting.Html;

/// <summary>Frame and style of the pages: system fonts, one accent colour, nothing loaded from anywhere, good on paper.</summary>
internal static class PageStyle
{
    // 5.6:1 and more against white for all text colours.
    private const string Css = """
        :root{--ink:#1d2329;--soft:#56616c;--line:#dfe4e8;--wash:#f5f7f9;--accent:#1b5e83;--accent-wash:#e6f0f5;--warn:#8a4b00;--warn-wash:#fff4e0;--bad:#a3261b}
        *{box-sizing:border-box}
        html{-webkit-text-size-adjust:100%}
        body{margin:0;background:#fff;color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;font-variant-numeric:tabular-nums}
        main,header.page,footer{max-width:1000px;margin:0 auto;padding:0 28px}
        body:has(main.broad) :is(main,header.page,footer){max-width:1280px}
        header.page{padding-top:32px}
        h1{font-size:25px;line-height:1.25;margin:0 0 4px;font-weight:650;overflow-wrap:anywhere}
        h2{font-size:18px;margin:40px 0 12px;padding-bottom:6px;border-bottom:1px solid var(--line);font-weight:650}
        h3{font-size:15px;margin:20px 0 8px;font-weight:650}
        p{margin:0 0 10px;max-width:75ch}
        a{color:var(--accent)}
        .soft,figcaption,.meta{color:var(--soft)}
        .meta{margin:0;overflow-wrap:anywhere}
        .small{font-size:13px}
        .banner{margin:18px 0 0;padding:10px 14px;border-left:4px solid var(--warn);background:var(--warn-wash);color:var(--warn);font-weight:600;max-width:none}
        .banner.bad{border-color:var(--bad);background:#fdecea;color:var(--bad)}
        .banner span{font-weight:400}
        .notes{margin:16px 0 0;padding:10px 14px;border-left:4px solid var(--warn);background:var(--warn-wash);color:var(--warn)}
        .notes h3{margin:0 0 4px}
        .notes ul{margin:0;padding-left:20px}
        .note{margin:4px 0 0;color:var(--warn);min-width:26ch;max-width:32ch}
        .cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(270px,1fr));gap:16px;margin-top:20px}
        .card{border:1px solid var(--line);border-radius:6px;padding:16px 18px;break-inside:avoid}
        .card .task{color:var(--soft);font-size:13px;margin:0}
        .card .answer{font-size:26px;line-height:1.2;font-weight:650;margin:2px 0 4px;overflow-wrap:anywhere}
        .card .quantity{margin:0 0 4px}
        .card .sure{margin:10px 0 0;font-size:13px;color:var(--soft)}
        .bars{display:grid;grid-template-columns:minmax(48px,max-content) 1fr 5ch;gap:4px 10px;align-items:center;margin-top:10px;font-size:13px}
        .bars dt{overflow-wrap:anywhere}
        .bars dd{margin:0}
        .bars .n{text-align:right;color:var(--soft)}
        .bar{height:9px;background:var(--wash);border-radius:2px;overflow:hidden}
        .bar i{display:block;height:100%;background:#a9bccb}
        .bar.best i{background:var(--accent)}
        .bars .best{font-weight:650;color:var(--ink)}
        figure{margin:0;break-inside:avoid}
        figure img,figure svg{display:block;max-width:100%;height:auto;border:1px solid var(--line)}
        figcaption{font-size:13px;margin-top:6px;overflow-wrap:anywhere}
        .pictures{display:grid;grid-template-columns:repeat(auto-fit,minmax(360px,1fr));gap:22px;align-items:start}
        .tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(104px,1fr));gap:10px;margin-bottom:12px}
        .tiles figcaption{font-size:12px;line-height:1.35;margin-top:3px}
        .tiles img{width:100%;image-rendering:auto}
        table{border-collapse:collapse;width:100%;font-size:14px;margin:4px 0 12px}
        th,td{text-align:left;vertical-align:top;padding:6px 14px 6px 0;border-bottom:1px solid var(--line);overflow-wrap:break-word}
        thead th{color:var(--soft);font-weight:600;font-size:13px;white-space:nowrap}
        tbody th{font-weight:600;min-width:10ch}
        th .soft{font-weight:400}
        td.n,th.n{text-align:right;padding-right:18px;white-space:nowrap}
        code{font:12.5px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
        td code{white-space:nowrap}
        .wide{overflow-x:auto}
        .state{font-weight:600}.state.failed,.state.quarantined{color:var(--bad)}
        .figures{display:flex;flex-wrap:wrap;gap:10px 40px;margin:18px 0 0;padding:0;list-style:none}
        .figures b{display:block;font-size:25px;line-height:1.2;font-weight:650}
        td img{display:block;max-width:84px;max-height:64px;border:1px solid var(--line)}
        .scale{max-width:420px;margin-top:8px}
        .scale i{display:block;height:10px;border-radius:2px}
        .scale p{display:flex;justify-content:space-between;margin:2px 0 0;font-size:12px;color:var(--soft);max-width:none}
        tr.member td{color:var(--soft)}
        footer{margin-top:44px;padding-bottom:36px;color:var(--soft);font-size:13px}
        footer p{border-top:1px solid var(--line);padding-top:14px;max-width:none}
        @media (max-width:600px){main,header.page,footer{padding-left:16px;padding-right:16px}.pictures{grid-template-columns:1fr}}
        @media print{@page{margin:14mm}body{font-size:10.5pt}main,header.page,footer,body:has(main.broad) :is(main,header.page,footer){max-width:none;padding:0}h2,h3{break-after:avoid}h2{margin-top:24px}.cards{grid-template-columns:repeat(3,1fr);gap:10px}.pictures{grid-template-columns:1fr 1fr;gap:14px}.tiles{grid-template-columns:repeat(8,1fr)}th{overflow-wrap:normal}tr{break-inside:avoid}.bar,.bar i,.scale i,.banner,.notes{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
        """;

    /// <summary>Writes a page: this frame around <paramref name="body"/>. The destination stays open.</summary>
    public static void Write(Stream destination, string title, Action<HtmlBuilder> body) => HtmlBuilder.Write(destination, html =>
    {
        html.Add($"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
            .Add($"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
            .Add($"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n")
            .Add($"<title>{title}</title>\n<style>\n{new Markup(Css)}\n</style>\n</head>\n<body>\n");
        body(html);
        html.Add($"</body>\n</html>\n");
    });
}
