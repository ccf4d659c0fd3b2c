"""Whole cards of every shape that cards are found in, made up from a seed; and mutations of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from tests.fuzz.words import EMISSIONS, ENTRIES, FIELDS, FILLER, HEADINGS, KEYS, LABELS, PLACEHOLDERS, TITLES, TOKENS, VALUES

_LATIN: Final = ("template", "template", "template", "other", "long")


def make(rng: Random) -> bytes:
    """A whole card."""
    style = rng.choice(_LATIN) if rng.random() < 0.7 else rng.choice(sorted(LABELS))
    parts = [f"# {rng.choice(('Model Card for knot', 'knot-base', 'ノット'))}"] if rng.random() < 0.8 else []
    parts += _filler(rng)
    parts += _impact(rng, style)
    parts += _filler(rng)
    if rng.random() < 0.08:
        parts += _impact(rng, style)
    body = "\n\n".join(parts) if rng.random() < 0.9 else "\n".join(parts)
    text = front_matter(rng) + body + rng.choice(("\n", "\n", "\n", "", "\n\n\n", "  \n", "\n```\n"))
    if rng.random() < 0.1:
        text = _rendering(rng, text)
    return _line_ends(rng, text).encode()


def front_matter(rng: Random) -> str:
    """Front matter of some shape, or none."""
    if rng.random() < 0.15:
        return ""
    keys = [rng.choice(KEYS[:12] if rng.random() < 0.7 else KEYS) for _ in range(rng.randrange(7))]
    dice = rng.random()
    if dice < 0.25:
        keys.insert(rng.randrange(len(keys) + 1), rng.choice(ENTRIES))
    elif dice < 0.4:
        keys.insert(rng.randrange(len(keys) + 1), f"co2_eq_emissions: {rng.choice(EMISSIONS)}")
    elif dice < 0.55:
        keys.insert(rng.randrange(len(keys) + 1), _entry(rng))
    if rng.random() < 0.8:
        keys = list({key.partition(":")[0]: key for key in keys}.values())
    inside = "\n".join(keys)
    if rng.random() < 0.03:
        inside = "\n".join("  " + line for line in inside.split("\n"))
    shape = rng.random()
    if shape < 0.9:
        return f"---\n{inside}\n---\n" if inside else "---\n---\n"
    before, after = rng.choice(
        (
            ("--- \n", "\n---\n"),
            ("---\n", "\n...\n"),
            ("```\n---\n", "\n---\n```\n"),
            ("\n\n---\n", "\n---  \n"),
            ("---\n", "\n"),
            ("\n ---\n", "\n---\n"),
        )
    )
    return before + inside + after


def _entry(rng: Random) -> str:
    indent = rng.choice(("  ", "  ", "    ", " "))
    names = ["emissions", "source", "training_type", "geographical_location", "hardware_used", "on_cloud", "gpu", "cpu_model"]
    chosen = rng.sample(names, rng.randrange(1, 6))
    values = {
        name: rng.choice(EMISSIONS) if name == "emissions" else rng.choice(("x y", "TBD", "", "~", "'a: b'", '"q"'))
        for name in chosen
    }
    lines = [f"{indent}{name}: {value}" for name, value in values.items()]
    for at in range(len(lines)):
        if rng.random() < 0.1:
            lines[at] += rng.choice(("  # a remark", "\n", f"\n{indent}# between", "\n# at the left"))
    return "co2_eq_emissions:\n" + "\n".join(lines)


def _filler(rng: Random) -> list[str]:
    parts: list[str] = []
    for _ in range(rng.randrange(5)):
        if rng.random() < 0.4:
            parts.append(_heading(rng, rng.choice(HEADINGS)))
        parts.append(rng.choice(FILLER))
    return parts


def _heading(rng: Random, title: str) -> str:
    dice = rng.random()
    if dice < 0.8:
        return f"{'#' * rng.choice((1, 2, 2, 2, 3))} {title}"
    shapes = (
        f"{title}\n{'-' * 12}",
        f"{title}\n===",
        f"<h2>{title}</h2>",
        f"## {title} ##",
        f"**{title}**",
        f"#{title}",
        f"## **{title}**",
        f"<h2 align='center'>{title}</h2>",
        f"## <a name='x'></a> {title}",
        f"## 3.1 {title}",
        f"   ## {title}  ",
    )
    return rng.choice(shapes)


def _value(rng: Random, field: str) -> str:
    return rng.choice(PLACEHOLDERS) if rng.random() < 0.65 else rng.choice(VALUES[field])


def _chosen(rng: Random) -> list[str]:
    fields = list(FIELDS)
    if rng.random() < 0.3:
        rng.shuffle(fields)
    return fields[: rng.choice((5, 5, 5, 5, 4, 3, 2, 1))]


def _impact(rng: Random, style: str) -> list[str]:
    """The section in one of its shapes, or none."""
    if rng.random() < 0.12:
        return []
    parts = [_heading(rng, rng.choice(TITLES[style]))] if rng.random() < 0.92 else []
    if rng.random() < 0.3:
        parts.append("<!-- Total emissions (in grams of CO2eq) go here. -->")
    if rng.random() < 0.4:
        parts.append(
            "Carbon emissions can be estimated using the [Machine Learning Impact calculator](https://mlco2.github.io/impact)."
        )
    shapes: tuple[tuple[Callable[[Random, str], str], int], ...] = (
        (_bullets, 12),
        (_bare, 2),
        (_markdown_rows, 2),
        (_markdown_columns, 2),
        (_html_table, 1),
        (_html_list, 1),
        (_details, 1),
        (_run_in, 1),
        (_groups, 2),
        (_nested, 1),
        (_auto, 1),
        (_questions, 1),
        (_words, 1),
    )
    shape = rng.choices([one for one, _ in shapes], [weight for _, weight in shapes])[0]
    parts.append(shape(rng, style))
    if rng.random() < 0.15:
        parts.append(rng.choice(FILLER))
    return parts


def _line(rng: Random, style: str, field: str, mark: str, bullet: str) -> str:
    label, value = LABELS[style][field], _value(rng, field)
    return bullet + mark.replace("L", label) + value


_MARKS: Final = (
    *("**L:** ",) * 8,
    "**L**: ",
    "L: ",
    "**L:**",
    "**L:**  ",
    "**L:**\u00a0",
    "*L:* ",
    "***L:*** ",
    "__L:__ ",
    "<b>L:</b> ",
    "<strong>L</strong>: ",
    "**L :** ",
    "**L** *(aside)*: ",
    "`L`: ",
    "**_L:_** ",
    "L：",
    "**L：**",
    "**L** - ",
    "**L** = ",
    "L -> ",
)


def _bullets(rng: Random, style: str) -> str:
    mark, bullet = (
        rng.choice(_MARKS),
        rng.choice(("- ", "- ", "- ", "- ", "* ", "+ ", "• ", "1. ", "> - ", "  - ", "-   ", "-\t")),
    )
    lines = [_line(rng, style, field, mark if rng.random() < 0.95 else rng.choice(_MARKS), bullet) for field in _chosen(rng)]
    for at in range(len(lines)):
        if rng.random() < 0.06:
            lines[at] += rng.choice(
                ("\n  and more of it", "\n  - a child", "\n", "  ", "\\", "<br>", " <!-- why -->", "\n\n  a paragraph")
            )
    return "\n".join(lines)


def _bare(rng: Random, style: str) -> str:
    mark = rng.choice(_MARKS)
    return rng.choice(("\n", "  \n", "\n\n", "\\\n", "<br>\n")).join(_line(rng, style, field, mark, "") for field in _chosen(rng))


def _markdown_rows(rng: Random, style: str) -> str:
    rows = [f"| {LABELS[style][field]} | {_value(rng, field)} |" for field in _chosen(rng)]
    if rng.random() < 0.5:
        rows = [row.replace("| ", "| **", 1).replace(" |", "** |", 1) for row in rows]
    if rng.random() < 0.2:
        rows = [row.strip("|").strip() for row in rows]
    return "\n".join(
        [*rng.choice((["| what | how much |", "|---|---|"], ["| | |", "|:--|--:|"], ["what | how much", "--- | ---"])), *rows]
    )


def _markdown_columns(rng: Random, style: str) -> str:
    fields = _chosen(rng)
    head = "| " + " | ".join(["Model", *(LABELS[style][field] for field in fields)]) + " |"
    rows = [
        "| " + " | ".join([name, *(_value(rng, field) for field in fields)]) + " |"
        for name in ("small", "large", "Total")[: rng.randrange(1, 4)]
    ]
    return "\n".join([head, "|---" * (len(fields) + 1) + "|", *rows])


def _html_table(rng: Random, style: str) -> str:
    rows = [f"<tr><td>{LABELS[style][field]}</td><td>{_value(rng, field)}</td></tr>" for field in _chosen(rng)]
    return rng.choice(("\n", "", "\n  ")).join(["<table>", *rows, "</table>"])


def _html_list(rng: Random, style: str) -> str:
    rows = [f"<li><b>{LABELS[style][field]}:</b> {_value(rng, field)}</li>" for field in _chosen(rng)]
    return rng.choice(("\n", "")).join(["<ul>", *rows, "</ul>"])


def _details(rng: Random, style: str) -> str:
    gap = rng.choice(("\n\n", "\n"))
    inside = rng.choice((_bullets, _markdown_rows, _html_table))(rng, style)
    return f"<details>\n<summary>Click</summary>{gap}{inside}{gap}</details>"


def _run_in(rng: Random, style: str) -> str:
    title = rng.choice(TITLES[style])
    return f"**{title}** Pretraining took 3.3M GPU hours on A100-80GB (TDP of 350-400W). Emissions were 539 tCO2eq."


def _groups(rng: Random, style: str) -> str:
    names = rng.choice((("Small", "Large"), ("knot-1b", "knot-7b", "knot-70b"), ("Training", "Inference")))
    head = rng.choice(("### {}", "#### {}", "**{}**", "{}:", "### {} model"))
    return "\n\n".join(f"{head.format(name)}\n\n{_bullets(rng, style)}" for name in names)


def _nested(rng: Random, style: str) -> str:
    inner = "\n".join(f"    - {LABELS[style][field]}: {_value(rng, field)}" for field in _chosen(rng))
    return rng.choice(
        (
            f"- **{rng.choice(TITLES[style])}:**\n{inner}",
            f"co2 eq emissions:\n- emissions: {_value(rng, 'carbon')}\n- source: mlco2\n{inner}",
        )
    )


def _auto(rng: Random, style: str) -> str:
    del style
    return f"- Problem type: Ranking\n- Model ID: 12345\n- CO2 Emissions (in grams): {_value(rng, 'carbon')}"


def _questions(rng: Random, style: str) -> str:
    del style
    asked = (
        "1. Is the resulting model publicly available?",
        "2. How much time does the training of the final model take?",
        "3. How much time did all experiments take?",
        "4. What was the energy consumption (GPU/CPU)?",
        "5. At which geo location were the computations performed?",
        "6. How much CO2eq was emitted to train the final model?",
    )
    return "\n".join(
        [
            "| Question | Answer |",
            "|---|---|",
            *(f"| {one} | {rng.choice(('Yes', '24 h', '??', '', 'Norway'))} |" for one in asked),
        ]
    )


def _words(rng: Random, style: str) -> str:
    del style
    return rng.choice(FILLER)


def _rendering(rng: Random, text: str) -> str:
    """What some tool makes of a card."""
    body = text.partition("\n---\n")[2] or text
    lines = body.split("\n")
    kind = rng.randrange(3)
    if kind == 0:
        head = "README.md CHANGED\n@@ -1,1 +1,40 @@\n1\n- # old\n"
        return head + "\n".join(
            f"{number}\n+ {line}" if number % 2 else f"+ {line}" for number, line in enumerate(text.split("\n"), 1)
        )
    if kind == 1:
        return "\n".join(f"{line} |\n|" for line in text.split("\n"))
    return "\n".join(line.lstrip("# ").replace("**", "").replace("- ", "  • ", 1) for line in lines)


def _line_ends(rng: Random, text: str) -> str:
    dice = rng.random()
    if dice < 0.82:
        return text
    if dice < 0.92:
        return ("\ufeff" if rng.random() < 0.3 else "") + text.replace("\n", "\r\n")
    if dice < 0.94:
        return text.replace("\n", "\r")
    if dice < 0.97:
        return "".join(line + rng.choice(("\n", "\r\n")) for line in text.split("\n"))
    return "\ufeff" + text


def mutate(rng: Random, card: bytes, others: Sequence[bytes]) -> bytes:
    """A card with a few things changed at random; mostly where it matters: front matter and section."""
    for _ in range(rng.choice((1, 1, 1, 2, 3, 5))):
        card = rng.choice(_MUTATIONS)(rng, card, others)
    return card[:100_000].replace(b"\0", b"0")


def _place(rng: Random, card: bytes) -> int:
    """A place, often near our words."""
    if rng.random() < 0.5:
        word = rng.choice((b"co2_eq", b"emissions", b"nvironmental", b"---", b"**", b":", b"footprint:", b"arbon", b"```", b"|"))
        found = card.find(word, rng.randrange(len(card) + 1))
        if found >= 0:
            return max(0, min(len(card), found + rng.randrange(-12, 40)))
    return rng.randrange(len(card) + 1)


def _insert(rng: Random, card: bytes, _: Sequence[bytes]) -> bytes:
    at = _place(rng, card)
    return card[:at] + rng.choice(TOKENS) * rng.choice((1, 1, 1, 2, 7)) + card[at:]


def _delete(rng: Random, card: bytes, _: Sequence[bytes]) -> bytes:
    at = _place(rng, card)
    return card[:at] + card[at + rng.choice((1, 1, 2, 3, 8, 40)) :]


def _replace(rng: Random, card: bytes, _: Sequence[bytes]) -> bytes:
    at = _place(rng, card)
    token = rng.choice(TOKENS)
    return card[:at] + token + card[at + len(token) :]


def _noise(rng: Random, card: bytes, _: Sequence[bytes]) -> bytes:
    at = _place(rng, card)
    return card[:at] + rng.randbytes(rng.choice((1, 1, 2, 4))) + card[at + 1 :]


def _lines(rng: Random, card: bytes, others: Sequence[bytes]) -> bytes:
    """Take out, double, swap or bring in lines."""
    lines = card.splitlines(keepends=True) or [b""]
    at, to = rng.randrange(len(lines)), rng.randrange(len(lines))
    what = rng.randrange(5)
    if what == 0:
        del lines[at]
    elif what == 1:
        lines.insert(to, lines[at])
    elif what == 2:
        lines[at], lines[to] = lines[to], lines[at]
    elif what == 3:
        theirs = rng.choice(others).splitlines(keepends=True) or [b""]
        begin = rng.randrange(len(theirs))
        lines[at:at] = theirs[begin : begin + rng.randrange(1, 9)]
    else:
        lines[at] = rng.choice((b" ", b"  ", b"    ", b"> ", b"\t", b"- ", b"# ")) + lines[at]
    return b"".join(lines)


def _cut(rng: Random, card: bytes, _: Sequence[bytes]) -> bytes:
    at = _place(rng, card)
    return card[:at] if rng.random() < 0.5 else card[at:]


def _cross(rng: Random, card: bytes, others: Sequence[bytes]) -> bytes:
    other = rng.choice(others)
    return card[: _place(rng, card)] + other[_place(rng, other) :]


def _ends(rng: Random, card: bytes, _: Sequence[bytes]) -> bytes:
    new = rng.choice((b"\r\n", b"\r", b"\n"))
    lines = card.splitlines()
    return b"".join(line + (new if rng.random() < 0.7 else b"\n") for line in lines)


def _spaces(rng: Random, card: bytes, _: Sequence[bytes]) -> bytes:
    at = _place(rng, card)
    new = rng.choice((b"\xc2\xa0", b"\t", b"", b"  ", b"\xe3\x80\x80"))
    return card[:at] + card[at:].replace(b" ", new, rng.choice((1, 2, 5)))


_MUTATIONS: Final = (
    _insert,
    _insert,
    _insert,
    _delete,
    _delete,
    _replace,
    _noise,
    _lines,
    _lines,
    _lines,
    _cut,
    _cross,
    _ends,
    _spaces,
)
