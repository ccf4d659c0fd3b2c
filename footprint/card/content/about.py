"""What a sentence of a card is about: the making of this model, or something else, with the reason.

A fact is taken only from a sentence that can be about nothing else. So what is trained must be the model (`it`, `the model`, its
name as the card's title has it), and a time must be one that a training took, not the length of what was trained on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple

from footprint.card.read import Card
from footprint.card.words.amounts import Amount

_ANOTHER: Final = re.compile(
    r"\b(?:base|parent|teacher|student|original|baseline|previous|earlier|other|reference|larger|smaller|bigger|upstream)\s+"
    r"(?:\w+\s+)?(?:models?|versions?|networks?|checkpoints?|releases?|work|ones?)\b"
    r"|\bcompar(?:ed|ison|able)\b|\binstead of\b|\bunlike\b|\bwhereas\b|\bequivalent to\b"
    r"|\ball (?:of the |our |the )?(?:models|sizes|versions)\b|\bmodels were\b|\bvariants?\b|\beither\b|\brespectively\b"
    r"|\b(?:\d{1,4}|two|three|four|five|six|several|multiple|both|these) (?:\w{1,20} )?models\b"
    r"|\bsav(?:ed|es|ing)\b|\bavoid(?:ed|s|ing)\b|\breduc(?:es?|ed|tion|ing)\b"
    r"|\bas (?:much|many|long)\b|\bhouseholds?\b|\bflights?\b"
    r"|\b(?:model|whole|entire) (?:family|suite|series|collection)\b|\bcumulative|\boffset\b",
    re.IGNORECASE,
)
_NOT_DONE: Final = re.compile(
    r"\bwould\b|\bcould\b|\bcan be\b|\brecommend|\brequire[sd]?\b|\brequirement|\bat least\b"
    r"|\bneed(?:s|ed)?\b|\bminimum\b|\bplan(?:s|ned)?\b|\btakes\b|\breserved\b|\ballocat|\bquota\b|\blimits?\b|\btrains in\b"
    r"|\btook\b.{0,40}\bto (?!(?:re-?|pre-?)?(?:train|tune|fine|distil|complete|finish|converge|run)\w{0,10}\b)[a-z]"
    r"|\bshould\b|\bif you\b|\byou (?:can|may|will|need)\b|\bnot (?:been )?trained\b|\bso far\b|\bsupports?\b|\bcompatible\b",
    re.IGNORECASE,
)
_USE: Final = re.compile(
    r"\btested\b|\bplants?\b|\bvehicles?\b|\bbuildings?\b|\breadings?\b|\binferenc|\binferr|\bdeploy|\bserving\b"
    r"|\bserved\b|\bevaluat|\bbenchmark|\bquanti[sz]|\bconvert|\blatenc|\bthroughput"
    r"|\bgenerat(?:e|es|ing) "
    r"|\btokeni[sz]|\bpre-?process|\bannotat|\bcrawl|\bscrap(?:ed|ing)\b|\bcollected\b|\bdownload|\btranscrib|\bpredicts?\b",
    re.IGNORECASE,
)
_PART: Final = re.compile(
    r"\bper\s+(?:epoch|step|run|model|fold|trial|seed|experiment|task|language|node|hour|iteration|stage|day|machine|server)"
    r"|\b(?:each|every|first|second|third|last|remaining|additional|another|further|half)\b|\bepoch took\b|\bup to\b|\bat most\b"
    r"|\b(?:stages?|phases?)\b|\bstep \d|\bof which\b|\b(?:\d{1,5}|one|two|four) of (?:the|these|them)\b"
    r"|\bonly (?:one|two|four|\d{1,5})\b|\bout of\b|\binterrupt"
    r"|\bstopped\b|\bcrash|\bresum(?:e|ed|ing)\b|\bwarm-?up\b"
    r"|\bcontinu(?:e|ed|ing)\b|\bablation|\bsweeps?\b|\bhyper-?param\w{0,10} (?:search|tun|optimi)|\bgrid search\b",
    re.IGNORECASE,
)
# So many of one thing that holds several devices: whether a count beside it is of one of them, or of all, cannot be told.
_NODES: Final = re.compile(
    r"\b(?:\d{1,6}|two|three|four|five|six|eight|ten|sixteen|several|multiple)\s?[x×]?\s?(?:[\w.-]{1,20}\s){0,2}"
    r"(?:nodes|machines|servers|instances|hosts|boxes|workstations|clusters|VMs)\b",
    re.IGNORECASE,
)
_MAKING: Final = re.compile(
    r"\b(?:pre-?)?train(?:ed|ing|s)?\b(?! (?:data|data-?sets?|sets?|splits?|corpus|samples?|examples?|audio|code"
    r"|scripts?|images?|texts?)\b)"
    r"|\bfine-?tun|\btook\b|\bdistill?|\bemissions? (?:were|was|are|is)\b|\bemitted\b",
    re.IGNORECASE,
)
_LABELLED: Final = re.compile(
    r"[^:|]{0,40}\b(?:hardware|gpus?|tpus?|accelerators?|time|duration|runtime|compute|energy"
    r"|emissions?|carbon|co2)\b[^:|]{0,40}[:|]",
    re.IGNORECASE,
)
_OF_TRAINING: Final = re.compile(r"train|\btun|tuning|wall[- ]?clock", re.IGNORECASE)
_TIME_ALONE: Final = re.compile(r"\b(?:time|duration)\b", re.IGNORECASE)
_OTHER_TIME: Final = re.compile(
    r"\b(?:audio|video|speech|record\w{0,6}|data|data-?sets?|lead|forecast\w{0,6}|response|session|load\w{0,4}|test|cpu)\b",
    re.IGNORECASE,
)
PRE_TRAINING: Final = re.compile(r"\bpre-?train", re.IGNORECASE)
FINE_TUNING: Final = re.compile(r"\bfine-?tun", re.IGNORECASE)
_OF_THIS: Final = re.compile(
    r"environment|carbon|emission|infrastructure|impact|footprint|climate"
    r"|training (?:procedure|process|detail|time|hyper|set-?up|hardware|compute|infra|regime|config|cost|info|run)",
    re.IGNORECASE,
)
_OF_ANOTHER: Final = re.compile(
    r"\b(?:us(?:e|age|ing)|inference|deploy\w*|serv(?:e|ing)|demo|require\w*|recommend\w*|evaluat\w*|benchmark\w*|results?"
    r"|performance|speed|latency|limitations?|quick ?start|get(?:ting)? started|install\w*|examples?|quanti\w*|compar\w*"
    r"|related|base model|teacher|data|data-?sets?|corpus|corpora|how to|run(?:ning)?|v?ram"
    r"|memory|compatib\w*|merg\w*|tokeni\w*)\b",
    re.IGNORECASE,
)

# -- What is trained --------------------------------------------------------------------------------------------------

_VERB: Final = re.compile(r"\b(?:pre-?|re-?)?(?:trained|fine-?tuned|distill?ed)\b", re.IGNORECASE)
_AUXILIARY: Final = re.compile(
    r"\b(?:was|were|is|are|has been|have been|had been|been|being|got)(?:\s(?:\w{2,20}ly|also|then|just|only))?\s?\Z",
    re.IGNORECASE,
)
_BY_US: Final = re.compile(r"\b(?:we|I)(?:\s?['’]ve| have)?(?:\s(?:\w{2,20}ly|also|then|just|only))?\s?\Z", re.IGNORECASE)
_GOES_ON: Final = re.compile(r"(?:,|\band|\bthen|\bwhich was then)(?:\s(?:\w{2,20}ly|also|then))?\s?\Z", re.IGNORECASE)
_CLAUSE: Final = re.compile(r"[.;:,()|–—]|\b(?:and|but|while|that)\b", re.IGNORECASE)
_GERUND: Final = re.compile(
    r"\b(?:pre-?|re-?)?(?:train(?:ing)?|fine-?tun(?:e|ing)|distill?(?:ing"
    r"|ation)?)\s+(?P<of>of\s+)?(?P<what>[^\s,.;:|()]+.{0,80})",
    re.IGNORECASE,
)
_DETERMINED: Final = re.compile(r"(?:the|an?|our|this|these|those|both|all|two|three|its?|their|\d{1,4})\b", re.IGNORECASE)
_THIS: Final = re.compile(
    r"(?:(?:here|then|finally|thus|overall|this time|in total)\s)?"
    r"(?:(?:the|this|our|its)\s)?(?:(?:final|resulting|current|present|released|full|whole|complete|entire|proposed)\s){0,2}"
    r"(?P<name>(?:[\w./+-]{1,60}\s){0,6}?)(?P<noun>model|network|checkpoint|version|adapter|weights|release|LoRA|it)?\s?",
    re.IGNORECASE,
)
_INTRODUCED: Final = re.compile(r"(?:this|it|here)(?: model| checkpoint| version)? is (?:an?|the|our)\b", re.IGNORECASE)
_TOOK: Final = re.compile(r"\b(?:took|emitted|consumed)\b", re.IGNORECASE)
_WORK: Final = re.compile(r"\b(?:pre-?|re-?)?train|\bfine-?tun|\bdistil|\bemission", re.IGNORECASE)
_SOMETHING: Final = re.compile(r"\b(?:which|we|run|job|process|work|everything|all)\Z", re.IGNORECASE)
_NO_ONES: Final = re.compile(
    r"(?:(?:the|our|this|its|a|total|overall|final|whole|entire|full|complete|actual|model|then|here|and|carbon|co2)\s){0,6}",
    re.IGNORECASE,
)
_BY: Final = re.compile(
    r"\s?(?:on|for|with|using|in|at|over|to|from|during|by|via|until|as|through|across|under|and)\b|\s?[.,;:()]|\s?\Z",
    re.IGNORECASE,
)
_LABEL_WORDS: Final = re.compile(
    r"(?:time|times|duration|hardware|data|procedure|process|details?|compute|infrastructure"
    r"|runs?|regime|costs?|energy|emissions?"
    r"|environment|set-?up|settings?|hours?|gpus?|tpus?|cluster|steps?|samples?|set|framework|code|script|loss|speed)\b",
    re.IGNORECASE,
)
_FINE_TUNE: Final = re.compile(r"fine-?tun|distil|quant|gguf|lora|merge|adapter|-ft\b|prun", re.IGNORECASE)
_LONGEST_NAME: Final = 120
_SHORTEST_NAME: Final = 3

# -- What a time is of ------------------------------------------------------------------------------------------------

_FILLER: Final = (
    r"(?:\s?(?:just|only|about|around|roughly|approximately|approx\.?|nearly|almost|some|circa"
    r"|ca\.|over|under|less than|more than"
    r"|a total of|total|in total|us|me|between|an estimated|~|≈|<|>|≤|≥)){0,3}\s?\Z"
)
_BEFORE: Final = re.compile(
    r"(?:\A|\b(?:for|in|within|took|taken|lasted|lasting|over|spanned|spanning|requiring|spent|is|was|trained"
    r"|(?:total|time|duration|runtime|period|sum) of))" + _FILLER,
    re.IGNORECASE,
)
# `Training time: 3 h`, not `Training data: 3 h`; `100 epochs (3 h)`, not `LibriSpeech (3 h)`.
_NAMED_BEFORE: Final = re.compile(
    r"\b(?:time|duration|run-?time|hours?|compute|took|wall\w*)\b[^.;:|=]{0,40}[:|=]"
    + _FILLER
    + r"|\b(?:training|pre-?training|fine-?tuning)\s?[:|=]"
    + _FILLER
    + r"|\b(?:steps?|epochs?|iterations?|updates|batches|overnight|time|duration|minutes|hours?|days?|weeks?|months?|[0-9]h)\s?\("
    + _FILLER,
    re.IGNORECASE,
)
_AFTER: Final = re.compile(
    r"\s?(?:\Z|[.,;:()\[\]|!=~≈+\"'”*–—]|(?:on|in|with|using|at|to|for|by|via|and|or|total|overall|altogether|wall\w*|was|were)\b"
    r"|(?:of\s)?(?:total |actual |pure |continuous |single |parallel ){0,2}(?:pre-?training|training|fine-?tuning|GPU|TPU|device"
    r"|comput\w{1,8}|wall\w*|processing|run-?time)\b)",
    re.IGNORECASE,
)
_LENGTH: Final = re.compile(
    r"[ -](?:of\s(?!(?:(?:total|actual|pure|continuous|single|parallel|the|our|its)\s){0,2}"
    r"(?:pre-?train|train|fine-?tun|GPU|TPU|device|comput|wall|process|run-?time|time|clock|use\b|usage|work))"
    r"|(?:[a-z-]{1,20} ){0,3}(?:audio|speech|video|music|recordings?|footage|data|talk|text"
    r"|dialogue|conversations?|songs?|driving)\b"
    r"|ahead\b|in advance\b|windows?\b|horizons?\b|long\b)",
    re.IGNORECASE,
)
_STORED: Final = re.compile(
    r"\bhosted\b|\bstor(?:ed|age)\b|\bbuckets?\b|\bdata (?:is|are|was|were)\b|\bavailable\b|\bS3\b", re.IGNORECASE
)

Of = Literal["taken", "length", "unclear"]


class Names(NamedTuple):
    """What a card calls its model: whole names, and whether the beginning of one is a name of this model, too."""

    whole: frozenset[str]
    beginnings: bool

    def has(self, words: str) -> bool:
        """Whether some words are such a name."""
        said = _bare(words)
        if not said:
            return False
        begins = self.beginnings and len(said) >= _SHORTEST_NAME
        return said in self.whole or (begins and any(name.startswith(said) for name in self.whole))


def names_of(card: Card) -> Names:
    """What a card calls its model: its first title, and what its front matter calls it.

    Of a model that was made from another, only the whole name is its own: the beginning may be the other's (`bert-base-mrpc`).
    """
    titles = [heading.text for heading in card.document.headings[:1]]
    root = card.yaml.root
    named = root.find("model_name") if root is not None else None
    titles += [named[1].text] if named is not None and named[1].kind == "scalar" else []
    titles = [title[:_LONGEST_NAME] for title in titles]
    parts = [
        part for title in titles for part in (title, re.split(r"[(:|–—]| - ", title, maxsplit=1)[0], title.rpartition("/")[2])
    ]
    derived = (root is not None and root.find("base_model") is not None) or any(_FINE_TUNE.search(title) for title in titles)
    return Names(frozenset(bare for part in parts if (bare := _bare(part))), not derived)


def why_not(sentence: str, headings: Sequence[str], names: Names, *, has_base: bool) -> str | None:
    """Why a sentence is not taken for one on the making of this model; None if it is.

    Args:
        sentence: its text, without markup.
        headings: what it stands under, the innermost first.
        names: what the card calls its model.
        has_base: whether the card names a base model.
    """
    labelled = _LABELLED.match(sentence)
    only_before = PRE_TRAINING.search(sentence) and not FINE_TUNING.search(sentence)
    reasons = (
        (sentence.endswith("…"), "too long to be read as one statement"),
        (sentence.count(" | ") > 1, "a row of a table"),
        *_of_something_else(sentence),
        (not (_MAKING.search(sentence) or labelled), "it does not say that it is about the training"),
        (any(_ANOTHER.search(one) for one in headings), "it stands under a heading on another model"),
        (not _is_ours(labelled[0] if labelled else sentence, headings), "it does not say that it is about the training"),
        (has_base and only_before, "it is about pre-training, and the card names a base model"),
        (not all(_trained(sentence, names)), "what was trained may not be this model"),
    )
    return next((why for against, why in reasons if against), None)


def why_no_value(value: str) -> str | None:
    """Why what stands in a field is not taken for the whole of this model's training; None if it is."""
    return next((why for against, why in _of_something_else(value) if against), None)


def _of_something_else(words: str) -> tuple[tuple[object, str], ...]:
    return (
        (_ANOTHER.search(words), "it may be about another model"),
        (_NOT_DONE.search(words), "it does not say what was done"),
        (_USE.search(words), "it may be about using the model"),
        (_PART.search(words), "it may be about a part of the work"),
        (_NODES.search(words), "it counts machines of several devices"),
    )


def time_of(sentence: str, amount: Amount) -> Of:
    """What a time in a sentence is: what something took, the length of something (`100 hours of speech`), or neither clearly."""
    before, after = sentence[max(0, amount.start - 80) : amount.start], sentence[amount.end : amount.end + 80]
    if amount.counted == "device":
        return "taken"
    if _LENGTH.match(after):
        return "length"
    return "taken" if _AFTER.match(after) and (_BEFORE.search(before) or _NAMED_BEFORE.search(before)) else "unclear"


def is_stored(sentence: str) -> bool:
    """Whether a place in a sentence may be where data lies."""
    return _STORED.search(sentence) is not None


def _is_ours(label: str, headings: Sequence[str]) -> bool:
    """Whether what stands behind a label is about the training: by the label, or by what it stands under."""
    if _OF_TRAINING.search(label):
        return True
    if _OTHER_TIME.search(label):
        return False
    for heading in headings:
        if _OF_THIS.search(heading):
            return True
        if _OF_ANOTHER.search(heading):
            return False
        if _OF_TRAINING.search(heading):
            return True
    return not _TIME_ALONE.search(label)


def _trained(sentence: str, names: Names) -> Iterator[bool]:
    """Of each word for training whether what it is about is this model."""
    introduced = _INTRODUCED.match(sentence) is not None
    for verb in _VERB.finditer(sentence):
        before, after = sentence[: verb.start()], sentence[verb.end() :]
        if not before.strip(" -•*"):
            yield True
        elif auxiliary := _AUXILIARY.search(before):
            yield _is_this(before[: auxiliary.start()], names)
        elif _BY_US.search(before):
            yield _is_object(after, names)
        elif _GOES_ON.search(before):
            yield _begins_with_this(sentence, names)
        else:
            yield introduced or before.rstrip().endswith((":", ";")) or _names_this(_clause(before), names)
    for gerund in _GERUND.finditer(sentence):
        what = gerund["what"]
        if gerund["of"] or _DETERMINED.match(what) or (what[0].isupper() and not _LABEL_WORDS.match(what)):
            yield _is_object(what, names)
    for took in _TOOK.finditer(sentence):
        clause = _clause(sentence[: took.start()])
        yield not clause or _is_work(clause, names)


def _is_this(before: str, names: Names) -> bool:
    """Whether the words of a clause that end here are this model."""
    clause = _clause(before)
    return _names_this(clause, names) if clause else _begins_with_this(before, names)


def _clause(before: str) -> str:
    """The words of the clause that goes on where a text ends."""
    start = max((boundary.end() for boundary in _CLAUSE.finditer(before)), default=0)
    return before[start:].strip(" \"'“”*-")


def _names_this(words: str, names: Names) -> bool:
    found = _THIS.fullmatch(f"{words} ")
    if words.casefold() == "this" or names.has(words):
        return True
    return found is not None and (names.has(found["name"]) if found["name"] else found["noun"] is not None)


def _begins_with_this(sentence: str, names: Names) -> bool:
    """Whether a sentence begins with this model, or with who made it."""
    words = re.findall(r"[^\s,;:()]+", sentence[:200])[:8]
    if not words or words[0].casefold() in {"we", "i"} or _VERB.match(words[0]):
        return bool(words)
    return any(_names_this(" ".join(words[:number]), names) for number in range(1, len(words) + 1))


def _is_work(clause: str, names: Names) -> bool:
    """Whether what took so long is this model, or its training; `BERT's training` is another's."""
    found = _WORK.search(clause)
    whose = re.sub(r"['’]s?\Z", "", clause[: found.start()].strip()) if found else clause
    if found is None:
        return _SOMETHING.search(clause) is not None or _names_this(clause, names)
    return _NO_ONES.fullmatch(f"{whose} " if whose else "") is not None or _names_this(whose, names)


def _is_object(after: str, names: Names) -> bool:
    """Whether what is trained is this model, by the words that follow; it is where they name nothing at all."""
    if _BY.match(after):
        return True
    words = re.findall(r"[^\s,;:()]+", after[:120])[:8]
    if words and words[0][0].isdigit():
        return False
    return any(_names_this(" ".join(words[:number]).rstrip("."), names) for number in range(1, len(words) + 1))


def _bare(words: str) -> str:
    return re.sub(r"[\W_]+", "", re.sub(r"\A(?:the|our|this)\s", "", words.strip(), flags=re.IGNORECASE)).casefold()
