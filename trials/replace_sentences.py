"""medit.py LESSON.py EDITS: replaces sentences in Markdown paragraphs whatever their wraps. EDITS: old\n----\nnew blocks separated by ====."""
import re, sys, textwrap
path, edits = sys.argv[1:3]
lines = open(path).read().split("\n")
pairs = [b.strip("\n").split("\n----\n") for b in open(edits).read().split("\n====\n") if b.strip()]
norm = lambda s: " ".join(s.split())
def paragraphs():
    """(start, end) of runs of comment prose lines within markdown cells."""
    out, i, md, fence, disp = [], 0, False, False, False
    start = None
    for i, l in enumerate(lines + ["# %%"]):
        if l.startswith("# %%"):
            if start is not None: out.append((start, i)); start = None
            md = "[markdown]" in l; continue
        if not md: continue
        body = l[2:] if l.startswith("# ") else ""
        plain = l.startswith("# ") and body.strip() and not re.match(r"(#|\||<|```|\$\$)", body)
        if body.startswith("```"): fence = not fence
        item = re.match(r"(- |\d+\. |> )", body)
        if not plain or fence or item:
            if start is not None: out.append((start, i)); start = None
        if plain and not fence and start is None: start = i
    return out
for pair in pairs:
    if len(pair) != 2: print("bad block", pair[0][:60]); continue
    old, new = map(norm, (pair[0], pair[1] if len(pair) == 2 else ""))
    hits = [(a, b) for a, b in paragraphs() if old in norm(" ".join(l[2:] for l in lines[a:b]))]
    if len(hits) != 1: print(f"{len(hits)} hits: {old[:80]}"); continue
    a, b = hits[0]
    first = re.match(r"# ((?:- |\d+\. |> )?)", lines[a]).group(1)
    text = norm(" ".join(l[2:] for l in lines[a:b])).replace(old, new)
    if not text: lines[a:b] = []; continue
    indent = " " * len(first)
    w = textwrap.wrap(text, 98, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    # a wrapped line must not begin like a list item or a heading
    lines[a:b] = ["# " + l for l in w]
    for l in w[1:]:
        if re.match(r"\s*(- |\d+\. |# |\+ |\* )", l): print("WARN line begins like a list:", l[:40])
open(path, "w").write("\n".join(lines))
