"""What a card's own sentences state: offered with line and value, and used only where they are exact and agree."""

from __future__ import annotations

import pytest

from footprint.card import FromEvidence, content_from_evidence, fill, read_card
from footprint.card.content.statements import read_statements
from tests.card.laws import check_laws

SECTION = """
## Environmental Impact

- **Hardware Type:** [More Information Needed]
- **Hours used:** [More Information Needed]
- **Cloud Provider:** [More Information Needed]
- **Compute Region:** [More Information Needed]
- **Carbon Emitted:** [More Information Needed]
"""


def a_card(text: str, front: str = "license: mit", section: str = SECTION) -> bytes:
    return f"---\n{front}\n---\n# Model\n\n## Training\n\n{text}\n{section}".encode()


def taken(raw: bytes, **given: object) -> FromEvidence:
    return content_from_evidence(read_card(raw), given)


def facts_of(text: str, **known: str) -> dict[str, object]:
    return {str(fact): value for fact, value in read_statements(read_card(a_card(text, **known))).facts.items()}


# -- Sentences --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sentence", "found"),
    [
        ("The model has 124,439,808 parameters.", [("parameters", "124,439,808 parameters")]),
        ("A 7B-parameter decoder.", [("parameters", "7B-parameter")]),
        ("It was trained on 1.5 trillion tokens.", [("tokens", "1.5 trillion tokens")]),
        ("We trained with a batch of 4M tokens.", []),
        ("Trained with sequences of 2048 tokens.", []),
        ("Supports 128k tokens of context.", []),
    ],
)
def test_parameters_and_tokens(sentence: str, found: list[tuple[str, str]]) -> None:
    evidence = read_card(f"# T\n\n{sentence}\n".encode()).evidence
    assert [(one.field, one.value) for one in evidence] == found


def test_a_sentence_that_goes_over_lines_is_read_whole_with_the_line_where_it_starts() -> None:
    first = "This line is long enough that whoever wrote it wrapped it."
    second = "We then trained it in the usual way, as everybody does, on 8 A100"
    prose = f"# T\n\n{first}\n{second}\nGPUs for three days in all, and were glad.\n"
    hardware, hours = read_card(prose.encode()).evidence
    assert (hardware.value, hardware.line) == ("8 A100 GPUs", 4)
    assert (hours.value, hours.line) == ("three days", 4)
    assert hours.text == f"{second} GPUs for three days in all, and were glad."


@pytest.mark.parametrize(
    "between",
    ["\n\n", "\n- ", "\n| ", "\n### ", "  \n", "\\\n", "<br>\n", "\n**Then:** "],
)
def test_what_starts_something_of_its_own_is_no_more_of_the_line_above(between: str) -> None:
    above = "Training took a while, and the whole of it was then done in"
    assert not [
        one for one in read_card(f"# T\n\n{above}{between}12 hours\n".encode()).evidence if "Training" in one.text and one.value
    ]


# -- Statements -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("We trained it on 8 A100 GPUs for 3 days.", {"hardware": "A100", "count": 8, "hours": 72}),
        ("It was trained for 600 GPU-hours on Nvidia A100 80G.", {"hardware": "Nvidia A100 80G", "device_hours": 600}),
        ("Hardware: 32 x 8 x A100 GPUs", {"hardware": "A100", "count": 256}),
        ("Training took 44 hours on a single TPU v3-8.", {"hardware": "TPU v3-8", "count": 1, "hours": 44}),
        ("Training took 44 hours on a TPU v3-256.", {"hardware": "TPU v3-256", "count": 1, "hours": 44}),
        ("Training emitted 2.5 kg CO2eq in all.", {"emissions_g": 2500}),
        ("Total energy consumption of the training: 1.64 kWh", {"energy_kwh": 1.64}),
        ("Fine-tuned on one V100.", {"hardware": "V100", "count": 1, "kind": "fine-tuning"}),
        ("Trained in europe-west4 for 5 h.", {"region": "europe-west4", "hours": 5}),
        ("We trained on 1,000 hours of labelled speech for 3 days on 8 A100s.", {"hardware": "A100", "count": 8, "hours": 72}),
        ("Trained on 680,000 hours of audio using 32 A100 GPUs.", {"hardware": "A100", "count": 32}),
        ("Training took 9 days on 8 A100, with 24 hours of driving.", {"hardware": "A100", "count": 8, "hours": 216}),
        ("Training used 184,320 A100 hours.", {"hardware": "A100", "device_hours": 184320}),
        (
            "The training of this model consumed 433 MWh on 384 A100 GPUs.",
            {"hardware": "A100", "count": 384, "energy_kwh": 433e3},
        ),
        ("This is a language model trained on 8 L40s.", {"hardware": "L40s", "count": 8}),
        ("The model trained for 30 hours on 4 A100 GPUs.", {"hardware": "A100", "count": 4, "hours": 30}),
        ("MODEL was trained for 3 hours.", {"hours": 3}),
        ("Model training took 3 hours.", {"hours": 3}),
        ("Trained overnight (8 hours) for 3 epochs.", {"hours": 8}),
        ("Total training time of the model: ~ 8 hours", {"hours": 8}),
        ("It took 3 hours to train on a single T4 GPU.", {"hardware": "T4", "count": 1, "hours": 3}),
        ("Training data lies in buckets in eu-west-1; trained on 4 V100.", {"hardware": "V100", "count": 4}),
    ],
)
def test_facts_of_a_sentence(text: str, facts: dict[str, object]) -> None:
    assert facts_of(text) == facts


@pytest.mark.parametrize(
    "text",
    [
        "The base model was trained on 1024 TPU v3 for 27 days.",
        "The teacher model was trained on 8 A100 GPUs for 3 days.",
        "You need at least 8 A100 GPUs to train it for 3 days.",
        "Training it from scratch would take 3 days on 8 A100 GPUs.",
        "Training needs more than inference, which takes 2 hours on 8 A100 GPUs.",
        "Each epoch of the training took 3 hours on 8 A100 GPUs.",
        "All models were trained on 8 A100 GPUs for 3 days.",
        "Our larger version was trained on 8 A100 GPUs for 3 days.",
        "We evaluated it on 8 A100 GPUs for 3 days of training time saved.",
        "| large | 8 A100 GPUs | 3 days of training |",
        "Compared to training on 8 A100 GPUs for 3 days, this is cheap.",
        "BERT was trained on 16 V100 for 4 days.",
        "The teacher was trained on 8 A100 GPUs for 3 days.",
        "The reward model was trained on 8 A100 GPUs for 3 days.",
        "The vision encoder was trained on 8 A100 GPUs for 3 days.",
        "This model is a fine-tune of Llama 2, which was trained on 2000 A100 for 21 days.",
        "Our model, distilled from BERT (trained on 16 V100 for 4 days), was trained on 8 V100.",
        "Training BERT took 3 days on 8 A100 GPUs.",
        "Training the 7B model took 3 days on 8 A100 GPUs.",
        "Training a similar model took 3 days on 8 A100 GPUs.",
        "Training of the encoder took 3 days on 8 A100 GPUs.",
        "Alpaca took 3 hours to train on 8 A100 GPUs.",
        "We trained two models on 8 A100 GPUs for 3 days.",
        "The five models were trained on 8 A100 GPUs for 3 days.",
        "Stage 1 training took 20 hours on 8 A100.",
        "Training was interrupted after 20 hours on 8 A100 GPUs.",
        "We continued training for 10 hours on 8 A100.",
        "Trained on a cluster of 128 A100, of which 64 were used, for 3 days.",
        "Trained on 2 nodes of 8 A100 GPUs for 3 days.",
        "A training run on 8 A100 takes 16 hours.",
        "The model trains in 5 hours on 8 A100.",
        "We reserved 64 A100 for 7 days to train.",
        "Hyperparameter search for the training took 100 GPU hours on V100.",
        "The dataset was crawled for 3 months; training took 8 hours on a V100.",
        "Training emitted as much as 3 flights: 20 kg CO2eq.",
        "Audio duration: 10 hours",
        "Training data: 300 hours",
        "Training corpus (300 hours) on 8 V100.",
        "The training set contains 300 kWh.",
        "Whisper's training took 680,000 hours.",
        "BERT training took 3 days on 16 V100.",
        "After training, it took 3 hours to merge on 8 A100.",
        "Trained on an 8xA100 server using 4 of the GPUs for 3 hours.",
        "Trained on a machine with 8 A100 using only one GPU for 3 hours.",
        "The training code was tested on 8 A100.",
        "Carbon saved: 5 kg CO2eq",
        "They trained it on 64 A100 for 4 days.",
    ],
)
def test_what_may_be_about_something_else_is_set_aside(text: str) -> None:
    stated = read_statements(read_card(a_card(text)))
    assert not stated.facts
    assert stated.aside


@pytest.mark.parametrize(
    "text",
    [
        "v1 took 10 hours to train, the next one 20 hours.",
        "Trained for 4 days, then 2 days more.",
        "It was trained for 12 hours a day for 5 days.",
        "Training hit a 24 hour cap.",
        "Trained to forecast 7 days ahead.",
        "We used videos of 10 hours for training.",
        "Trained on LibriSpeech (960 hours).",
        "Training on LibriSpeech (960 hours) took 3 days.",
        "Trained on Common Voice: 300 hours.",
        "Trained on ~300 hours.",
        "Trained on our recordings, 300 hours.",
    ],
)
def test_a_time_that_may_be_a_part_or_a_length_is_no_hours_of_training(text: str) -> None:
    assert "hours" not in facts_of(text)


@pytest.mark.parametrize(
    ("heading", "line", "known"),
    [
        ("## Hardware Requirements", "- GPU: 8 x A100", False),
        ("## Usage", "- GPU: 8 x A100", False),
        ("## Evaluation", "Hardware: 8 x A100", False),
        ("## Training Data", "Duration: 300 hours", False),
        ("## Inference\n\n### Setup", "GPU: A100", False),
        ("## Training Procedure", "Duration: 300 hours", True),
        ("## Environmental Impact", "GPU: A100", True),
        ("## Usage\n\n### Training hardware", "GPU: A100", True),
        ("## Inference", "It took 3 hours on 8 A100 GPUs.", False),
        ("## Evaluation", "Emissions were 5 kg CO2eq.", False),
        ("## Evaluation", "It was trained on 8 A100 GPUs.", True),
        ("## Original model card", "The model was trained on 8 A100 GPUs.", False),
        ("## Base model\n\n### Training", "The model was trained on 8 A100 GPUs.", False),
        ("```", "The model was trained on 8 A100 GPUs.", False),
        ("<!--", "The model was trained on 8 A100 GPUs.", False),
    ],
)
def test_a_label_says_what_stands_above_it(heading: str, line: str, *, known: bool) -> None:
    assert bool(read_statements(read_card(f"# M\n\n{heading}\n\n{line}\n".encode())).facts) == known


@pytest.mark.parametrize(
    ("title", "front", "known"),
    [("BERT", "", True), ("bert-base-mrpc", "base_model: bert", False), ("bert-finetuned-mrpc", "", False), ("MRPC", "", False)],
)
def test_a_name_is_this_models_only_where_the_title_says_it(title: str, front: str, *, known: bool) -> None:
    card = f"---\n{front}\n---\n# {title}\n\nBERT was trained on 8 V100 for 90 hours.\n"
    assert bool(read_statements(read_card(card.encode())).facts) == known


def test_pre_training_is_the_base_models_where_the_card_names_one() -> None:
    text = "It was pre-trained on 2048 A100-80GB GPUs for 21 days."
    assert facts_of(text)["count"] == 2048
    assert facts_of(text, front="base_model: some/model") == {}


@pytest.mark.parametrize(
    ("text", "refused", "left"),
    [
        ("Trained on 8 A100 GPUs for 3 days.\n\nTraining took 100 hours.", {"hours"}, {"hardware", "count"}),
        ("Trained on 8 A100 GPUs.\n\nTrained on 4 V100 GPUs.", {"hardware"}, set()),
        ("Trained on 8 A100 GPUs.\n\nTrained on 16 A100 GPUs.", {"count"}, {"hardware"}),
        ("Trained on a TPU v3-8.\n\nTrained on a TPU v3-256.", {"hardware"}, set()),
        ("Training took 40-45 days.", {"hours"}, set()),
        ("Training took less than 5 days.", {"hours"}, set()),
        ("Pre-trained and fine-tuned for 5 h.", {"kind"}, {"hours"}),
    ],
)
def test_facts_on_which_sentences_do_not_agree_are_refused(text: str, refused: set[str], left: set[str]) -> None:
    stated = read_statements(read_card(a_card(text)))
    assert set(stated.refused) == refused
    assert set(stated.facts) == left


def test_a_field_that_a_person_filled_is_a_statement_too() -> None:
    section = SECTION.replace("Type:** [More Information Needed]", "Type:** 4 x V100")
    assert set(read_statements(read_card(a_card("Trained on 8 A100 GPUs.", section=section))).refused) == {"hardware"}


@pytest.mark.parametrize(("count", "hours"), [("8 x A100", None), ("A100", None), ("1 x A100", 150.0)])
def test_a_number_of_hours_beside_several_devices_may_be_theirs_together(count: str, hours: float | None) -> None:
    section = SECTION.replace("Type:** [More Information Needed]", f"Type:** {count}")
    section = section.replace("used:** [More Information Needed]", "used:** 150")
    assert read_statements(read_card(a_card("", section=section))).facts.get("hours") == hours


@pytest.mark.parametrize(
    ("label", "value", "fact"),
    [
        ("Type", "2 nodes with 8 x A100", "count"),
        ("Type", "8 A100 per node", "count"),
        ("Type", "At least 8 x A100", "count"),
        ("Type", "8 x A100 for training, 1 x T4 for inference", "count"),
        ("used", "72 h wall-clock (base model)", "hours"),
        ("used", "72 h wall-clock, evaluation included", "hours"),
        ("Emitted", "5 kg per epoch", "emissions_g"),
        ("Emitted", "5 kg (offset)", "emissions_g"),
    ],
)
def test_a_field_that_may_be_of_something_else_is_no_fact(label: str, value: str, fact: str) -> None:
    section = SECTION.replace(f"{label}:** [More Information Needed]", f"{label}:** {value}")
    stated = read_statements(read_card(a_card("", section=section)))
    assert fact not in stated.facts
    assert stated.aside


def test_a_model_that_was_made_without_training_has_no_hours() -> None:
    text = "Made by keeping every second layer of it. Trained on 8 A100 GPUs for 3 days."
    assert facts_of(text) == {}


# -- Fills ------------------------------------------------------------------------------------------------------------

TEXT = "We fine-tuned it on 8 A100 SXM4 80GB GPUs for 3 days in europe-west4 (Google Cloud)."


def test_a_fill_cites_the_cards_own_words_and_does_not_eat_them() -> None:
    raw = a_card(TEXT)
    found = taken(raw)
    assert found.content is not None
    plan = check_laws(raw, found.content)
    card = read_card(plan.after)
    said = {name: claim.value for name, claim in card.fields.items() if claim is not None}
    assert said["hardware_type"] == "8 x A100 SXM4 80GB"
    assert said["hours_used"] == "72 h wall-clock (576 device-hours)"
    assert said["compute_region"].startswith("europe-west4")
    assert card.metadata["co2_eq_emissions"]["training_type"] == "fine-tuning"
    assert "what the model card states" in card.metadata["co2_eq_emissions"]["source"]
    assert card.block is not None
    words = card.block.body.decode()
    assert f"“{TEXT}”, under “Training”: the hardware, how many there were, the hours" in words
    assert "not measured by us" in words
    # The line has another number now, and the card says the same as before.
    again = content_from_evidence(card)
    assert again.content is not None
    assert fill(card, again.content).after == plan.after


def test_nothing_is_taken_from_a_card_that_states_nothing() -> None:
    found = taken(a_card("A model for texts. It has 7B parameters and was trained on 3 trillion tokens."))
    assert found.content is None
    assert not found.notes


def test_what_is_left_out_is_told_with_its_line() -> None:
    trained = "Trained on 8 A100 GPUs for 3 days.\n\nTraining took 100 hours."
    found = taken(a_card(f"{trained}\n\nOne V100 is enough to run what we trained, for inference."))
    assert found.content is not None
    assert any("the hours: not used" in note and "line 8: '3 days'" in note and "line 10" in note for note in found.notes)
    assert "line 12: not used: it may be about using the model" in found.notes
    assert "hours_used" not in found.content.fields


def test_given_facts_go_before_the_cards() -> None:
    found = taken(a_card("Trained on 8 A100 GPUs for 3 days."), region="gcp:europe-west4", kind="pre-training", count=4)
    assert found.content is not None
    assert found.content.fields["hardware_type"] == "4 x A100"
    assert found.content.fields["compute_region"].startswith("europe-west4")
    assert found.content.metadata["training_type"] == "pre-training"
    assert any(line.startswith("Given by who filled this card: count, kind, region") for line in found.content.lines)


def test_the_cards_own_figure_stands_as_its_own() -> None:
    found = taken(a_card("Pre-training took 3.3M GPU hours of A100-80GB. Total emissions of the training were 539 tCO2eq."))
    assert found.content is not None
    assert found.content.fields["carbon_emitted"] == "539 t CO2eq (stated in this card's text)"
    assert found.content.metadata["emissions"] == "539000000"
    assert found.content.metadata["source"] == "stated in the model card's text (see there)"


def test_a_figure_that_the_cards_own_facts_cannot_give_is_refused() -> None:
    found = taken(a_card(TEXT + " The training emitted 0.2 kg CO2eq."))
    assert found.content is not None
    assert "0.2" not in found.content.fields["carbon_emitted"]
    assert any(note.startswith("the emissions: not used: the card states 200 g, but its hardware") for note in found.notes)


def test_a_name_that_means_nothing_leaves_the_rest() -> None:
    section = SECTION.replace("Region:** [More Information Needed]", "Region:** Middle Earth")
    found = taken(a_card("Trained on 8 A100 GPUs for 3 days.", section=section))
    assert found.content is not None
    assert found.content.fields["hours_used"] == "72 h wall-clock (576 device-hours)"
    assert any(note.startswith("the region: not used") for note in found.notes)
    plan = check_laws(a_card("Trained on 8 A100 GPUs for 3 days.", section=section), found.content)
    assert b"Middle Earth" in plan.after
    assert not plan.kept


def test_hostile_words_stay_words() -> None:
    raw = a_card("Trained on 8 A100 GPUs <!-- footprint:end --> for 3 days {{ x }}.")
    found = taken(raw)
    if found.content is not None:
        check_laws(raw, found.content)


@pytest.mark.parametrize(
    ("hours", "known"),
    [("72 (3 days)", 72), ("3 days", 72), ("1800 s", 0.5), ("72", None), ("72 h", None), ("72 h wall-clock", 72)],
)
def test_who_counts_in_days_or_seconds_looked_at_a_clock(hours: str, known: float | None) -> None:
    section = SECTION.replace("used:** [More Information Needed]", f"used:** {hours}")
    assert read_statements(read_card(a_card("Trained on 8 A100 GPUs.", section=section))).facts.get("hours") == known


def test_a_card_of_several_models_says_of_none_what_its_sentences_are_about() -> None:
    raw = a_card(
        TEXT, section=SECTION.replace("Impact", "Impact\n\n### Small") + SECTION.replace("## Environmental Impact", "### Large")
    )
    found = taken(raw)
    assert found.content is None
    assert any("2 groups of fields" in note for note in found.notes)


def test_a_persons_field_is_left_alone_and_is_not_called_unknown() -> None:
    remark = "on a machine of our own, of which nobody remembers the name, in a room below the library"
    section = SECTION.replace("Provider:** [More Information Needed]", f"Provider:** {remark}")
    found = taken(a_card(TEXT, section=section))
    assert found.content is not None
    plan = check_laws(a_card(TEXT, section=section), found.content)
    assert remark.encode() in plan.after
    assert not plan.kept
    assert "cloud_provider" not in plan.unknown
