/// The style of a report. People with colour blindness can tell the colours apart: blue, orange,
/// purple and green differ in lightness.
enum ReportStyle {
  static let css = """
    :root{--bg:#fff;--fg:#1b1f24;--soft:#5a6470;--line:#d5dbe1;--card:#f5f7f9;--bad:#b3261e;
    --free:#eef1f4;--available:#f5d48a;--inuse:#2b6cb0;--shared:#0b2545;--s0:#2b6cb0;--s1:#c2410c;
    --s2:#0f766e;--s3:#7c3aed;--s4:#be185d;--s5:#475569;--s6:#4d7c0f;--s7:#a16207}
    @media screen and (prefers-color-scheme:dark){:root{--bg:#14181c;--fg:#e6e9ec;--soft:#9aa5b1;
    --line:#333c45;--card:#1d2329;--bad:#ff8a80;--free:#20272e;--available:#7a5a1c;--inuse:#4f9fe8;
    --shared:#cfe6ff;--s0:#63b3ed;--s1:#fb923c;--s2:#5eead4;--s3:#c4b5fd;--s4:#f9a8d4;--s5:#cbd5e1;
    --s6:#a3e635;--s7:#facc15}}
    *{box-sizing:border-box}
    body{margin:0 auto;max-width:1080px;padding:16px;background:var(--bg);color:var(--fg);
    font:16px/1.5 system-ui,sans-serif}
    h1{font-size:1.6rem;overflow-wrap:anywhere;line-height:1.2;margin:.5rem 0}h2{font-size:1.25rem;margin:2rem 0 .5rem;
    border-bottom:1px solid var(--line)}h3{font-size:1.05rem;margin:1.2rem 0 .3rem}
    h4{font-size:.95rem;margin:1rem 0 .2rem}
    header p,.name,.legend,caption{color:var(--soft)}header p{margin:0}
    .tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:8px}
    .tile{background:var(--card);border-radius:8px;padding:10px 12px}
    .tile b{display:block;font-size:1.3rem;line-height:1.2}
    .tile span{color:var(--soft);font-size:.85rem}.bad b{color:var(--bad)}
    .findings{display:grid;grid-template-columns:auto 1fr;gap:.45rem 1.4rem;margin:1rem 0}
    .findings dt{font-weight:600;white-space:nowrap}.findings dd{margin:0}
    ul{padding-left:1.2rem}li{margin:.3rem 0}
    nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:2px 18px;padding:0;margin:.8rem 0 0}
    nav li{margin:0}a{color:var(--s0)}
    .scroll{overflow-x:auto;margin:12px 0}
    table{border-collapse:collapse;width:100%;font-size:.84rem;font-variant-numeric:tabular-nums}
    caption{text-align:left;font-size:.85rem;padding-bottom:4px}
    th,td{padding:4px 7px;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
    th:first-child{text-align:left}thead th{color:var(--soft);font-weight:600;
    white-space:normal;vertical-align:bottom}
    .failure{border-left:4px solid var(--bad);background:var(--card);border-radius:0 8px 8px 0;
    padding:1px 14px;margin:12px 0}
    pre{overflow-x:auto;font-size:.8rem;background:var(--bg);padding:8px;border-radius:6px}
    .plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,330px),1fr));
    gap:8px 28px;align-items:end}.plots .map svg{height:150px}
    figure{margin:14px 0;break-inside:avoid}figcaption{font-weight:600;font-size:.95rem}
    .legend{font-size:.82rem;margin:2px 0}.legend span{margin-right:14px;white-space:nowrap}
    .legend i{display:inline-block;width:12px;height:12px;border-radius:2px;margin-right:5px;
    vertical-align:-1px}
    .unit{font-weight:400;color:var(--soft)}
    .frame{display:grid;margin-top:9px;grid-template-columns:4.6rem 1fr;
    grid-template-rows:auto 1.5em auto}
    svg{width:100%;height:190px;display:block;background:var(--free);overflow:hidden}
    .plot svg{background:var(--card)}.map svg{height:300px;shape-rendering:crispEdges}
    .y,.x{position:relative;font-size:.75rem;color:var(--soft)}
    .y span{position:absolute;right:6px;transform:translateY(50%);white-space:nowrap}
    .x{grid-column:2}.x span{position:absolute;top:3px;transform:translateX(-50%);
    white-space:nowrap}.x span:first-child,.x .last{transform:none}
    .name{grid-column:2;font-size:.75rem;text-align:center}
    path{vector-effect:non-scaling-stroke}
    .grid{stroke:var(--line);fill:none}.line{fill:none;stroke-width:1.6px;stroke-linejoin:round}
    .limit{stroke:var(--soft);stroke-dasharray:6 4;fill:none}
    .alarm{stroke:var(--bad);stroke-dasharray:2 3;fill:none;stroke-width:1.5px}
    .band{fill:var(--s0);opacity:.25}
    .free{fill:var(--free)}.available{fill:var(--available)}.inuse{fill:var(--inuse)}
    .shared{fill:var(--shared)}.k0{fill:var(--s0)}.k1{fill:var(--s2)}.k2{fill:var(--s1)}
    i.free{background:var(--free);border:1px solid var(--line)}i.available{background:
    var(--available)}i.inuse{background:var(--inuse)}i.shared{background:var(--shared)}
    i.k0{background:var(--s0)}i.k1{background:var(--s2)}i.k2{background:var(--s1)}
    .legend i.limit,.legend i.alarm{height:3px;vertical-align:4px}
    .legend i.line{width:20px;height:0;background:none;border-top-width:3px;
    border-top-style:solid;vertical-align:4px}
    .legend i.d1{border-top-style:dashed}.legend i.d2{border-top-style:dotted}
    path.d1{stroke-dasharray:7 4}path.d2{stroke-dasharray:2 3}
    i.limit{background:var(--soft)}i.alarm{background:var(--bad)}

    """
    + (0..<8).map { ".s\($0){stroke:var(--s\($0))}i.s\($0){border-color:var(--s\($0))}\n" }.joined()
      + """
      @media (max-width:600px){body{padding:10px}.frame{grid-template-columns:3.6rem 1fr}
      .map svg{height:240px}.findings{display:block}.findings dd{margin:0 0 .7rem}}
      @media print{body{max-width:none;font-size:11pt}.tile,svg,.failure,i,pre{
      print-color-adjust:exact;-webkit-print-color-adjust:exact}.scroll{overflow:visible}
      nav{display:none}pre{white-space:pre-wrap;overflow:visible}h2,h3{break-after:avoid}tr,.failure{break-inside:avoid}
      table{font-size:.7rem}th,td{padding:3px 5px;white-space:normal}}
      """
}
