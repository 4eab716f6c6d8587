"""The look of the maps, light and dark: one sheet for pictures on disk and for the page."""

# Text keeps a contrast of 4.5 to its ground in both schemes, lines one of 3.
COLOURS = """
:root{color-scheme:light dark;--paper:#fbfbf9;--panel:#fff;--ink:#1c2128;--soft:#565f6b;--line:#dcdfe3;
--edge:#6c7682;
--node:#eef2f8;--node-line:#7d8ea6;--accent:#1f5fbf;--good:#1a7440;--good-ground:#e4f4e9;--bad:#b3261e;
--bad-ground:#fdecea;
--warn:#8a5300;--warn-ground:#fdf3e0}
@media (prefers-color-scheme:dark){:root{--paper:#14171b;--panel:#1b1f25;--ink:#e8eaed;--soft:#a5aeba;
--line:#333a43;
--edge:#8592a2;--node:#262d37;--node-line:#6f819b;--accent:#8ab4f8;--good:#7fd79b;--good-ground:#173222;
--bad:#ff9a90;
--bad-ground:#3b1d1b;--warn:#f2bd65;--warn-ground:#37290f}}
"""

MAP = """
.map{display:block;font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
.map text{fill:var(--ink);font-size:13px;text-anchor:middle;unicode-bidi:isolate}
.map .box{fill:var(--node);stroke:var(--node-line);stroke-width:1.25}
.map .outside .box{fill:var(--panel)}
.map .remote .box{fill:var(--panel);stroke-width:2}
.map .stack{fill:var(--panel);stroke:var(--node-line)}
.map .name{font-weight:600}
.map .under{font-size:10.5px;fill:var(--soft)}
.map .way{fill:none;stroke:var(--edge)}
.map .head{fill:var(--edge)}
.map .reach{fill:none;stroke:transparent;stroke-width:14;pointer-events:stroke}
.map .label{font-size:12px;font-weight:600;font-variant-numeric:tabular-nums}
.map .ground{fill:var(--panel)}
.map .fine{font-size:11px;font-weight:400;fill:var(--soft)}
.map .fine .failed{fill:var(--bad);font-weight:600}
.map .fine .slow{fill:var(--warn);font-weight:600}
.map .ring{fill:none;stroke:var(--good);stroke-width:3.5}
.map .ring.unknown{stroke:var(--node-line);stroke-dasharray:2 2}
.map .ring.bad{stroke:var(--bad)}
.map .ring.warn{stroke:var(--warn)}
.map .slow .way{stroke:var(--warn)}
.map .slow .head{fill:var(--warn)}
.map .failing-some .way{stroke:color-mix(in srgb,var(--bad) 60%,var(--edge))}
.map .failing-some .head{fill:color-mix(in srgb,var(--bad) 60%,var(--edge))}
.map .failing .way{stroke:var(--bad)}
.map .failing .head{fill:var(--bad)}
.map .undrawn .way{stroke:var(--node-line);stroke-dasharray:2 5;stroke-opacity:.75}
.map .undrawn .head{fill:var(--node-line);fill-opacity:.6}
.map .undrawn .box{fill:none;stroke:var(--node-line);stroke-dasharray:3 4}
.map .undrawn text{fill:var(--soft);font-weight:400}
.map .edge.diverging .way{stroke-dasharray:9 4;stroke-width:3}
.map .diverging .label{fill:var(--accent);font-weight:700}
.map .edge.diverging .way{stroke:var(--accent)}
.map .edge.diverging .head{fill:var(--accent)}
.map .node.diverging .box{stroke:var(--accent);stroke-width:2.6}
.map .missing .way{stroke:var(--accent);stroke-dasharray:7 5;stroke-width:2.2}
.map .missing .head{fill:var(--accent)}
.map .missing .label,.map .missing text{fill:var(--accent);font-weight:700}
.map .node.missing .box{fill:none;stroke:var(--accent);stroke-dasharray:7 5}
.map.crowded .edge:not(.diverging):not(.missing):not(.lit) .way{stroke-width:1;stroke-opacity:.4}
.map.crowded .edge:not(.diverging):not(.missing):not(.lit) .head{fill-opacity:.55}
@media (forced-colors:active){.map .box,.map .way{stroke:CanvasText}.map .head,.map text{
fill:CanvasText}}
"""

# What a picture of all maps on one sheet needs besides.
POSTER = """
.paper{fill:var(--paper)}
.panel{fill:var(--panel);stroke:var(--line)}
.map .top{font-size:16px;font-weight:700}
.map .when{fill:var(--soft)}
.map .agree{fill:var(--good)}
.map .differ{fill:var(--bad)}
.map .left{text-anchor:start}
"""

# The text around the maps.
SHEET = """
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
main{max-width:1600px;margin:0 auto;padding:24px}
header{display:flex;gap:16px;align-items:baseline;flex-wrap:wrap}
h1{font-size:28px;line-height:1.2;margin:0}
h2{font-size:16px;margin:0 0 12px}
section{margin-top:24px}
.verdict.agree{color:var(--good)}
.verdict.differ{color:var(--bad)}
.soft{color:var(--soft);margin:0}
.panels{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,360px),1fr));gap:16px}
.panel{background:var(--panel);border:1px solid var(--line);border-radius:12px;padding:16px;min-width:0}
.scroll{overflow:auto}
.panel .map{max-width:100%;height:auto;margin:0 auto}
.panels.tall{grid-template-columns:1fr}
.empty{padding:32px 16px;text-align:center;color:var(--soft);overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:6px 10px;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
thead th{color:var(--soft);font-size:13px;font-weight:600}
th[scope=row],thead th[rowspan]{text-align:left;font-weight:500;white-space:normal;
overflow-wrap:anywhere}
th[scope=colgroup]{text-align:right}
td.diverging{color:var(--bad);font-weight:700}
td.failed{color:var(--bad)}
td.undrawn{color:var(--soft)}
.differences{list-style:none;margin:0;padding:0;display:grid;gap:12px}
.differences>li{background:var(--panel);border:1px solid var(--line);border-left:4px solid var(--bad);
border-radius:8px;
padding:12px 16px;overflow-wrap:anywhere}
.expected .differences>li{border-left-color:var(--line)}
.differences ul{margin:0;padding:0;list-style:none}
.differences dl{display:grid;grid-template-columns:auto 1fr;gap:4px 12px;margin:8px 0 0}
.differences dt{color:var(--soft)}
.differences dd{margin:0}
.expected summary{cursor:pointer;color:var(--soft);padding:8px 0}
@media print{main{padding:0}.panels{grid-template-columns:repeat(3,1fr)}.panel{break-inside:avoid}}
"""
