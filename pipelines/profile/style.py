"""The page's style: one column on a phone, several on a desk; light and dark by the reader."""

STYLE = """
:root{color-scheme:light dark;--ink:#1d2733;--quiet:#5a6775;--paper:#fff;--card:#f5f7f9;
--line:#d8dee5;--bar:#3f78b5;--soft:#c9dcf0;--mark:#b4500f;--stop:#b3261e;--change:#8a5a00;--advice:#2f6b3c}
@media(prefers-color-scheme:dark){:root{--ink:#e4e9ee;--quiet:#a0abb7;--paper:#12171d;
--card:#1b222a;--line:#323c47;--bar:#6ea8e0;--soft:#26415c;--mark:#f2a35e;--stop:#ff8a80;--change:#f0b44c;
--advice:#7fcf92}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:1200px;margin:0 auto;padding:1rem}
h1,h2,h3,p,code,dd,li{overflow-wrap:anywhere}
h1{font-size:1.6rem;margin:.3rem 0}
h2{font-size:1.2rem;margin:2rem 0 .6rem}
h2 small{font-weight:400;font-size:.9rem;color:var(--quiet)}
h3{font-size:1rem;margin:0 0 .3rem}
p{margin:.25rem 0}
code{font:.9em ui-monospace,monospace}
.quiet,.scale,dt{color:var(--quiet);font-size:.85rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(130px,1fr));gap:.5rem;margin:0}
.tiles div{background:var(--card);border-radius:6px;padding:.5rem .7rem}
dd{margin:0;font-weight:600}
section>article{border-left:4px solid var(--line);background:var(--card);padding:.6rem .8rem;
margin:.5rem 0;border-radius:0 6px 6px 0}
section>article.stop{border-color:var(--stop)}
section>article.change{border-color:var(--change)}
section>article.advice{border-color:var(--advice)}
h3 em{font-style:normal;font-weight:400;font-size:.85rem;margin-left:.3rem}
.stop em{color:var(--stop)}.change em{color:var(--change)}.advice em{color:var(--advice)}
.out{font-size:.9rem}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,260px),1fr));gap:.7rem}
.cards article{background:var(--card);border-radius:6px;padding:.7rem;min-width:0}
.tag{font-weight:500;font-size:.78rem;border:1px solid var(--line);border-radius:4px;
padding:0 .35rem;margin-right:.3rem}
.gone{color:var(--change);border-color:var(--change)}
svg{display:block;width:100%;height:56px;margin-top:.4rem}
path{fill:var(--bar)}
.scale{display:flex;justify-content:space-between;margin:0}
.levels{list-style:none;margin:.4rem 0;padding:0;font-size:.85rem}
.levels li{position:relative;display:flex;justify-content:space-between;gap:.5rem;
padding:0 .3rem;margin:2px 0}
.levels i{position:absolute;inset:0 auto 0 0;background:var(--soft);border-radius:3px}
.levels span{position:relative}
.wide{max-width:640px}
path.first{fill:var(--soft)}
.course path,path.other{fill:none;stroke:var(--bar);stroke-width:2;
vector-effect:non-scaling-stroke}
path.other{stroke:var(--mark)}
.levels b{position:absolute;inset:0 auto 0 0;width:3px;background:var(--mark)}
.key i{display:inline-block;width:.9rem;height:.7rem;margin:0 .3rem 0 0;background:var(--soft)}
.key i.other{background:none;border:2px solid var(--mark);margin-left:1rem}
"""
