"""<gpt-playground>: the trained GPTs compute the same in a browser as in PyTorch."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mkdocs.config import load_config
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from playwright.sync_api import Locator, Page, Route, expect

from attention import record_attention
from attention.checkpoints import load_json, load_tensors
from attention.data import toy
from attention.generation.sampling import Sampler, generate
from attention.models.gpt import GPT, GPTConfig
from attention.tokenizers.special_tokens import BOS, EOS
from attention.tokenizers.words import WordTokenizer
from tests.site_fixtures import OpenElement
from tools import page_models, playground

PROMPT = "The European Economic Area was created in January 1994 . ="
WRITTEN = "La zone économique européenne a été créée en janvier 1994 ."
FIND, SAME_FOR_GPT = "Find the induction head", "The same test for the GPT"
LOADED = """const { LanguageModel } = await import("./assets/model/language-model.js");
    const url = (name) => new URL(`assets/weights/${name}/`, location.href);
    const loaded = async (name) => LanguageModel.load(url(name));"""
# All tests of these models in one process, so that each is trained once.
pytestmark = [
    pytest.mark.xdist_group("the models that pages train"),
    pytest.mark.on_cpu(reason="a browser, and weights that pages train"),
]


@pytest.fixture(scope="module")
def folders() -> dict[str, Path]:
    """The folders of the two models, as the site publishes them."""
    return {name: page_models.train(*page) for name, page in playground.PAGES.items()}


def restored(folder: Path) -> GPT:
    """A model with the weights that were saved, computing with 64 bits."""
    model = GPT(GPTConfig(**load_json(folder / "model.json")["config"])).double().eval()
    model.load_state_dict(load_tensors(folder / "model.safetensors"))
    return model.requires_grad_(False)


@pytest.fixture
def gpt(folders: dict[str, Path]) -> GPT:
    return restored(folders["gpt"])


@pytest.fixture
def two_layers(folders: dict[str, Path]) -> GPT:
    return restored(folders["induction"])


@pytest.fixture(scope="module")
def tokenizer(folders: dict[str, Path]) -> WordTokenizer:
    return WordTokenizer.from_dict(load_json(folders["gpt"] / "model.json")["tokenizer"])


@pytest.fixture
def open_playground(open_element: OpenElement, folders: dict[str, Path]) -> Callable[..., Page]:
    """Open a page with the element and its weights; `missing` is a file that isn't there."""

    def open_page(missing: str = "", **settings: object) -> Page:
        known = playground.identity(*folders.values())
        html = f"<h1>Test</h1><gpt-playground {known}>A picture.</gpt-playground>"
        page = open_element("gpt-playground", html, **settings)

        def answer(route: Route) -> None:
            path = route.request.url.partition("?")[0].partition("/weights/")[2]
            name, _, file = path.partition("/")
            if path == missing:
                route.fulfill(status=404)
            elif file == "sentences.json":
                route.fulfill(body=json.dumps(["They arrived late . ="]))
            else:
                route.fulfill(path=folders[name] / file)

        page.route("**/assets/weights/**", answer)
        return page

    return open_page


def load(page: Page, mode: str = "Write on") -> Page:
    page.get_by_role("button", name="Load the models").click()
    page.get_by_role("radio", name=mode).check()
    return page


def shown(page: Page) -> str:
    return page.locator(".playground-output").inner_text()


def ablate(model: GPT, layer: int, head: int) -> None:
    """Let a head add nothing."""
    attention = model.layers[layer].attention
    attention.W_o.weight[:, head * attention.d_head : (head + 1) * attention.d_head] = 0


# The same as PyTorch, on the trained weights: random ones hide errors.


def test_every_unseen_line_is_continued_as_in_pytorch(open_playground, gpt, tokenizer):
    prompts = [*(f"{pair.source} =" for pair in toy.small_world("test", 3_000)), "", "The", "zebra"]
    found = open_playground().evaluate(
        f"""async (prompts) => {{
            {LOADED}
            const {{ argmax }} = await import("./assets/model/decoding.js");
            const writer = await loaded("gpt");
            return prompts.map((prompt) => {{
                const text = writer.begin(prompt);
                while (!text.ended) text.write(argmax(text.logits));
                return text.ids;
            }});
        }}""",
        prompts,
    )
    room = gpt.config.max_len + 1  # the last token isn't read
    for prompt, ids in zip(prompts, found, strict=True):
        given = torch.tensor([[BOS, *tokenizer.encode(prompt)]])
        greedy = Sampler(temperature=0)
        assert [ids] == generate(gpt, given, room - given.size(1), greedy, [EOS]).tolist()


@pytest.mark.parametrize("ablated", [[], ["layers.0.attention.1", "layers.1.attention.0"]])
def test_logits_and_weights_are_those_of_pytorch(ablated, open_playground, gpt, tokenizer):
    found = open_playground().evaluate(
        f"""async ([text, ablated]) => {{
            {LOADED}
            const read = (await loaded("gpt")).begin(text, new Set(ablated));
            const weights = read.layers.map(({{ name, heads }}) =>
                Array.from({{ length: heads }}, (_, head) => read.weights(name, head)));
            return {{ ids: read.ids, logits: read.steps.map((step) => step.logits), weights }};
        }}""",
        [f"{PROMPT} {WRITTEN}", ablated],
    )
    ids = [BOS, *tokenizer.encode(f"{PROMPT} {WRITTEN}")]
    assert found["ids"] == ids
    for name in ablated:
        ablate(gpt, int(name.split(".")[1]), int(name.split(".")[3]))
    with record_attention(gpt) as recorded:
        logits = gpt(torch.tensor([ids]))[0]
    close(found["logits"], logits)
    for layer, weights in zip(found["weights"], recorded.values(), strict=True):
        for head, rows in enumerate(layer):
            close([row + [0.0] * (len(rows) - len(row)) for row in rows], weights[0, head])


def close(found: Any, expected: torch.Tensor) -> None:
    """Both compute with 64 bits, but not in the same order."""
    found = torch.tensor(found, dtype=torch.float64)
    torch.testing.assert_close(found, expected.double(), rtol=0, atol=1e-9)


def induction(page: Page, name: str, ablated: tuple[str, ...] = ()) -> dict[str, Any]:
    """What the second experiment computes for a model."""
    return page.evaluate(
        f"""async ([name, ablated]) => {{
            {LOADED}
            const {{ Repetition }} = await import("./assets/playground/repetition.js");
            const experiment = new Repetition(await loaded(name), 12);
            experiment.set({{ ablated }});
            const {{ scores, averages, uniform, predictions, diagonal, generation }} = experiment;
            return {{ scores, averages, uniform, predictions, diagonal, ids: generation.ids }};
        }}""",
        [name, list(ablated)],
    )


@pytest.mark.parametrize("ablated", [(), ("layers.0.attention.0",), ("layers.1.attention.0",)])
def test_the_induction_score_is_that_of_the_page(ablated, open_playground, two_layers):
    found = induction(open_playground(), "induction", ablated)
    for name in ablated:
        ablate(two_layers, int(name.split(".")[1]), 0)
    ids = torch.tensor([found["ids"]])
    assert ids[0, :12].equal(ids[0, 12:])
    with record_attention(two_layers) as recorded:
        logits = two_layers(ids)[0]
    tables = [table[0, 0] for table in recorded.values()]
    close(found["scores"], torch.stack([t.diagonal(-11)[1:].mean() for t in tables]))
    close([found["uniform"]], torch.tensor([sum(1 / (t + 1) for t in range(12, 24)) / 12]))
    right = logits.softmax(dim=-1)[range(12, 23), ids[0, 13:]]
    close([one["probability"] for one in found["predictions"]], right)
    best = [one["token"] == one["predicted"] for one in found["predictions"]]
    assert best == (logits[12:-1].argmax(dim=-1) == ids[0, 13:]).tolist()


def test_what_the_playground_says_of_induction_heads_holds(open_playground):
    page = open_playground()
    intact = induction(page, "induction")["averages"]
    assert intact[0] < 0.1
    assert intact[1] > 0.6
    assert induction(page, "induction", ("layers.0.attention.0",))["averages"][1] < 0.1
    words = induction(page, "gpt")
    text = (playground.labs.ROOT / "docs" / "playground.md").read_text("utf-8")
    low, high, uniform = (
        f"{x:.2f}" for x in (min(words["averages"]), max(words["averages"]), words["uniform"])
    )
    assert f"its four heads score {low} to {high}, and uniform attention scores {uniform}." in text


# What a reader does.


def test_nothing_is_fetched_until_the_reader_asks(open_playground):
    page = open_playground()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    expect(page.locator("gpt-playground")).to_contain_text("A picture.")
    expect(page.locator("gpt-playground")).to_contain_text("278 KB")
    assert not requests
    load(page)
    expect(page.locator(".playground-output")).to_have_text(f"{PROMPT} {WRITTEN}")
    assert {url.partition("/weights/")[2].partition("?")[0] for url in requests} == {
        f"{name}/{file}" for name in playground.PAGES for file in page_models.NAMES
    } | {"gpt/sentences.json"}


def test_a_prompt_is_continued_token_by_token_and_each_is_said(open_playground):
    page = load(open_playground())
    page.get_by_label("Prompt").fill("They arrived late . =")
    assert shown(page) == "They arrived late . = …"
    page.get_by_role("button", name="Next token").click()
    assert shown(page) == "They arrived late . = Ils …"
    said = page.locator("gpt-playground .hidden[role=status]").last
    expect(said).to_have_text(re.compile(r"Ils, attended most to \S+, 0\.\d\d"))
    page.get_by_role("button", name="Write on", exact=True).click()
    assert shown(page) == "They arrived late . = Ils sont arrivés en retard ."
    expect(page.get_by_text("The model has ended the text with </s>.")).to_be_visible()
    page.get_by_role("button", name="Start again").click()
    assert shown(page) == "They arrived late . = …"


def test_it_plays_to_the_end(open_playground):
    page = open_playground()
    page.clock.install()
    load(page)
    page.get_by_role("button", name="Play").click()
    assert shown(page) == f"{PROMPT} …"
    page.clock.run_for(30_000)
    assert shown(page) == f"{PROMPT} {WRITTEN}"
    expect(page.get_by_role("button", name="Play")).to_be_visible()


def test_sampling_settings_hold_from_the_next_token_on(open_playground, gpt, tokenizer):
    page = load(open_playground())
    page.get_by_label("Prompt").fill("The")
    page.get_by_role("button", name="Next token").click()
    before = shown(page)
    for name, value in {"temperature": "2", "top-k (0: all)": "5", "top-p": "0.9"}.items():
        page.get_by_label(name).fill(value)
        page.get_by_label(name).press("Enter")
    assert shown(page) == before
    table = page.get_by_role("group", name="The next token").get_by_role("table")
    heads = table.locator("thead th").all_inner_texts()
    assert heads == ["token", "logit", "probability", "reshaped"]
    ids = torch.tensor([[BOS, *tokenizer.encode(before.removesuffix(" …"))]])
    logits = gpt(ids)[0, -1]
    reshaped = Sampler(2.0, 5, 0.9).probabilities(logits)
    for row in table.locator("tbody tr").all()[:4]:
        token, *numbers = row.locator("th, td").all_inner_texts()
        [index] = tokenizer.encode(token)
        expected = [logits[index], logits.softmax(-1)[index], reshaped[index]]
        assert [float(x) for x in numbers] == pytest.approx([x.item() for x in expected], abs=0.01)


def test_a_seed_gives_the_same_text_again_and_another_seed_another(open_playground):
    page = load(open_playground())
    page.get_by_label("Prompt").fill("")
    texts = []
    for seed in ("1", "1", "2", "3", "4"):
        page.get_by_label("seed").fill(seed)
        page.get_by_label("seed").press("Enter")
        page.get_by_role("button", name="Start again").click()
        page.get_by_role("button", name="Write on", exact=True).click()
        texts.append(shown(page))
    assert texts[0] == texts[1]
    assert len(set(texts)) > 2


def test_a_token_that_the_reader_chooses_is_written_instead(open_playground):
    page = load(open_playground())
    page.get_by_label("Prompt").fill("They arrived late . =")
    second = page.locator(".playground-next tbody button").nth(1)
    token = second.inner_text()
    second.click()
    assert shown(page) == f"They arrived late . = {token} …"


def test_unknown_words_are_named_and_known_ones_completed(open_playground):
    page = load(open_playground())
    prompt = page.get_by_label("Prompt")
    prompt.fill("The Europaen")
    note = page.locator(".playground-sentence .playground-note")
    expect(note).to_contain_text("“Europaen” is not in the vocabulary")
    note.get_by_role("button", name="European", exact=True).click()
    expect(prompt).to_have_value("The European")
    prompt.fill("The Europ")
    options = page.locator("datalist option").evaluate_all("all => all.map(one => one.value)")
    assert "The European" in options


def test_the_model_stops_at_its_last_position_and_says_so(open_playground, gpt, tokenizer):
    page = load(open_playground())
    page.get_by_label("temperature").fill("0")
    prompt = "the " * 30 + "Council"
    page.get_by_label("Prompt").fill(prompt)
    page.get_by_role("button", name="Write on", exact=True).click()
    expect(page.get_by_text("The text is full: the model has learned 32 positions")).to_be_visible()
    ids = torch.tensor([[BOS, *tokenizer.encode(prompt)]])
    assert ids.size(1) == gpt.config.max_len
    last = gpt(ids)[0, -1].argmax().item()
    full = f"{prompt} {tokenizer.tokens([last])[0]}"
    assert shown(page) == full
    expect(page.locator(".playground-next tbody button").first).to_be_disabled()
    page.get_by_label("Prompt").fill(f"the {prompt}")
    note = page.locator(".playground-sentence .playground-note")
    expect(note).to_contain_text("This prompt has 33 tokens, <s> included")
    assert shown(page) == full


def test_an_ablated_head_changes_the_text_as_it_does_in_pytorch(open_playground, gpt, tokenizer):
    page = load(open_playground())
    page.get_by_label("temperature").fill("0")
    page.get_by_label("temperature").press("Enter")
    page.get_by_text("Ablate heads").click()
    page.get_by_role("checkbox", name="Self-attention, layer 1, head 2").uncheck()
    ablate(gpt, 0, 1)
    ids = torch.tensor([[BOS, *tokenizer.encode(PROMPT)]])
    new = generate(gpt, ids, 33 - ids.size(1), Sampler(temperature=0), [EOS])[0, ids.size(1) :]
    text = tokenizer.detokenize(tokenizer.tokens(i for i in new.tolist() if i != EOS))
    assert text != WRITTEN
    assert shown(page) == f"{PROMPT} {text}"
    expect(page.get_by_text(f"With all heads: {WRITTEN}")).to_be_visible()


def test_every_head_can_be_seen(open_playground):
    page = load(open_playground())
    page.get_by_text("All heads, small").click()
    expect(page.locator("head-view .head-view-overview svg")).to_have_count(4)
    page.get_by_role("combobox", name="Layer").select_option("layers.1.attention")
    expect(page.locator("alignment-view legend")).to_have_text("Self-attention, layer 2, head 2")
    french = page.locator("alignment-view label[lang=fr]").all_inner_texts()
    assert french == ["La", *WRITTEN.split()[1:], "</s>"]


def score(page: Page, head: str, column: int = 0) -> float:
    row = page.get_by_role("table", name="Induction scores").get_by_role("row", name=head)
    return float(row.get_by_role("cell").nth(column).inner_text())


def marked(page: Page) -> Locator:
    return page.locator(".weight-table td.marked")


def test_the_induction_head_is_found_and_falls_with_the_head_before_it(open_playground):
    page = load(open_playground(), FIND)
    assert score(page, "layer 2, head 1") > 0.6
    expect(page.get_by_text("Predictions in the second half: 11 of 11 right")).to_be_visible()
    cells = marked(page).evaluate_all(
        "cells => cells.map((cell) => [cell.parentElement.sectionRowIndex, cell.cellIndex - 1])"
    )
    assert cells == [[12 + i, 1 + i] for i in range(12)]
    weights = [float(text.split()[0]) for text in marked(page).all_inner_texts()[:-1]]
    assert sum(weights) / 12 == pytest.approx(score(page, "layer 2, head 1"), abs=0.02)
    page.get_by_role("checkbox", name="Self-attention, layer 1, head 1").uncheck()
    assert score(page, "layer 2, head 1") < 0.2
    assert score(page, "layer 2, head 1", column=1) < 0.1
    said = page.locator("gpt-playground .hidden[role=status]").last
    expect(said).to_have_text(
        re.compile(r"layer 2, head 1: 0\.\d\d\. Predictions: \d+ of 11 right")
    )


def test_the_second_head_keeps_its_score_without_its_effect(open_playground):
    page = load(open_playground(), FIND)
    before = score(page, "layer 2, head 1")
    page.get_by_role("checkbox", name="Self-attention, layer 2, head 1").uncheck()
    assert score(page, "layer 2, head 1") == before
    expect(page.get_by_text("Predictions in the second half: 11 of 11")).to_have_count(0)


def test_the_reader_chooses_the_tokens(open_playground):
    page = load(open_playground(), FIND)
    tokens = page.get_by_label("Tokens, which the model reads twice")
    tokens.fill("a b c d")
    heads = page.locator(".weight-table tbody th").all_inner_texts()
    assert heads == [*"ABCDABCD"]
    assert score(page, "layer 2, head 1") < 0.2  # it has only learned halves of twelve
    tokens.fill("A")
    expect(page.get_by_text("This is 1 token. Give the model 2 to 12")).to_be_visible()
    expect(tokens).to_have_attribute("aria-invalid", "true")
    before = tokens.input_value()
    page.get_by_role("button", name="Other tokens").click()
    assert len(set(tokens.input_value().split())) == 12 != len(before)


def test_the_gpt_has_no_induction_head(open_playground):
    page = load(open_playground(), SAME_FOR_GPT)
    for layer in (1, 2):
        for head in (1, 2):
            assert score(page, f"layer {layer}, head {head}", column=1) < 0.1


def test_the_experiments_are_chosen_by_keyboard(open_playground):
    page = load(open_playground())
    page.get_by_role("radio", name="Write on").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name=FIND)).to_be_checked()
    expect(page.get_by_role("table", name="Induction scores")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".playground-output")).to_be_visible()


@pytest.mark.parametrize("mode", ["Write on", FIND, SAME_FOR_GPT])
def test_no_experiment_overflows_a_phone(mode, open_playground):
    page = load(open_playground(viewport={"width": 360, "height": 740}), mode)
    expect(page.get_by_role("table").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


# What can go wrong.


@pytest.mark.parametrize(
    "file", ["gpt/model.json", "induction/model.safetensors", "gpt/sentences.json"]
)
def test_a_missing_file_is_told_and_can_be_tried_again(file, open_playground):
    page = open_playground(missing=file)
    page.get_by_role("button", name="Load the models").click()
    expect(page.locator("gpt-playground")).to_contain_text("the server answers 404")
    expect(page.get_by_role("button", name="Try again")).to_be_enabled()


def test_a_site_without_weights_says_so(open_element):
    page = open_element("gpt-playground", "<gpt-playground></gpt-playground>")
    page.get_by_role("button", name="Load the models").click()
    expect(page.locator("gpt-playground")).to_contain_text("built without the models")


# What the build publishes.


def test_a_page_is_told_of_all_its_weights_or_of_none(folders, monkeypatch):
    page = '<gpt-playground checksum="<!--weights gpt induction-->">'
    monkeypatch.setattr(playground, "weights", folders.get)
    known = playground.on_page_content(page)
    assert re.search(r'checksum="[\da-f]{8} [\da-f]{8}" bytes="\d{6}"', known)
    monkeypatch.setattr(playground, "weights", {"gpt": folders["gpt"]}.get)
    assert playground.on_page_content(page) == "<gpt-playground >"
    monkeypatch.undo()
    monkeypatch.setenv("LABS", "skip")
    assert playground.on_page_content(page) == "<gpt-playground >"


def test_a_page_whose_blocks_fail_stops_the_build_with_their_error(tmp_path, monkeypatch):
    page = tmp_path / "page.md"
    page.write_text("```python\nraise OSError('no Trainer()')\n```\n", "utf-8")
    monkeypatch.setattr(page_models.lab_runs, "KEPT", tmp_path / "kept")
    with pytest.raises(PluginError, match=r"(?s)page\.md: .*no Trainer"):
        page_models.train(page, "model")
    assert not [*(tmp_path / "kept").iterdir()]


def published(
    monkeypatch, folders: dict[str, Path], page: str = playground.PAGE, **state: object
) -> tuple[list, list]:
    """What is made for a site with this page, and the addresses of what is published with it."""
    made: list[Path] = []
    monkeypatch.setattr(playground.lab_runs, "execute", made.append)
    monkeypatch.setattr(playground.page_models, "train", lambda page, name: made.append(page))
    monkeypatch.setattr(playground, "weights", folders.get)
    for name, value in state.items():
        monkeypatch.setattr(playground, name, value)
    config = load_config(str(playground.labs.ROOT / "mkdocs.yml"))
    config.plugins._current_plugin = "tools/playground.py"  # as MkDocs sets it around a hook
    files = playground.on_files(Files([File.generated(config, page, content="")]), config)
    return made, sorted(file.src_uri for file in files if file.src_uri != page)


def test_a_site_without_the_page_makes_no_model(folders, monkeypatch):
    monkeypatch.delenv("LABS", raising=False)
    assert published(monkeypatch, folders, page="another.md") == ([], [])


def test_a_build_makes_all_models_and_publishes_them(folders, monkeypatch):
    monkeypatch.delenv("LABS", raising=False)
    made, addresses = published(monkeypatch, folders)
    pages = [page for page, _ in playground.PAGES.values()]
    assert made == [playground.LAB, playground.OTHERS, *pages]
    files = {f"{name}/{file}" for name in playground.PAGES for file in page_models.NAMES}
    assert addresses == sorted(f"assets/weights/{file}" for file in files | {"gpt/sentences.json"})


def test_a_server_does_not_wait_for_a_training(monkeypatch):
    monkeypatch.delenv("LABS", raising=False)
    assert published(monkeypatch, {}, serving=True) == ([], [])


def test_without_labs_nothing_is_trained(monkeypatch):
    monkeypatch.setenv("LABS", "skip")
    assert published(monkeypatch, {}) == ([], [])
